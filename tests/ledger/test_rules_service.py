"""Rule L5: a case moves to another card of its service by its seats' yes alone. Wrong deeds first."""

from dataclasses import replace

import pytest
from support.build import (
    CONVENOR,
    SEATS,
    SERVICE,
    START,
    Case,
    MemoryChain,
    acceptance,
    accepted_case,
    charter,
    party,
    proposing,
)
from support.dropping import dropped, order_file
from support.refusals import refuses

from escrow.crypto.identity import Identity
from escrow.errors import ForgedError, NotFoundError, RefusedError
from escrow.ledger import bundle, entry, snapshot
from escrow.ledger.audit import audit
from escrow.ledger.bundle import Bundle
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState
from escrow.model.deeds import Note

NEW, THIEF, THIRD = party("new service key"), party("thief"), party("third service key")
MOVED = charter(service=NEW.card)


def chain_of(case: Case) -> MemoryChain:
    assert isinstance(case.chain, MemoryChain)
    return case.chain


def case_of_two_keys(*more: Identity) -> Case:
    """An accepted case whose service has its new key already."""
    return accepted_case(MemoryChain(more=(NEW, *more)))


def moved_case() -> Case:
    case = case_of_two_keys()
    return case.accept_all(case.propose(MOVED))


def signed_by(case: Case, service: Identity, statement: str, *, n: int | None = None) -> str:
    """An entry at the end of this case, by whoever has this key."""
    head = case.state.head
    return entry.compose(
        service, case=case.id, n=head.n + 1 if n is None else n, prev=head.hash,
        received_at=case.state.received_at, statement=statement,
    )  # fmt: skip


def any_deed(case: Case) -> str:
    return case.statement(CONVENOR, Note(text=b"0" * 304))


def not_in_force(case: Case, signer: Identity, raw: str) -> None:
    with refuses(
        ForgedError, "entry_signer_not_in_force", state=case.state,
        author=signer.card.fingerprint, expected=case.state.service.fingerprint,
    ):  # fmt: skip
        extend(case.state, raw)


def replayed(case: Case) -> CaseState:
    state: CaseState | None = None
    for raw in chain_of(case).entries:
        state = extend(state, raw)
    assert state is not None
    return state


# Before the seats have said yes


def test_thief_of_the_old_key_who_is_no_party_cannot_propose_its_own_card() -> None:
    case = accepted_case()
    stolen = case.statement(THIEF, proposing(case.state, charter(service=THIEF.card), THIEF))
    for signer in (SERVICE, THIEF):
        with refuses(NotFoundError, "author_unknown", state=case.state):
            extend(case.state, signed_by(case, signer, stolen))


def test_one_seat_that_proposes_a_card_of_its_own_moves_nothing() -> None:
    case = case_of_two_keys()
    proposal = case.propose(charter(service=THIEF.card), SEATS["claimant"])
    case.accept("claimant", proposal=proposal)
    assert case.state.service == SERVICE.card
    not_in_force(case, THIEF, signed_by(case, THIEF, any_deed(case)))


def test_nothing_but_the_yes_to_it_may_be_signed_by_a_proposed_card() -> None:
    case = case_of_two_keys()
    case.propose(MOVED)
    not_in_force(case, NEW, signed_by(case, NEW, any_deed(case)))
    sealed = case.statement(CONVENOR, proposing(case.state, charter(public_notice="another"), CONVENOR))
    not_in_force(case, NEW, signed_by(case, NEW, sealed))


def test_one_dissenting_seat_keeps_the_old_card_in_force() -> None:
    case = case_of_two_keys()
    proposal = case.propose(MOVED)
    for seat in list(SEATS)[1:]:
        case.accept(seat, proposal=proposal)
    assert case.state.service == SERVICE.card
    case.note()
    not_in_force(case, NEW, signed_by(case, NEW, any_deed(case)))


def test_of_two_proposals_each_card_signs_the_yes_to_its_own_alone() -> None:
    case = case_of_two_keys()
    mine, other = case.propose(MOVED), case.propose(charter(service=THIRD.card))
    seat, who = next(iter(SEATS.items()))
    yes = case.statement(who, acceptance(case.id, other, seat, who))
    not_in_force(case, NEW, signed_by(case, NEW, yes))
    case.accept_all(mine)
    with refuses(RefusedError, "charter_lapsed", state=case.state):
        case.accept(seat, proposal=other)
    lapsed = case.statement(who, acceptance(case.id, other, seat, who))
    not_in_force(case, THIRD, signed_by(case, THIRD, lapsed))


def test_card_that_no_charter_names_signs_nothing() -> None:
    case = case_of_two_keys()
    case.propose(MOVED)
    with refuses(ForgedError, "signature_false", author=THIEF.card.fingerprint, state=case.state):
        extend(case.state, signed_by(case, THIEF, any_deed(case)))


def test_name_of_the_old_card_on_a_false_signature_blames_nobody_for_having_signed() -> None:
    case = moved_case()
    raw = signed_by(case, SERVICE, any_deed(case))
    head, _, signature = raw.rpartition(".")
    with refuses(ForgedError, "signature_false", state=case.state):
        extend(case.state, f"{head}.{('A' if signature[0] != 'A' else 'B')}{signature[1:]}")


# After it


def test_old_key_signs_nothing_any_more_and_who_has_it_is_named() -> None:
    case = moved_case()
    not_in_force(case, SERVICE, signed_by(case, SERVICE, any_deed(case)))


def test_proposal_to_go_back_may_be_signed_by_the_old_key_and_needs_every_yes_again() -> None:
    case = moved_case()
    back = case.statement(CONVENOR, proposing(case.state, charter(), CONVENOR))
    chain_of(case).take(signed_by(case, SERVICE, back))
    assert case.state.service == NEW.card
    case.accept_all(next(reversed(case.state.charters)))
    assert case.state.service == SERVICE.card
    not_in_force(case, NEW, signed_by(case, NEW, any_deed(case)))


def test_drop_off_signed_or_ordered_for_the_old_card_is_refused_after_the_move() -> None:
    case = case_of_two_keys()
    case.accept_all(case.propose(replace(MOVED, drop_off=True)))
    seat = SEATS["claimant"]
    stolen = dropped(case.state, seat, service=SERVICE).deed
    with refuses(NotFoundError, "author_unknown", state=case.state):
        case.post(SERVICE, stolen)
    late = dropped(case.state, seat, service=NEW, changed={"service": SERVICE.card})
    with refuses(RefusedError, "order_for_other_service", state=case.state):
        case.post(NEW, replace(late.deed, order=order_file(case.state, seat, service=SERVICE.card).order))
    case.post(NEW, dropped(case.state, seat, service=NEW).deed)


# The yes of all


def test_move_is_in_force_from_the_entry_after_the_last_yes() -> None:
    case = case_of_two_keys()
    proposal = case.propose(MOVED)
    case.accept_all(proposal)
    assert case.state.service == NEW.card == case.state.pinned.card
    assert case.state.signer_of(case.state.head.n) == SERVICE.card
    case.note()
    assert case.state.signer_of(case.state.head.n) == NEW.card
    assert replayed(case) == case.state


def test_case_whose_key_is_lost_moves_by_the_new_key_alone() -> None:
    case = accepted_case()
    chain_of(case).service = NEW
    with pytest.raises(StopIteration):  # this service has no key for anything else
        case.note()
    case.accept_all(case.propose(MOVED))
    case.note()
    assert [case.state.signer_of(n) for n in (0, 3, 4, case.state.head.n)] == [
        SERVICE.card, SERVICE.card, NEW.card, NEW.card,
    ]  # fmt: skip
    assert replayed(case) == case.state


def test_snapshot_of_a_moved_case_is_the_same_read_back() -> None:
    case = moved_case()
    case.note()
    kept = replayed(case)
    assert snapshot.restore(snapshot.dump(kept)) == kept


# Bundles


@pytest.mark.parametrize("moves", ["before the deposit", "before the sign-off", "twice", "after all"])
def test_bundle_of_a_moved_case_holds_what_is_needed_to_check_who_signed(moves: str) -> None:
    case = case_of_two_keys()
    if moves == "before the deposit":
        case.accept_all(case.propose(MOVED))
    record = case.deposit()
    request = case.request(record, "settlement", party("arbitrator"))
    if moves in ("before the sign-off", "twice"):
        case.accept_all(case.propose(MOVED))
    if moves == "twice":
        case.accept_all(case.propose(charter()))
    case.sign_off(request, "claimant", "respondent")
    if moves == "after all":
        case.accept_all(case.propose(MOVED))
    parts = bundle.select(case.state, request)
    entries = [chain_of(case).entries[n] for n in parts.entries]
    raw = bundle.compose(entries, {one: case.shares[one] for one in parts.shares})
    verified = Bundle.parse(raw).verify(case.id, request)
    assert set(verified.shares) == {"claimant", "respondent"}
    assert verified.state.service == (NEW.card if moves[0] == "b" else SERVICE.card)


def test_bundle_whose_last_yes_was_left_out_is_refused_and_names_the_card_not_in_force() -> None:
    case = case_of_two_keys()
    case.accept_all(case.propose(MOVED))
    last_yes = case.state.head.n
    request = case.request(case.deposit(), "settlement", party("arbitrator"))
    case.sign_off(request, "claimant", "respondent")
    parts = bundle.select(case.state, request)
    entries = [chain_of(case).entries[n] for n in parts.entries if n != last_yes]
    raw = bundle.compose(entries, {one: case.shares[one] for one in parts.shares})
    with refuses(ForgedError, "entry_signer_not_in_force", author=NEW.card.fingerprint):
        Bundle.parse(raw).verify(case.id, request)


# Audit


def found(lines: list[str], case: Case) -> list[tuple[str, int, str]]:
    report = audit(lines, None, None, case=case.id)
    return [(fault.code, fault.n, fault.party) for fault in report.faults]


def test_audit_of_a_moved_case_finds_nothing() -> None:
    case = moved_case()
    case.note()
    assert found(chain_of(case).entries, case) == []


def test_audit_names_whoever_signs_by_the_old_key_after_the_move() -> None:
    case = moved_case()
    lines = [*chain_of(case).entries, signed_by(case, SERVICE, any_deed(case))]
    assert found(lines, case) == [("entry_signer_not_in_force", len(lines) - 1, SERVICE.card.fingerprint)]


def test_entry_put_in_a_second_time_or_from_another_case_does_not_blame_the_old_key() -> None:
    case, other = moved_case(), accepted_case()
    other.note()
    lines = chain_of(case).entries
    again, foreign = [*lines, lines[2]], [*lines, *chain_of(Case().open(charter(public_notice="x"))).entries]
    assert found(again, case) == [("entry_out_of_order", 2, "")]
    assert found(foreign, case) == [("entry_of_other_case", 0, "")]


def test_audit_blames_nobody_for_what_may_follow_from_a_missing_yes() -> None:
    case = moved_case()
    last_yes = case.state.head.n
    case.note()
    lines = chain_of(case).entries
    del lines[last_yes]
    assert found(lines, case) == [
        ("entries_missing", last_yes, ""), ("entry_signer_not_in_force", last_yes + 1, ""),
    ]  # fmt: skip


def test_new_key_is_not_blamed_for_what_the_old_one_may_have_shown_it() -> None:
    """The thief of the old key makes another last entry than the one that the new key went on from."""
    case = moved_case()
    lines = chain_of(case).entries
    head = case.state.head.n
    case.note()
    real = entry.Entry.read(lines[head], SERVICE.card)
    lines[head] = entry.compose(
        SERVICE, case=case.id, n=head, prev=real.prev, received_at=START, statement=real.statement_raw
    )
    assert {party for _, _, party in found(lines, case)} <= {"", SERVICE.card.fingerprint}
