"""Sign-offs: share objects that are missing, swapped, false or too large; who may see one, and when."""

from dataclasses import replace
from datetime import timedelta

from support import build
from support.office import Office
from support.refusals import refuses

from escrow.crypto.sign_off import Answer
from escrow.errors import EscrowError, ForgedError, MalformedError, NotFoundError, RefusedError, TooLargeError
from escrow.model.deeds import SignedOff
from escrow.model.ids import Hash
from escrow.model.share_object import ShareObject, share_hash
from escrow.service.post import post
from escrow.service.reading import read_share
from escrow.store import names
from escrow.store.interface import Bucket

ARBITRATOR = build.party("arbitrator")
CLAIMANT, MEDIATOR = build.SEATS["claimant"], build.SEATS["mediator"]


def asked(office: Office, *readers: build.Identity) -> tuple[build.Case, Hash]:
    case = office.accepted()
    record = office.deposited(case)
    return case, case.request(record, "settlement", *(readers or (ARBITRATOR,)))


def naming(case: build.Case, request: Hash, raw: bytes) -> SignedOff:
    """The claimant's sign-off with a share object of a test's making."""
    deed, _ = build.answer(case.state, request, "claimant", CLAIMANT)
    return replace(deed, shares=share_hash(raw))


def refuse_sign_off(
    office: Office, case: build.Case, deed: SignedOff, raw: bytes | None, kind: type[EscrowError], code: str,
    **fields: object,
) -> None:  # fmt: skip
    statement = case.statement(CLAIMANT, deed)
    with refuses(kind, code, state=case.state, **fields):
        post(office.desk, case.id, statement, raw)
    assert office.store.names(Bucket.RECORDS, names.shares(case.id)) == []


def test_sign_off_without_its_share_object_is_refused(office: Office) -> None:
    case, request = asked(office)
    deed, _ = build.answer(case.state, request, "claimant", CLAIMANT)
    refuse_sign_off(office, case, deed, None, MalformedError, "attachment_missing")


def test_swapped_share_object_is_refused(office: Office) -> None:
    case, request = asked(office)
    deed, _ = build.answer(case.state, request, "claimant", CLAIMANT)
    _, other = build.answer(case.state, request, "mediator", MEDIATOR)
    refuse_sign_off(office, case, deed, other, ForgedError, "share_object_swapped", seat="claimant")


def test_share_object_of_another_seat_is_refused(office: Office) -> None:
    case, request = asked(office)
    _, other = build.answer(case.state, request, "mediator", MEDIATOR)
    deed = naming(case, request, other)
    refuse_sign_off(office, case, deed, other, ForgedError, "share_object_for_other_request", seat="claimant")


def test_share_object_of_another_request_is_refused(office: Office) -> None:
    case, request = asked(office)
    second = case.request(case.state.requests[request].record, "settlement", build.party("judge"))
    _, other = build.answer(case.state, second, "claimant", CLAIMANT)
    deed = naming(case, request, other)
    refuse_sign_off(office, case, deed, other, ForgedError, "share_object_for_other_request")


def test_wrong_share_is_refused_and_names_the_seat(office: Office) -> None:
    case, request = asked(office)
    _, raw = build.answer(case.state, request, "claimant", CLAIMANT)
    shares = ShareObject.parse(raw, public=False)
    ticket = shares.tickets[0]
    wrong = Answer(W=ticket.answer.W + ticket.answer.W, proof=ticket.answer.proof)
    spoiled = replace(shares, tickets=(replace(ticket, answer=wrong),)).encode()
    deed = naming(case, request, spoiled)
    author = CLAIMANT.card.fingerprint
    refuse_sign_off(office, case, deed, spoiled, ForgedError, "share_false", seat="claimant", author=author)


def test_second_of_two_shares_that_is_wrong_is_refused_too(office: Office) -> None:
    case, request = asked(office, ARBITRATOR, build.party("judge"))
    _, raw = build.answer(case.state, request, "claimant", CLAIMANT)
    shares = ShareObject.parse(raw, public=False)
    spoiled = replace(shares, tickets=(shares.tickets[0], shares.tickets[0])).encode()
    deed = naming(case, request, spoiled)
    refuse_sign_off(office, case, deed, spoiled, ForgedError, "share_false", seat="claimant")


def test_share_object_that_answers_too_few_tickets_is_refused(office: Office) -> None:
    case, request = asked(office, ARBITRATOR, build.party("judge"))
    _, raw = build.answer(case.state, request, "claimant", CLAIMANT)
    shares = ShareObject.parse(raw, public=False)
    spoiled = replace(shares, tickets=shares.tickets[:1]).encode()
    deed = naming(case, request, spoiled)
    refuse_sign_off(office, case, deed, spoiled, ForgedError, "share_count_wrong", seat="claimant")


def test_oversized_share_object_is_refused(office: Office) -> None:
    case, request = asked(office)
    raw = b" " * (64 * 1024 + 1)
    deed = naming(case, request, raw)
    refuse_sign_off(office, case, deed, raw, TooLargeError, "field_too_large", field="attachment")


def test_withdrawn_sign_off_posted_again_is_refused(office: Office) -> None:
    case, request = asked(office)
    deed, raw = build.answer(case.state, request, "claimant", CLAIMANT)
    statement = case.statement(CLAIMANT, deed)
    receipt = post(office.desk, case.id, statement, raw)
    case.withdraw(request, "claimant", receipt.statement)
    with refuses(RefusedError, "sign_off_withdrawn", state=case.state, seat="claimant"):
        post(office.desk, case.id, statement, raw)


def test_sign_off_before_the_date_is_refused(office: Office) -> None:
    case = office.accepted()
    terms = build.terms(case.state, "memo", not_before=build.START.replace(year=2027))
    record = case.deposit("record", payload=office.stored(case.id), paths=[terms])
    request = case.request(record, "memo")
    deed, raw = build.answer(case.state, request, "claimant", CLAIMANT)
    refuse_sign_off(office, case, deed, raw, RefusedError, "too_early", opens_at="2027-12-01T09:00:00.000Z")


def test_date_has_not_come_because_a_clock_was_ahead_for_one_entry(office: Office) -> None:
    case = office.accepted()
    terms = build.terms(case.state, "memo", not_before=build.START + timedelta(days=30))
    record = case.deposit("record", payload=office.stored(case.id), paths=[terms])
    request = case.request(record, "memo")
    ahead = office.over(office.store)
    ahead.clock = build.Clock(build.START + timedelta(days=30))
    ahead = ahead.over(office.store)
    raw = case.statement(build.CONVENOR, build.Note(text=build.SEALED))
    assert ahead.post(case.id, raw).status_code == 201
    office.clock.now = build.START + timedelta(days=30, seconds=-1)
    deed, raw_shares = build.answer(case.state, request, "claimant", CLAIMANT)
    refuse_sign_off(
        office,
        case,
        deed,
        raw_shares,
        RefusedError,
        "too_early",
        path="memo",
        opens_at="2026-12-31T09:00:00.000Z",
    )
    office.clock.tick(1)
    case.sign_off(request, "claimant")
    assert set(case.state.requests[request].sign_offs) == {"claimant"}


def test_share_is_shown_to_its_author_alone_until_the_release(office: Office) -> None:
    case, request = asked(office)
    case.sign_off(request, "claimant")
    shares = case.state.requests[request].sign_offs["claimant"][0].shares
    assert read_share(office.desk, CLAIMANT.card.fingerprint, case.id, shares)
    for nosy in (MEDIATOR, build.CONVENOR, ARBITRATOR, build.party("stranger")):
        with refuses(NotFoundError, "not_found"):
            read_share(office.desk, nosy.card.fingerprint, case.id, shares)
    case.sign_off(request, "respondent")
    assert read_share(office.desk, MEDIATOR.card.fingerprint, case.id, shares)
    with refuses(NotFoundError, "not_found"):
        read_share(office.desk, build.party("stranger").card.fingerprint, case.id, shares)
