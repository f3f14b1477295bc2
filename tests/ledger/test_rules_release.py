"""Rules S6 to S9, wrong deeds first: tickets that are not the reader's, sign-offs that are not the seat's."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.build import (
    CONVENOR,
    SEATS,
    START,
    Case,
    MemoryChain,
    accepted_case,
    answer,
    asking,
    bytes_of,
    charter,
    dealing_of,
    party,
    released_case,
    terms,
    ticket,
)
from support.refusals import refuses

from escrow.crypto.group import Scalar
from escrow.crypto.ticket import TicketKeys
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError
from escrow.ledger import jws
from escrow.ledger.rules_release import MAX_SIGN_OFFS, MAX_WITHDRAWALS
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.deeds import SignedOff, SignOffWithdrawn
from escrow.model.ticket import TYP, Ticket
from escrow.model.wire import to_time

CLAIMANT, RESPONDENT, MEDIATOR = SEATS["claimant"], SEATS["respondent"], SEATS["mediator"]
ARBITRATOR, MALLORY, NEWCOMER = party("arbitrator"), party("mallory"), party("newcomer")


@pytest.fixture
def case() -> Case:
    return accepted_case()


@pytest.fixture
def record(case: Case) -> str:
    return case.deposit()


@pytest.fixture
def request_hash(case: Case, record: str) -> str:
    return case.request(record, "settlement", ARBITRATOR)


def sign_off_of(case: Case, request: str, seat: str) -> SignedOff:
    return answer(case.state, request, seat, case.seats[seat])[0]


def replace_respondent(case: Case) -> None:
    """The respondent's seat goes to a newcomer, with everybody's consent."""
    case.seats = {**SEATS, "newcomer": NEWCOMER}
    case.accept_all(case.propose(charter(seats={**SEATS, "respondent": NEWCOMER})))


# S6: who asks, for whom


def test_request_by_the_convenor_without_a_seat_is_refused(case: Case, record: str) -> None:
    deed = asking(case.state, record, "settlement", [ticket(case.state, record, "settlement", ARBITRATOR)])
    with refuses(RefusedError, "not_a_seat", state=case.state, author=CONVENOR.card.fingerprint):
        case.post(CONVENOR, deed)


def test_request_for_an_unknown_record_is_refused(case: Case) -> None:
    with refuses(RefusedError, "record_unknown", state=case.state):
        case.post(CLAIMANT, asking(case.state, "00" * 16, "memo"))


def test_request_by_an_unknown_path_is_refused(case: Case, record: str) -> None:
    with refuses(RefusedError, "path_not_in_record", state=case.state, path="backdoor"):
        case.post(CLAIMANT, asking(case.state, record, "backdoor"))


def test_request_for_a_record_above_its_authors_head_is_refused(case: Case) -> None:
    head = case.state.head
    record = case.deposit()
    with refuses(RefusedError, "reference_after_head", state=case.state, n=head.n + 1, head=head.n):
        case.post(CLAIMANT, asking(case.state, record, "memo"), head=head)


def test_request_for_the_public_with_a_ticket_is_refused(case: Case, record: str) -> None:
    with refuses(RefusedError, "tickets_not_wanted", state=case.state, path="memo"):
        case.request(record, "memo", ARBITRATOR)


def test_request_for_readers_without_a_ticket_is_refused(case: Case, record: str) -> None:
    with refuses(RefusedError, "tickets_missing", state=case.state, path="settlement"):
        case.request(record, "settlement")


def test_reader_outside_the_seats_that_the_path_names_is_refused(case: Case, record: str) -> None:
    with refuses(RefusedError, "reader_not_entitled", state=case.state, card=MEDIATOR.card.fingerprint):
        case.request(record, "exchange", CLAIMANT, MEDIATOR)


def test_reader_outside_the_cards_that_the_path_lists_is_refused(case: Case) -> None:
    listed = terms(case.state, "settlement", cards=[ARBITRATOR.card])
    record = case.deposit(paths=[listed])
    with refuses(RefusedError, "reader_not_entitled", state=case.state, card=MALLORY.card.fingerprint):
        case.request(record, "settlement", MALLORY)
    case.request(record, "settlement", ARBITRATOR)


def test_one_reader_with_two_tickets_is_refused(case: Case, record: str) -> None:
    second = ticket(case.state, record, "settlement", ARBITRATOR, nonce=bytes(32))
    with refuses(RefusedError, "ticket_card_twice", state=case.state, card=ARBITRATOR.card.fingerprint):
        case.request(record, "settlement", ARBITRATOR, tickets=[second])


# S6: the ticket itself


def test_ticket_not_signed_by_the_card_it_names_is_refused(case: Case, record: str) -> None:
    """A seat asks in the arbitrator's name, with keys of its own."""
    honest = ticket(case.state, record, "settlement", ARBITRATOR)
    payload = jws.UnverifiedJws.parse(honest, limit=10_000, field="ticket").payload
    forged = jws.sign(MALLORY, TYP, _json(payload))
    with refuses(ForgedError, "ticket_signature_false", state=case.state, card=ARBITRATOR.card.fingerprint):
        case.request(record, "settlement", tickets=[forged])


def _json(raw: bytes) -> dict[str, Any]:
    return dict(json.loads(raw))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"case": "00" * 32},
        {"record": "00" * 16, "dealing": "00" * 32},
        {"path": "exchange"},
        {"dealing": "00" * 32},
    ],
    ids=["case", "record", "path", "dealing"],
)
def test_ticket_for_another_dealing_is_refused(case: Case, record: str, spoiled: dict[str, str]) -> None:
    true_dealing = case.state.records[record].paths["settlement"].digest
    where = {"record": record, "path": "settlement"}
    made = ticket(
        case.state,
        **({**where, "reader": ARBITRATOR, "dealing": true_dealing, **spoiled}),  # type: ignore[arg-type]
    )
    with refuses(
        RefusedError, "ticket_for_other_dealing", state=case.state, card=ARBITRATOR.card.fingerprint
    ):
        case.request(record, "settlement", tickets=[made])


def made_ticket(case: Case, record: str, keys: TicketKeys, reader: object = ARBITRATOR) -> Ticket:
    dealing = case.state.records[record].paths["settlement"].digest
    return Ticket.make(
        card=reader.card,  # type: ignore[attr-defined]
        case=case.id,
        record=record,
        path="settlement",
        dealing=dealing,
        nonce=bytes(32),
        keys=keys,
    )


def test_ticket_key_seen_under_another_dealing_is_refused(case: Case, record: str) -> None:
    """One Q over two records: who deposited one of them and knows its e strips the mask of the other."""
    keys = ARBITRATOR.ticket_keys(case.id, record, "settlement", bytes(32), bytes(32))
    case.request(
        record, "settlement", tickets=[jws.sign(ARBITRATOR, TYP, made_ticket(case, record, keys).emit())]
    )
    second = case.deposit("second")
    again = jws.sign(ARBITRATOR, TYP, made_ticket(case, second, keys).emit())
    with refuses(RefusedError, "ticket_key_reused", state=case.state, card=ARBITRATOR.card.fingerprint):
        case.request(second, "settlement", tickets=[again])


def test_the_same_ticket_serves_a_second_request_for_the_same_dealing(case: Case, record: str) -> None:
    made = ticket(case.state, record, "settlement", ARBITRATOR)
    one = case.request(record, "settlement", tickets=[made])
    two = case.request(record, "settlement", tickets=[made], seat="mediator")
    assert one != two


def test_ticket_whose_key_cancels_the_dealings_is_refused(case: Case) -> None:
    """The depositor knows e and can prove knowledge of q = -e: W would be the identity."""
    record = case.deposit()
    e = case.sealed[record].secrets["settlement"].e
    minus_e = Scalar.of_int(-1) * e
    keys = TicketKeys(q=minus_e, kem=CLAIMANT.seat_keys(case.id, "claimant").kem)
    with refuses(RefusedError, "ticket_cancels_dealing", state=case.state):
        made = jws.sign(CLAIMANT, TYP, made_ticket(case, record, keys, CLAIMANT).emit())
        case.request(record, "settlement", tickets=[made])


def spoil_point(case: Case, record: str, honest: Ticket) -> Ticket:
    """Q = E' - E for another record's E': without a proof, its shares would be handed over."""
    other = case.state.records[case.deposit("other")].paths["settlement"].record_path.sealed.dealing.E
    own = case.state.records[record].paths["settlement"].record_path.sealed.dealing.E
    return replace(honest, Q=other - own)


def spoil_kem(case: Case, record: str, honest: Ticket) -> Ticket:
    return replace(honest, kem_key=MALLORY.seat_keys(case.id, "x").kem_key)


def spoil_nonce(case: Case, record: str, honest: Ticket) -> Ticket:
    return replace(honest, nonce=bytes_of("another"))


def spoil_proof(case: Case, record: str, honest: Ticket) -> Ticket:
    return replace(honest, proof=bytes(64))


@pytest.mark.parametrize("spoil", [spoil_point, spoil_kem, spoil_nonce, spoil_proof])
def test_ticket_without_a_true_proof_is_refused(
    case: Case, record: str, spoil: Callable[[Case, str, Ticket], Ticket]
) -> None:
    keys = ARBITRATOR.ticket_keys(case.id, record, "settlement", bytes(32), bytes(32))
    spoiled = spoil(case, record, made_ticket(case, record, keys))
    with refuses(ForgedError, "ticket_proof_false", state=case.state, card=ARBITRATOR.card.fingerprint):
        case.request(record, "settlement", tickets=[jws.sign(ARBITRATOR, TYP, spoiled.emit())])


def test_statement_posed_as_a_ticket_is_refused(case: Case, record: str) -> None:
    with refuses(MalformedError, "jws_typ_unexpected", state=case.state, field="tickets[0]"):
        case.request(record, "settlement", tickets=[jws.sign(ARBITRATOR, "escrow.note.v1", {"text": ""})])


def test_oversized_ticket_is_refused(case: Case, record: str) -> None:
    with pytest.raises(MalformedError) as caught:
        case.request(record, "settlement", tickets=["x" * 10_000])
    assert caught.value.code == "field_too_large"


def test_request_for_another_dealing_than_the_records_is_refused(case: Case, record: str) -> None:
    """The seat was shown another sealing under the same record id."""
    honest = asking(case.state, record, "memo")
    true, other = honest.dealing, dealing_of(case.state, record, "exchange")
    with refuses(
        RefusedError, "dealing_differs", state=case.state, path="memo", dealing=other, expected=true
    ):
        case.post(CLAIMANT, replace(honest, dealing=other))


# S7


def test_release_takes_as_many_seats_as_the_policy_asks(case: Case, request_hash: str, record: str) -> None:
    case.sign_off(request_hash, "claimant")
    assert case.state.requests[request_hash].released_at is None
    assert case.state.may_open(ARBITRATOR.card.fingerprint, record) == ()
    case.sign_off(request_hash, "mediator")
    asked = case.state.requests[request_hash]
    assert (asked.released_at, asked.released_n) == (START, case.state.head.n)
    assert case.state.may_open(ARBITRATOR.card.fingerprint, record) == (request_hash,)
    assert case.state.may_open(MALLORY.card.fingerprint, record) == ()
    assert case.state.may_open(None, record) == ()


def test_public_release_may_be_opened_by_anybody() -> None:
    case, record, request = released_case("memo")
    assert case.state.may_open(None, record) == (request,)
    assert case.state.may_open(MALLORY.card.fingerprint, record) == (request,)


def test_one_seat_that_signs_off_often_does_not_make_a_quorum(case: Case, request_hash: str) -> None:
    case.sign_off(request_hash, *["claimant"] * MAX_SIGN_OFFS)
    assert case.state.requests[request_hash].released_at is None


def test_sign_off_to_an_unknown_request_is_refused(case: Case) -> None:
    deed = SignedOff(request="00" * 32, seat="claimant", dealing="00" * 32, shares="00" * 32)
    with refuses(RefusedError, "request_unknown", state=case.state):
        case.post(CLAIMANT, deed)


def test_sign_off_by_a_seat_outside_the_path_is_refused(case: Case, record: str) -> None:
    request = case.request(record, "memo")
    dealing = dealing_of(case.state, record, "memo")
    deed = SignedOff(request=request, seat="mediator", dealing=dealing, shares="00" * 32)
    with refuses(RefusedError, "seat_not_in_path", state=case.state, seat="mediator", path="memo"):
        case.post(MEDIATOR, deed)


def test_sign_off_for_another_dealing_than_the_requests_is_refused(case: Case, request_hash: str) -> None:
    deed = replace(sign_off_of(case, request_hash, "claimant"), dealing="00" * 32)
    with refuses(RefusedError, "dealing_differs", state=case.state, path="settlement", dealing="00" * 32):
        case.post(CLAIMANT, deed)


def test_sign_off_for_anothers_seat_is_refused(case: Case, request_hash: str) -> None:
    deed = sign_off_of(case, request_hash, "claimant")
    with refuses(RefusedError, "not_the_holder", state=case.state, seat="claimant"):
        case.post(RESPONDENT, deed)


def test_sign_off_by_the_new_holder_of_a_seat_is_refused_and_by_the_holder_as_sealed_allowed(
    case: Case, request_hash: str
) -> None:
    deed = sign_off_of(case, request_hash, "respondent")
    replace_respondent(case)
    with refuses(RefusedError, "not_the_holder", state=case.state, seat="respondent"):
        case.post(NEWCOMER, deed)
    case.post(RESPONDENT, deed)
    assert case.state.requests[request_hash].signed == {"respondent"}


def test_sign_off_by_a_stranger_is_refused_like_anything_unknown(case: Case, request_hash: str) -> None:
    with refuses(NotFoundError, "author_unknown", state=case.state, author=MALLORY.card.fingerprint):
        case.post(MALLORY, sign_off_of(case, request_hash, "claimant"))


def test_sign_off_before_the_date_is_refused_and_says_when(case: Case) -> None:
    date = START + timedelta(days=1)
    record = case.deposit(paths=[terms(case.state, "memo", not_before=date)])
    request = case.request(record, "memo")
    deed = sign_off_of(case, request, "claimant")
    chain = case.chain
    assert isinstance(chain, MemoryChain)
    chain.clock.now = date - timedelta(milliseconds=1)
    with refuses(RefusedError, "too_early", state=case.state, path="memo", opens_at=to_time(date)):
        case.post(CLAIMANT, deed)
    chain.clock.now = date
    case.post(CLAIMANT, deed)


def test_ninth_sign_off_by_one_seat_is_refused(case: Case, request_hash: str) -> None:
    case.sign_off(request_hash, *["claimant"] * MAX_SIGN_OFFS)
    with refuses(RefusedError, "sign_off_limit", state=case.state, seat="claimant", limit=MAX_SIGN_OFFS):
        case.sign_off(request_hash, "claimant")


def test_ninth_sign_off_is_refused_though_all_others_were_withdrawn(case: Case, request_hash: str) -> None:
    hashes = case.sign_off(request_hash, *["claimant"] * MAX_SIGN_OFFS)
    case.withdraw(request_hash, "claimant", hashes[0])
    with refuses(RefusedError, "sign_off_limit", state=case.state, seat="claimant"):
        case.sign_off(request_hash, "claimant")


def test_later_sign_off_adds_to_the_earlier(case: Case, request_hash: str) -> None:
    hashes = case.sign_off(request_hash, "claimant", "claimant")
    found = case.state.requests[request_hash].sign_offs["claimant"]
    assert tuple(one.hash for one in found) == hashes


def test_sign_off_after_the_release_is_kept_and_changes_no_date() -> None:
    case, _, request = released_case()
    before = case.state.requests[request]
    case.sign_off(request, "mediator")
    after = case.state.requests[request]
    assert (after.released_at, after.released_n) == (before.released_at, before.released_n)
    assert after.signed == {"claimant", "respondent", "mediator"}


# S8


def test_withdrawn_sign_off_does_not_count(case: Case, request_hash: str) -> None:
    (mine,) = case.sign_off(request_hash, "claimant")
    case.withdraw(request_hash, "claimant", mine)
    case.sign_off(request_hash, "respondent")
    asked = case.state.requests[request_hash]
    assert (asked.signed, asked.released_at, asked.withdrawn) == ({"respondent"}, None, {mine})


def test_seat_that_withdrew_may_sign_off_anew(case: Case, request_hash: str) -> None:
    (mine,) = case.sign_off(request_hash, "claimant")
    case.withdraw(request_hash, "claimant", mine)
    case.sign_off(request_hash, "claimant", "respondent")
    assert case.state.requests[request_hash].released_at is not None


def test_withdrawn_sign_off_again_is_refused(case: Case, request_hash: str) -> None:
    raw = case.statement(CLAIMANT, sign_off_of(case, request_hash, "claimant"))
    mine = case.send(raw)
    case.withdraw(request_hash, "claimant", mine)
    with refuses(RefusedError, "sign_off_withdrawn", state=case.state, seat="claimant", sign_off=mine):
        case.send(raw)


def test_withdrawing_one_sign_off_takes_back_and_bars_all_of_the_seat(case: Case, request_hash: str) -> None:
    raws = [case.statement(CLAIMANT, sign_off_of(case, request_hash, "claimant")) for _ in range(2)]
    first, second = (case.send(raw) for raw in raws)
    case.withdraw(request_hash, "claimant", first)
    assert case.state.requests[request_hash].signed == frozenset()
    with refuses(RefusedError, "sign_off_withdrawn", state=case.state, sign_off=second):
        case.send(raws[1])


def test_sign_off_that_arrives_after_its_withdrawal_is_refused(case: Case, request_hash: str) -> None:
    raw = case.statement(CLAIMANT, sign_off_of(case, request_hash, "claimant"))
    mine = UnverifiedStatement.parse(raw).hash
    case.withdraw(request_hash, "claimant", mine)
    with refuses(RefusedError, "sign_off_withdrawn", state=case.state, sign_off=mine):
        case.send(raw)


def test_sign_off_that_was_held_back_does_not_come_back_after_the_withdrawal_of_another(
    case: Case, request_hash: str
) -> None:
    """The operator says it is busy and keeps the first; the seat tries again, then changes its mind."""
    held_back = case.statement(CLAIMANT, sign_off_of(case, request_hash, "claimant"))
    seen = case.state.head.n
    (second,) = case.sign_off(request_hash, "claimant")
    case.withdraw(request_hash, "claimant", second)
    withdrawn = case.state.head.n
    with refuses(RefusedError, "reference_after_head", state=case.state, n=withdrawn, head=seen):
        case.send(held_back)
    case.sign_off(request_hash, "claimant")  # made after the withdrawal: it means it


def test_withdrawal_by_one_seat_asks_nothing_of_the_others(case: Case, request_hash: str) -> None:
    raw = case.statement(RESPONDENT, sign_off_of(case, request_hash, "respondent"))
    (mine,) = case.sign_off(request_hash, "claimant")
    case.withdraw(request_hash, "claimant", mine)
    case.send(raw)
    assert case.state.requests[request_hash].signed == {"respondent"}


def test_withdrawal_after_the_release_is_refused() -> None:
    case, _, request = released_case()
    mine = case.state.requests[request].sign_offs["claimant"][0].hash
    with refuses(RefusedError, "already_released", state=case.state, request=request):
        case.withdraw(request, "claimant", mine)


def test_second_withdrawal_is_refused(case: Case, request_hash: str) -> None:
    (mine,) = case.sign_off(request_hash, "claimant")
    case.withdraw(request_hash, "claimant", mine)
    with refuses(RefusedError, "already_withdrawn", state=case.state, sign_off=mine):
        case.withdraw(request_hash, "claimant", mine)


def test_withdrawal_of_anothers_sign_off_is_refused(case: Case, request_hash: str) -> None:
    (theirs,) = case.sign_off(request_hash, "respondent")
    with refuses(RefusedError, "withdrawal_names_another", state=case.state, sign_off=theirs):
        case.withdraw(request_hash, "claimant", theirs)


def test_withdrawal_for_anothers_seat_is_refused(case: Case, request_hash: str) -> None:
    (theirs,) = case.sign_off(request_hash, "respondent")
    deed = SignOffWithdrawn(request=request_hash, seat="respondent", sign_off=theirs, reason=None)
    with refuses(RefusedError, "not_the_holder", state=case.state, seat="respondent"):
        case.post(CLAIMANT, deed)


def test_seat_cannot_bar_anothers_sign_off_that_has_not_arrived(case: Case, request_hash: str) -> None:
    raw = case.statement(RESPONDENT, sign_off_of(case, request_hash, "respondent"))
    case.withdraw(request_hash, "claimant", UnverifiedStatement.parse(raw).hash)
    case.send(raw)
    assert case.state.requests[request_hash].signed == {"respondent"}


def test_seat_that_withdraws_sign_offs_which_never_existed_is_stopped_after_eight(
    case: Case, request_hash: str
) -> None:
    """Each would take one of the entries that are kept for everybody's consent."""
    for count in range(MAX_WITHDRAWALS):
        case.withdraw(request_hash, "mediator", bytes_of(f"nothing {count}").hex())
    with refuses(RefusedError, "withdrawal_limit", state=case.state, seat="mediator", limit=MAX_WITHDRAWALS):
        case.withdraw(request_hash, "mediator", bytes_of("nothing more").hex())
    case.sign_off(request_hash, "claimant", "respondent")
    assert case.state.requests[request_hash].released_at is not None


# S9


def test_note_by_a_seat_that_was_replaced_is_refused(case: Case) -> None:
    replace_respondent(case)
    with refuses(RefusedError, "not_a_seat", state=case.state, author=RESPONDENT.card.fingerprint):
        case.note(author=RESPONDENT)


def test_note_is_kept_with_its_author(case: Case) -> None:
    case.note(author=MEDIATOR)
    assert [(note.author, note.n) for note in case.state.notes] == [(MEDIATOR.card, case.state.head.n)]
