"""A lost or damaged index object locks nobody out for good: what named the party, posted again, mends it."""

from pathlib import Path

from support import build
from support.office import Office

from escrow.crypto.identity import Identity
from escrow.ledger.entry import Entry
from escrow.ledger.replay import judge_opening
from escrow.model.ids import CaseId
from escrow.store import names

MEDIATOR, ARBITRATOR, EXPERT = build.SEATS["mediator"], build.party("arbitrator"), build.party("expert")


def index_of(office: Office, case: CaseId, who: Identity) -> Path:
    return office.folder / "store" / "ledger" / names.card_index(who.card.fingerprint, case)


def posted_again(office: Office, case: build.Case, n: int) -> int:
    """Status of the answer to entry n's statement, posted once more."""
    path = office.folder / "store" / "ledger" / names.entry(case.id, n)
    raw = Entry.read(path.read_text(), build.SERVICE.card).statement_raw
    return office.post(None if n == 0 else case.id, raw).status_code


def test_member_whose_index_was_lost_is_let_in_again_by_the_opening(office: Office) -> None:
    case = office.accepted()
    index_of(office, case.id, MEDIATOR).unlink()
    assert office.get(f"/v1/cases/{case.id}", MEDIATOR).status_code == 404
    assert posted_again(office, case, 0) == 200
    assert office.get(f"/v1/cases/{case.id}", MEDIATOR).status_code == 200


def test_newcomer_whose_index_was_lost_is_let_in_again_by_the_proposal(office: Office) -> None:
    case = office.accepted()
    case.propose(build.charter(seats={**build.SEATS, "expert": EXPERT}))
    index_of(office, case.id, EXPERT).unlink()
    assert posted_again(office, case, 0) == 200
    assert office.get(f"/v1/cases/{case.id}", EXPERT).status_code == 404
    assert posted_again(office, case, case.state.head.n) == 200
    assert office.get(f"/v1/cases/{case.id}", EXPERT).status_code == 200


def test_reader_whose_index_was_lost_is_let_in_again_by_the_request(office: Office) -> None:
    case = office.accepted()
    request = case.request(office.deposited(case), "settlement", ARBITRATOR)
    index_of(office, case.id, ARBITRATOR).unlink()
    assert office.get(f"/v1/cases/{case.id}/requests/{request}", ARBITRATOR).status_code == 404
    assert posted_again(office, case, case.state.head.n) == 200
    assert office.get(f"/v1/cases/{case.id}/requests/{request}", ARBITRATOR).status_code == 200


def test_statement_that_names_nobody_writes_no_index_when_it_is_posted_again(office: Office) -> None:
    case = office.accepted()
    case.note()
    office.store.calls.clear()
    assert posted_again(office, case, case.state.head.n) == 200
    assert "create cards" not in office.store.calls


def test_damaged_index_is_said_to_be_damaged_and_not_a_missing_case(office: Office) -> None:
    case = office.accepted()
    index = index_of(office, case.id, MEDIATOR)
    whole = index.read_bytes()
    for damaged in (whole + b"x", whole[:-1], b""):
        index.write_bytes(damaged)
        answer = office.get(f"/v1/cases/{case.id}", MEDIATOR)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "stored_object_differs")
    index.write_bytes(whole)
    assert office.get(f"/v1/cases/{case.id}", MEDIATOR).status_code == 200


def test_opening_again_of_another_case_mends_nothing_here(office: Office) -> None:
    case = office.accepted()
    index_of(office, case.id, MEDIATOR).unlink()
    raw = build.opening(build.charter())
    assert judge_opening(raw, at=office.clock(), service=build.SERVICE.card).statement.hash != case.id
    office.post(None, raw)
    assert office.get(f"/v1/cases/{case.id}", MEDIATOR).status_code == 404
