"""A dealing is refused as soon as one quorum could open something else, or it was made for something else."""

import random
from dataclasses import replace
from itertools import combinations

import crypto_scene as scene
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.crypto import dealing, proof, sharing
from escrow.crypto.dealing import Dealing
from escrow.crypto.group import BASE, IDENTITY, Point, Scalar, base_mul, mul
from escrow.crypto.sharing import Gate, Leaf, Shape
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError, ForgedError, MalformedError, RefusedError

SHAPE = scene.TWO_OF_THREE
KEYS = scene.opening_keys(3)
SECRETS = scene.seat_keys(6)
DIGEST = bytes(32)
SECRET, DEALT = dealing.deal(SHAPE, KEYS)
PROOF = dealing.prove_dealing(SHAPE, KEYS, DEALT, SECRET.e, DIGEST)


def refused(
    dealt: Dealing = DEALT,
    *,
    shape: Shape = SHAPE,
    keys: list[Point] = KEYS,
    by: bytes = PROOF,
    digest: bytes = DIGEST,
    code: str = "dealing_proof_false",
) -> None:
    with pytest.raises(EscrowError) as caught:
        dealing.verify_dealing(shape, keys, dealt, by, digest)
    assert caught.value.code == code


def proven_anyway(dealt: Dealing, e: Scalar, shape: Shape = SHAPE, keys: list[Point] = KEYS) -> bytes:
    """What a depositor who knows e, and lies about the rest, can prove."""
    return dealing.prove_dealing(shape, keys, dealt, e, DIGEST)


def opened(dealt: Dealing, x: Scalar, leaf: int) -> Point:
    """A_i, by the seat's own key."""
    return dealt.C[leaf] - mul(x, dealt.E)


def test_honest_dealing_is_verified_and_every_quorum_opens_it() -> None:
    dealing.verify_dealing(SHAPE, KEYS, DEALT, PROOF, DIGEST)
    for pair in combinations(range(3), 2):
        shares = {i: opened(DEALT, SECRETS[i].opening, i) for i in pair}
        weights = sharing.combine_weights(SHAPE, frozenset(pair))
        assert sum((mul(w, shares[i]) for i, w in weights.items()), IDENTITY) == SECRET.S


@pytest.mark.parametrize("leaf", [0, 1, 2])
def test_share_replaced_is_refused(leaf: int) -> None:
    C = list(DEALT.C)
    C[leaf] = C[leaf] + BASE
    bad = replace(DEALT, C=tuple(C))
    refused(bad)
    refused(bad, by=proven_anyway(bad, SECRET.e))


def test_shares_exchanged_are_refused() -> None:
    bad = replace(DEALT, C=(DEALT.C[1], DEALT.C[0], DEALT.C[2]))
    refused(bad)
    refused(bad, by=proven_anyway(bad, SECRET.e))


def test_share_of_another_dealing_is_refused() -> None:
    other = dealing.deal(SHAPE, KEYS)[1]
    bad = replace(DEALT, C=(*DEALT.C[:2], other.C[2]))
    refused(bad)
    refused(bad, by=proven_anyway(bad, SECRET.e))


def test_e_swapped_is_refused() -> None:
    other_secret, other = dealing.deal(SHAPE, KEYS)
    bad = replace(DEALT, E=other.E)
    refused(bad)
    refused(bad, by=proven_anyway(bad, SECRET.e))
    refused(bad, by=proven_anyway(bad, other_secret.e))


def test_dealing_copied_for_another_record_path_or_author_is_refused() -> None:
    """All of these reach the dealing as another digest."""
    refused(digest=b"\x01" + DIGEST[1:])
    refused(digest=b"")


def test_proof_of_another_dealing_is_refused() -> None:
    secret, dealt = dealing.deal(SHAPE, KEYS)
    refused(by=dealing.prove_dealing(SHAPE, KEYS, dealt, secret.e, DIGEST))


def test_dealing_for_another_policy_is_refused() -> None:
    for k in (1, 3):
        refused(shape=replace(SHAPE, k=k))
    refused(shape=Gate(k=1, children=(SHAPE,)))


def test_dealing_of_lower_threshold_is_refused_under_a_proof_made_for_it() -> None:
    """Values of 3 of 3 dealt on a 2 of 3 path: each pair of seats would open something else."""
    values = sharing.deal_values(replace(SHAPE, k=3), Scalar.random())
    e = Scalar.random()
    bad = scene.plain_dealing(values, KEYS, e)
    refused(bad, by=proven_anyway(bad, e))


def test_other_keys_than_those_dealt_to_are_refused() -> None:
    keys = [*KEYS[:2], scene.opening_keys(4)[3]]
    refused(keys=keys)
    refused(keys=keys, by=proven_anyway(DEALT, SECRET.e, keys=keys))


def test_two_seats_with_one_opening_key_are_refused() -> None:
    keys = [KEYS[0], KEYS[1], KEYS[1]]
    refused(keys=keys, code="opening_keys_repeat")
    with pytest.raises(RefusedError) as caught:
        dealing.deal(SHAPE, keys)
    assert caught.value.code == "opening_keys_repeat"


@pytest.mark.parametrize("count", [0, 2, 4])
def test_more_or_fewer_keys_than_leaves_are_refused(count: int) -> None:
    keys = scene.opening_keys(count)
    refused(keys=keys, code="dealing_length")
    with pytest.raises(MalformedError) as caught:
        dealing.deal(SHAPE, keys)
    assert caught.value.fields == {"field": "keys"}


@pytest.mark.parametrize("C", [(), DEALT.C[:2], (*DEALT.C, BASE)], ids=len)
def test_more_or_fewer_shares_than_leaves_are_refused(C: tuple[Point, ...]) -> None:
    refused(replace(DEALT, C=C), code="dealing_length")


@pytest.mark.parametrize("size", [0, 63, 65, 96])
def test_proof_of_wrong_length_is_refused(size: int) -> None:
    refused(by=bytes(size), code="proof_length")


def test_scalar_above_the_order_in_the_proof_is_refused() -> None:
    refused(by=PROOF[:32] + b"\xff" * 32, code="scalar_not_canonical")


# Zero as a secret or share is nobody's business: it opens like any other.


def test_secret_zero_and_share_zero_are_dealt_verified_and_opened() -> None:
    for values in ([0, 0, 0], [5, 0, -5], [0, 7, 14]):
        e = Scalar.random()
        dealt = scene.plain_dealing([Scalar.of_int(a) for a in values], KEYS, e)
        dealing.verify_dealing(SHAPE, KEYS, dealt, proven_anyway(dealt, e), DIGEST)
        weights = sharing.combine_weights(SHAPE, frozenset({1, 2}))
        S = sum((mul(w, opened(dealt, SECRETS[i].opening, i)) for i, w in weights.items()), IDENTITY)
        assert base_mul(Scalar.of_int(2 * values[0] - values[1])) == S


# All-of-all: the weights are all zero by shape, and only there.

ALL = Gate(k=2, children=(Leaf(), Gate(k=2, children=(Leaf(), Leaf()))))


@pytest.mark.parametrize("shape", [ALL, Gate(k=3, children=(Leaf(),) * 3), Gate(k=1, children=(ALL,))])
def test_all_of_all_takes_any_shares_but_no_unknown_e(shape: Shape) -> None:
    secret, dealt = dealing.deal(shape, KEYS)
    good = dealing.prove_dealing(shape, KEYS, dealt, secret.e, DIGEST)
    dealing.verify_dealing(shape, KEYS, dealt, good, DIGEST)
    borrowed = replace(dealt, E=DEALT.E)
    refused(borrowed, shape=shape, by=proven_anyway(borrowed, secret.e, shape))
    refused(dealt, shape=shape, by=good, digest=b"other")
    refused(replace(dealt, C=(dealt.C[0] + BASE, *dealt.C[1:])), shape=shape, by=good)


def test_single_leaf_is_all_of_all() -> None:
    secret, dealt = dealing.deal(Leaf(), KEYS[:1])
    dealing.verify_dealing(
        Leaf(), KEYS[:1], dealt, dealing.prove_dealing(Leaf(), KEYS[:1], dealt, secret.e, DIGEST), DIGEST
    )
    assert opened(dealt, SECRETS[0].opening, 0) == secret.S


def test_proof_of_e_alone_is_refused_where_there_is_an_equation() -> None:
    """A depositor cannot choose the easy proof of all-of-all for a policy that is not."""
    bad = replace(DEALT, C=(DEALT.C[0] + BASE, *DEALT.C[1:]))
    context = dealing._context(SHAPE, KEYS, bad, DIGEST)
    refused(bad, by=proof.prove_log(Label.PROOF_DEALING, SECRET.e, bad.E, context))


def test_u_identity_with_another_v_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By weights no depositor can choose. The equation then reads 0 = V, and must not be skipped."""
    keys = [KEYS[0], KEYS[1], KEYS[0] + KEYS[1]]
    word = [Scalar.of_int(n) for n in (1, 1, -1)]
    monkeypatch.setattr(dealing, "_weights", lambda shape, context: word)
    e = Scalar.random()
    for values, good in (((3, 4, 7), True), ((3, 4, 8), False)):
        dealt = scene.plain_dealing([Scalar.of_int(a) for a in values], keys, e)
        by = proven_anyway(dealt, e, keys=keys)
        if good:
            dealing.verify_dealing(SHAPE, keys, dealt, by, DIGEST)
        else:
            refused(dealt, keys=keys, by=by)


# Against brute force, on random nested policies.


def gates(children: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return st.lists(children, min_size=1, max_size=3).flatmap(
        lambda c: st.integers(1, len(c)).map(lambda k: Gate(k=k, children=tuple(c)))
    )


shapes = st.recursive(st.just(Leaf()), gates, max_leaves=6).filter(lambda s: sharing.leaf_count(s) <= 6)


def secrets_of_all_quorums(shape: Shape, dealt: Dealing) -> set[Point]:
    """Open by every minimal quorum."""
    count = sharing.leaf_count(shape)
    shares = [opened(dealt, SECRETS[i].opening, i) for i in range(count)]
    found, quorums = set(), list[frozenset[int]]()
    for size in range(1, count + 1):
        for leaves in map(frozenset, combinations(range(count), size)):
            if any(quorum <= leaves for quorum in quorums):
                continue
            try:
                weights = sharing.combine_weights(shape, leaves)
            except RefusedError:
                continue
            quorums.append(leaves)
            found.add(sum((mul(w, shares[i]) for i, w in weights.items()), IDENTITY))
    return found


@settings(max_examples=50, deadline=None)
@given(shapes, st.randoms(use_true_random=False), st.booleans())
def test_verified_exactly_if_every_quorum_opens_the_same(
    shape: Shape, choice: random.Random, perturb: bool
) -> None:
    count = sharing.leaf_count(shape)
    keys, e = scene.opening_keys(count), Scalar.random()
    values = sharing.deal_values(shape, Scalar.random())
    if perturb:
        for leaf in choice.sample(range(count), choice.randint(1, count)):
            values[leaf] = values[leaf] + Scalar.of_int(choice.randrange(1, 2**252))
    dealt = scene.plain_dealing(values, keys, e)
    by = proven_anyway(dealt, e, shape, keys)
    try:
        dealing.verify_dealing(shape, keys, dealt, by, DIGEST)
        verified = True
    except ForgedError:
        verified = False
    assert (len(secrets_of_all_quorums(shape, dealt)) == 1) == verified
