"""Rules S1 to S3, wrong deeds first. Every refusal leaves the state as it was (see support/refusals.py)."""

from dataclasses import replace

import pytest
from support.build import (
    CASE_KEY,
    CONVENOR,
    SEALED,
    SEATS,
    SERVICE,
    START,
    Case,
    acceptance,
    accepted_case,
    asking,
    bytes_of,
    charter,
    opening,
    party,
    proposing,
    reporting,
    seal_record,
)
from support.refusals import refuses

from escrow.crypto.seat_keys import SeatKeys, prove_seat_keys
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError
from escrow.ledger.replay import judge_opening
from escrow.ledger.state import CharterStatus
from escrow.model.case_key import CaseKey
from escrow.model.contexts import seat_keys_context
from escrow.model.deeds import Note

CLAIMANT, RESPONDENT, MEDIATOR = SEATS["claimant"], SEATS["respondent"], SEATS["mediator"]
NEWCOMER, STRANGER = party("newcomer"), party("stranger")
CHANGED = charter(seats={**SEATS, "respondent": NEWCOMER})


@pytest.fixture
def opened() -> Case:
    return Case().open()


@pytest.fixture
def accepted() -> Case:
    """Everybody accepted; the newcomer's identity is at hand for whoever proposes it."""
    return accepted_case()


def everybody(case: Case, proposal: str) -> None:
    """All who must accept do, the newcomer among them."""
    known = {who.card.fingerprint: who for who in (*SEATS.values(), NEWCOMER, party("second"))}
    for seat, fingerprint in case.state.charters[proposal].missing:
        case.accept(seat, author=known[fingerprint], proposal=proposal)


# S1


def test_opening_names_the_case_by_its_hash() -> None:
    raw = opening()
    admitted = judge_opening(raw, at=START, service=SERVICE.card)
    case = Case().open()
    assert admitted.statement.case is None
    assert case.state.opening.proposal == case.id
    assert case.state.opening.status is CharterStatus.PENDING


def test_case_for_another_services_card_is_refused() -> None:
    raw = opening(charter(service=party("other service").card))
    with refuses(RefusedError, "service_card_not_ours", expected=SERVICE.card.fingerprint):
        judge_opening(raw, at=START, service=SERVICE.card)


def test_second_opening_in_a_case_is_refused(opened: Case) -> None:
    with refuses(RefusedError, "statement_for_other_case", state=opened.state):
        opened.send(opening(charter(public_notice="another")))


# S2


def test_charter_proposed_by_a_stranger_is_refused_like_anything_unknown(accepted: Case) -> None:
    with refuses(NotFoundError, "author_unknown", state=accepted.state):
        accepted.propose(CHANGED, STRANGER)


def test_charter_proposed_by_a_seat_that_was_replaced_is_refused(accepted: Case) -> None:
    everybody(accepted, accepted.propose(CHANGED))
    with refuses(RefusedError, "not_a_seat", state=accepted.state, author=RESPONDENT.card.fingerprint):
        accepted.propose(charter(), RESPONDENT)


def test_charter_proposed_by_a_seat_that_is_not_in_force_yet_is_refused(accepted: Case) -> None:
    accepted.propose(CHANGED)
    with refuses(RefusedError, "not_a_seat", state=accepted.state, author=NEWCOMER.card.fingerprint):
        accepted.propose(charter(), NEWCOMER)


def test_charter_that_replaces_one_no_longer_in_force_is_refused(accepted: Case) -> None:
    everybody(accepted, accepted.propose(CHANGED))
    deed = replace(proposing(accepted.state, charter(), CONVENOR), replaces=accepted.id)
    with refuses(RefusedError, "charter_not_current", state=accepted.state, replaces=accepted.id):
        accepted.post(CONVENOR, deed)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (charter(convenor=party("other convenor")), "convenor_changed"),
        (charter(case_key=CaseKey(raw=bytes_of("other key"))), "case_key_changed"),
    ],
)
def test_charter_that_moves_the_case_under_other_keys_is_refused(
    accepted: Case, words: object, code: str
) -> None:
    with refuses(RefusedError, code, state=accepted.state):
        accepted.propose(words)  # type: ignore[arg-type]


def test_seat_moved_to_another_card_needs_the_consent_of_old_and_new_holder(accepted: Case) -> None:
    proposal = accepted.propose(CHANGED)
    missing = accepted.state.charters[proposal].missing
    assert ("respondent", RESPONDENT.card.fingerprint) in missing
    assert ("respondent", NEWCOMER.card.fingerprint) in missing
    everybody(accepted, proposal)
    assert accepted.state.in_force == proposal
    assert accepted.state.charters[accepted.id].status is CharterStatus.REPLACED
    assert accepted.state.seats_of(NEWCOMER.card.fingerprint) == ("respondent",)
    assert accepted.state.seats_of(RESPONDENT.card.fingerprint) == ()
    assert accepted.state.is_member(RESPONDENT.card.fingerprint)


def test_charter_does_not_come_into_force_without_the_last_acceptance(accepted: Case) -> None:
    proposal = accepted.propose(CHANGED)
    for seat, who in (("claimant", CLAIMANT), ("mediator", MEDIATOR), ("respondent", NEWCOMER)):
        accepted.accept(seat, author=who, proposal=proposal)
    assert accepted.state.in_force == accepted.id
    assert accepted.state.charters[proposal].missing == (("respondent", RESPONDENT.card.fingerprint),)


def test_charter_put_back_by_posting_its_proposal_again_changes_nothing(accepted: Case) -> None:
    raw = accepted.statement(CONVENOR, proposing(accepted.state, CHANGED, CONVENOR))
    first = accepted.send(raw)
    everybody(accepted, first)
    everybody(accepted, accepted.propose(charter(seats={**SEATS, "respondent": party("second")})))
    before = accepted.state.head
    assert accepted.send(raw) == first
    assert accepted.state.head == before
    assert accepted.state.charters[first].status is CharterStatus.REPLACED


def test_charter_put_back_by_reproposing_it_needs_everybody_again(accepted: Case) -> None:
    first = accepted.propose(CHANGED)
    everybody(accepted, first)
    again = accepted.propose(CHANGED)
    assert again != first
    assert accepted.state.charters[again].acceptances == {}
    assert accepted.state.in_force == first


def test_acceptance_of_a_replaced_charter_is_refused(accepted: Case) -> None:
    old = accepted.id
    everybody(accepted, accepted.propose(CHANGED))
    with refuses(RefusedError, "charter_replaced", state=accepted.state, charter=old):
        accepted.accept("claimant", proposal=old)


def test_acceptance_of_a_lapsed_charter_is_refused(accepted: Case) -> None:
    lapsed = accepted.propose(charter(public_notice="first"))
    everybody(accepted, accepted.propose(CHANGED))
    assert accepted.state.charters[lapsed].status is CharterStatus.LAPSED
    with refuses(RefusedError, "charter_lapsed", state=accepted.state, charter=lapsed):
        accepted.accept("claimant", proposal=lapsed)


def test_proposal_before_anything_is_in_force_replaces_the_opening(opened: Case) -> None:
    proposal = opened.propose(CHANGED)
    everybody(opened, proposal)
    assert opened.state.in_force == proposal
    assert opened.state.opening.status is CharterStatus.REPLACED


def test_outsider_whom_one_seat_proposed_does_not_stay_a_reader_once_that_lapsed(accepted: Case) -> None:
    outsider = party("outsider").card.fingerprint
    accepted.propose(charter(seats={**SEATS, "observer": party("outsider")}), CLAIMANT)
    assert accepted.state.is_member(outsider)  # it must see what it is to accept
    assert not accepted.state.stays_member(outsider)
    everybody(accepted, accepted.propose(CHANGED))
    assert not accepted.state.is_member(outsider)
    assert not accepted.state.stays_member(outsider)


def test_who_held_a_seat_once_everybody_agreed_stays_a_reader(accepted: Case) -> None:
    everybody(accepted, accepted.propose(CHANGED))
    everybody(accepted, accepted.propose(charter(seats={**SEATS, "respondent": party("second")})))
    for who in (CONVENOR, *SEATS.values(), NEWCOMER, party("second")):
        assert accepted.state.stays_member(who.card.fingerprint)


def test_seat_of_an_opening_charter_that_was_never_in_force_stays_a_reader(opened: Case) -> None:
    everybody(opened, opened.propose(charter(seats={**SEATS, "respondent": NEWCOMER})))
    assert opened.state.opening.in_force_n is None
    assert opened.state.stays_member(RESPONDENT.card.fingerprint)


def test_lapsed_outsider_can_post_nothing_and_learns_nothing_by_trying(accepted: Case) -> None:
    outsider = party("outsider")
    lapsed = accepted.propose(charter(seats={**SEATS, "observer": outsider}), CLAIMANT)
    promised = accepted.statement(outsider, acceptance(accepted.id, lapsed, "observer", outsider))
    accepted.send(promised)
    everybody(accepted, accepted.propose(CHANGED))
    record = accepted.deposit()
    deeds = (
        proposing(accepted.state, charter(), outsider),
        acceptance(accepted.id, lapsed, "observer", outsider),
        seal_record(accepted.state, outsider, "another").deed,
        reporting(accepted.state, record, "settlement", "claimant"),
        asking(accepted.state, record, "memo"),
        Note(text=SEALED),
    )
    for deed in deeds:
        with refuses(NotFoundError, "author_unknown", state=accepted.state):
            accepted.post(outsider, deed)
    with refuses(NotFoundError, "author_unknown", state=accepted.state):
        accepted.send(promised)


# S3


def test_acceptance_of_an_unknown_charter_is_refused(opened: Case) -> None:
    with refuses(RefusedError, "charter_unknown", state=opened.state):
        opened.accept("claimant", proposal=bytes_of("nothing").hex())


def test_acceptance_of_anothers_seat_is_refused(opened: Case) -> None:
    with refuses(RefusedError, "not_the_holder", state=opened.state, seat="claimant"):
        opened.accept("claimant", author=RESPONDENT)


def test_acceptance_of_a_seat_that_does_not_exist_is_refused(opened: Case) -> None:
    with refuses(RefusedError, "not_the_holder", state=opened.state, seat="judge"):
        opened.accept("judge", author=RESPONDENT)


def test_second_acceptance_by_the_same_seat_is_refused(opened: Case) -> None:
    opened.accept("claimant")
    with refuses(RefusedError, "already_accepted", state=opened.state, seat="claimant"):
        opened.accept("claimant")


def test_two_seats_with_one_opening_key_are_refused_and_the_other_seat_is_named(opened: Case) -> None:
    """Two parties that share a key, each with a true proof of knowledge."""
    opened.accept("claimant")
    shared = CLAIMANT.seat_keys(opened.id, "claimant")
    own = RESPONDENT.seat_keys(opened.id, "respondent")
    keys = SeatKeys(opening=shared.opening, kem=own.kem)
    deed = acceptance(opened.id, opened.id, "respondent", RESPONDENT, keys=keys)
    with refuses(RefusedError, "opening_key_taken", state=opened.state, seat="respondent", other="claimant"):
        opened.post(RESPONDENT, deed)


def test_opening_key_of_a_seat_holder_long_replaced_is_refused(accepted: Case) -> None:
    """Records sealed under the old charter still have that key."""
    everybody(accepted, accepted.propose(CHANGED))
    third = accepted.propose(charter(seats={**SEATS, "respondent": party("second")}))
    keys = RESPONDENT.seat_keys(accepted.id, "respondent")
    deed = acceptance(accepted.id, third, "respondent", party("second"), keys=keys)
    with refuses(RefusedError, "opening_key_taken", state=accepted.state, other="respondent"):
        accepted.post(party("second"), deed)


def test_two_seats_with_one_kem_key_are_refused(opened: Case) -> None:
    opened.accept("claimant")
    own = RESPONDENT.seat_keys(opened.id, "respondent")
    keys = SeatKeys(opening=own.opening, kem=CLAIMANT.seat_keys(opened.id, "claimant").kem)
    deed = acceptance(opened.id, opened.id, "respondent", RESPONDENT, keys=keys)
    with refuses(RefusedError, "kem_key_taken", state=opened.state, other="claimant"):
        opened.post(RESPONDENT, deed)


@pytest.mark.parametrize("copied_from", ["case", "seat", "proposal", "card"])
def test_seat_keys_with_a_proof_made_for_elsewhere_are_refused(opened: Case, copied_from: str) -> None:
    keys = CLAIMANT.seat_keys(opened.id, "claimant")
    place = {"case": opened.id, "seat": "claimant", "proposal": opened.id, "card": CLAIMANT.card}
    other = {"case": "00" * 32, "seat": "respondent", "proposal": "00" * 32, "card": RESPONDENT.card}
    context = seat_keys_context(**(place | {copied_from: other[copied_from]}))  # type: ignore[arg-type]
    honest = acceptance(opened.id, opened.id, "claimant", CLAIMANT)
    deed = replace(honest, proof=prove_seat_keys(keys, context))
    with refuses(
        ForgedError,
        "seat_keys_proof_false",
        state=opened.state,
        seat="claimant",
        author=CLAIMANT.card.fingerprint,
    ):
        opened.post(CLAIMANT, deed)


def test_seat_keys_with_another_kem_key_than_was_proven_are_refused(opened: Case) -> None:
    honest = acceptance(opened.id, opened.id, "claimant", CLAIMANT)
    deed = replace(honest, kem_key=RESPONDENT.seat_keys(opened.id, "respondent").kem_key)
    with refuses(ForgedError, "seat_keys_proof_false", state=opened.state):
        opened.post(CLAIMANT, deed)


def test_one_party_in_two_seats_accepts_for_both_with_different_keys() -> None:
    case = Case(seats={"claimant": CLAIMANT, "respondent": CLAIMANT, "mediator": MEDIATOR})
    words = charter()
    paths = tuple(
        replace(path, alone=CASE_KEY.seal_text("both sides are one", bytes(32))) for path in words.paths
    )
    case.open(charter(seats=case.seats, paths=paths)).accept_all()
    assert case.state.in_force == case.id
    assert case.state.seats_of(CLAIMANT.card.fingerprint) == ("claimant", "respondent")
    assert len(case.state.opening_keys) == 3


def test_charter_that_one_party_can_open_alone_without_words_is_refused() -> None:
    with refuses(
        RefusedError, "one_party_can_open_alone", path="settlement", seats=("claimant", "respondent")
    ):
        charter(seats={"claimant": CLAIMANT, "respondent": CLAIMANT, "mediator": MEDIATOR})


def test_charter_whose_path_names_an_unknown_seat_is_refused() -> None:
    with refuses(MalformedError, "policy_seat_unknown", seat="mediator"):
        charter(seats={"claimant": CLAIMANT, "respondent": RESPONDENT})
