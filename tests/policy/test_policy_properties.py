"""Laws that hold for every policy, on drawn ones, and against slow twins that try every set of seats."""

import sys
from datetime import UTC, datetime
from itertools import chain, combinations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from escrow.crypto import sharing
from escrow.crypto.group import Scalar
from escrow.errors import EscrowError, RefusedError
from escrow.policy.explain import explain, what_if
from escrow.policy.outlook import MAX_GROUPS_LISTED, can_open_alone, outlook, smallest_margin
from escrow.policy.text import MAX_TEXT_CHARS, parse, print_
from escrow.policy.tree import MAX_LEVELS, MAX_SEAT_NAME_CHARS, MAX_SEATS, Gate, Node, Policy, Seat
from escrow.policy.verdict import Verdict, assess, assess_seats, require

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NAMES = ("of", "all", "any", "1", "2", "side-a-1", "x" * 40, *(f"s{n}" for n in range(33)))


@st.composite
def policies(draw: st.DrawFn, most_seats: int = 40) -> Policy:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=most_seats, unique=True))
    return Policy(_gate(draw, names, MAX_LEVELS))


def _gate(draw: st.DrawFn, names: list[str], levels: int) -> Gate:
    """A gate over all of `names` in order: each name opens a new child or joins the one before it."""
    parts = [names[:1]]
    for name in names[1:]:
        if levels == 1 or draw(st.booleans()):
            parts.append([name])
        else:
            parts[-1].append(name)
    children = tuple(_node(draw, part, levels - 1) for part in parts)
    return Gate(draw(st.integers(1, len(children))), children)


def _node(draw: st.DrawFn, names: list[str], levels: int) -> Node:
    if len(names) == 1 and (levels == 0 or draw(st.booleans())):
        return Seat(names[0])
    return _gate(draw, names, levels)


SMALL = policies(most_seats=6)


def subsets(seats: tuple[str, ...]) -> list[frozenset[str]]:
    sizes = range(len(seats) + 1)
    return [frozenset(s) for s in chain.from_iterable(combinations(seats, size) for size in sizes)]


def brute(node: Node, present: frozenset[str]) -> bool:
    """The definition itself: some k of the children are all met."""
    if isinstance(node, Seat):
        return node.name in present
    return any(all(brute(child, present) for child in some) for some in combinations(node.children, node.k))


def sets_that_open(policy: Policy, gone: frozenset[str] = frozenset()) -> list[frozenset[str]]:
    return [s for s in subsets(policy.seats) if not s & gone and brute(policy.root, s)]


@given(policies())
def test_printing_then_parsing_gives_the_same_policy(policy: Policy) -> None:
    assert parse(print_(policy)) == policy


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(["all", "any", "of", " ", "(", ")", ", ", "a", "b", "2", "0"]), max_size=25
    ).map("".join)
)
@example("all of (of, all, any, 2)")
def test_junk_is_refused_by_our_errors_and_whatever_is_accepted_prints_as_it_was(text: str) -> None:
    try:
        policy = parse(text)
    except EscrowError:  # and nothing else
        return
    assert print_(policy) == text


@given(policies(most_seats=12), st.data())
def test_one_character_changed_is_refused_or_is_another_policy(policy: Policy, data: st.DataObject) -> None:
    text = print_(policy)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from(" (),-a0of\t\n\u00e9")) + text[at + 1 :]
    assume(changed != text)
    try:
        other = parse(changed)
    except EscrowError:
        return
    assert other != policy
    assert print_(other) == changed


def test_the_longest_policy_that_the_tree_allows_fits_its_text() -> None:
    branches: list[Node] = []
    for n in range(MAX_SEATS):
        node: Node = Seat(f"{n:03d}".ljust(MAX_SEAT_NAME_CHARS, "x"))
        for _ in range(MAX_LEVELS - 1):
            node = Gate(1, (node,))
        branches.append(node)
    policy = Policy(Gate(128, tuple(branches)))
    assert len(print_(policy)) < 27_000 < MAX_TEXT_CHARS
    assert parse(print_(policy)) == policy


@given(policies(), st.data())
def test_one_more_sign_off_never_closes_a_gate(policy: Policy, data: st.DataObject) -> None:
    some = data.draw(st.frozensets(st.sampled_from(policy.seats)))
    more = some | data.draw(st.frozensets(st.sampled_from(policy.seats)))
    pairs = zip(_flat(assess_seats(policy, some)), _flat(assess_seats(policy, more)), strict=True)
    assert all(after.met or not before.met for before, after in pairs)


def _flat(verdict: Verdict) -> list[Verdict]:
    return [verdict, *chain.from_iterable(map(_flat, verdict.children))]


@given(SMALL)
def test_verdict_agrees_with_brute_force_on_every_set(policy: Policy) -> None:
    for present in subsets(policy.seats):
        verdict = assess(policy, present | {"stranger"}, not_before=None, at=NOW)
        assert verdict.met == brute(policy.root, present)
        assert all(part.met == (part.have >= part.need) for part in _flat(verdict))


@given(SMALL)
def test_missing_names_exactly_the_seats_that_some_way_to_open_still_needs(policy: Policy) -> None:
    """A seat is missing iff it stands in some unmet branch: with all of the missing the policy is met, and no
    seat that has signed is among them."""
    for present in subsets(policy.seats):
        verdict = assess_seats(policy, present)
        assert verdict.met == (verdict.missing == ())
        assert not present.intersection(verdict.missing)
        assert brute(policy.root, present.union(verdict.missing))


@given(SMALL)
def test_require_raises_for_exactly_the_sets_that_assess_denies(policy: Policy) -> None:
    for present in subsets(policy.seats):
        if brute(policy.root, present):
            require(policy, present, not_before=None, at=NOW)
        else:
            with pytest.raises(RefusedError, match="policy_not_met"):
                require(policy, present, not_before=None, at=NOW)


@given(SMALL)
def test_verdict_and_sharing_open_for_the_same_sets(policy: Policy) -> None:
    """The policy that people read and the shares that mathematics deals are one thing, seat by seat."""
    for present in subsets(policy.seats):
        leaves = frozenset(i for i, name in enumerate(policy.seats) if name in present)
        if assess_seats(policy, present).met:
            used = sharing.combine_weights(policy.shape, leaves).keys()
            assert used <= leaves
            assert assess_seats(policy, frozenset(policy.seats[i] for i in used)).met
        else:
            with pytest.raises(RefusedError, match="quorum_not_met"):
                sharing.combine_weights(policy.shape, leaves)


@given(SMALL)
def test_each_smallest_group_recovers_the_secret_dealt_to_the_seats_in_order(policy: Policy) -> None:
    secret = Scalar.random()
    values = dict(zip(policy.seats, sharing.deal_values(policy.shape, secret), strict=True))
    for group in outlook(policy).groups:
        leaves = frozenset(map(policy.seats.index, group))
        total = Scalar.of_int(0)
        for leaf, weight in sharing.combine_weights(policy.shape, leaves).items():
            total += weight * values[policy.seats[leaf]]
        assert total == secret


@given(SMALL, st.data())
def test_outlook_agrees_with_brute_force_whoever_is_gone(policy: Policy, data: st.DataObject) -> None:
    gone = data.draw(st.frozensets(st.sampled_from(policy.seats), max_size=3))
    view = outlook(policy, gone=gone)
    opening = sets_that_open(policy, gone)
    smallest = [s for s in opening if not any(t < s for t in opening)]
    left = frozenset(policy.seats) - gone
    shutting = [s for s in subsets(policy.seats) if s <= left and not any(s.isdisjoint(o) for o in opening)]

    assert view.margin == (min(map(len, shutting)) - 1 if opening else None)
    assert view.group_count == len(smallest)
    if len(smallest) <= MAX_GROUPS_LISTED:
        assert {frozenset(group) for group in view.groups} == set(smallest)
        assert len(view.groups) == len(smallest)
    else:
        assert view.groups == ()
    assert view.least == min(map(len, smallest), default=0)
    assert set(view.alone) == {seat for seat in left if frozenset({seat}) in opening}
    assert set(view.needed) == (
        {seat for seat in left if all(seat in s for s in opening)} if opening else set()
    )


@given(SMALL)
def test_margin_counts_the_losses_that_can_always_be_borne(policy: Policy) -> None:
    margin = smallest_margin(policy)
    everyone = frozenset(policy.seats)
    lost = {size: [s for s in subsets(policy.seats) if len(s) == size] for size in (margin, margin + 1)}
    assert all(brute(policy.root, everyone - s) for s in lost[margin])
    assert not all(brute(policy.root, everyone - s) for s in lost[margin + 1])


@given(SMALL, st.data())
def test_party_opens_alone_exactly_when_its_seats_are_a_quorum(policy: Policy, data: st.DataObject) -> None:
    holders = {seat: data.draw(st.sampled_from(["ann", "ben", "cy"])) for seat in policy.seats}
    held = {p: frozenset(s for s in policy.seats if holders[s] == p) for p in ("ann", "ben", "cy")}
    assert can_open_alone(policy, held) == tuple(p for p in held if brute(policy.root, held[p]))


def test_charter_of_many_parties_and_seats_costs_no_walk_for_each_of_them() -> None:
    """Asked of 256 parties one by one, printing the policy at every node, 32 paths took 12 s to refuse."""
    names = [f"{'s' * 36}{i:04d}" for i in range(256)]
    root = Gate(k=32, children=tuple(map(Seat, names[:33])))
    for at in range(33, 256, 32):
        root = Gate(k=1, children=(root, *map(Seat, names[at : at + 32])))
    policy = Policy(root)
    parties = {name: frozenset({name}) for name in names}
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        alone = can_open_alone(policy, parties)
    finally:
        sys.setprofile(before)
    assert alone == tuple(names[33:])
    assert steps < 40 * len(names)  # calls and returns; one walk a party takes at least its square


@given(policies(), st.data())
def test_every_condition_is_labelled_and_every_seat_is_named(policy: Policy, data: st.DataObject) -> None:
    said = explain(policy, audience="the public", not_before=NOW)
    words = set(str(said).replace(",", " ").replace(";", " ").replace(".", " ").split())
    assert set(policy.seats) <= words
    labels = [sentence.enforced for sentence in said.sentences if sentence.enforced is not None]
    assert labels.count("procedural") == 1
    assert labels.count("cryptographic") == len(labels) - 1 >= 1
    gone = data.draw(st.frozensets(st.sampled_from(policy.seats)))
    assert ("stays shut for ever" in what_if(policy, gone).sentences[0].text) == (
        not assess_seats(policy, frozenset(policy.seats) - gone).met
    )
