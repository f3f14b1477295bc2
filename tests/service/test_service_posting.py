"""Opening cases and posting statements: what the service refuses beyond the ledger, and what it leaves."""

from pathlib import Path

import pytest
from support import build
from support.office import Office, PostedError, tree
from support.refusals import refuses

from escrow.errors import MalformedError, NotFoundError, RefusedError, TooLargeError
from escrow.ledger.statement import compose
from escrow.model.charter import Charter, Service
from escrow.model.deeds import Note
from escrow.service.open_case import open_case
from escrow.service.post import post
from escrow.store import names
from escrow.store.interface import Bucket


def elsewhere() -> Charter:
    charter = build.charter()
    fields = {name: getattr(charter, name) for name in Charter.__dataclass_fields__}
    return Charter(**fields | {"service": Service(url="https://other.example", card=build.SERVICE.card)})


def test_opening_that_pins_another_address_is_refused_and_leaves_nothing(
    office: Office, tmp_path: Path
) -> None:
    before = tree(tmp_path)
    with refuses(RefusedError, "service_url_not_ours", expected=build.URL):
        open_case(office.desk, build.opening(elsewhere()))
    assert tree(tmp_path) == before


def test_opening_that_pins_another_service_is_refused(office: Office, tmp_path: Path) -> None:
    before = tree(tmp_path)
    with refuses(RefusedError, "service_card_not_ours"):
        open_case(office.desk, build.opening(build.charter(service=build.party("mallory").card)))
    assert tree(tmp_path) == before


def test_convenor_who_is_not_listed_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path, convenors=(str(build.party("another").card),))
    before = tree(tmp_path)
    with refuses(RefusedError, "convenor_not_listed", author=build.CONVENOR.card.fingerprint):
        open_case(office.desk, build.opening())
    assert tree(tmp_path) == before


def test_listed_convenor_opens(tmp_path: Path) -> None:
    office = Office(tmp_path, convenors=(str(build.CONVENOR.card),))
    assert open_case(office.desk, build.opening()).created


def test_same_opening_again_gives_the_first_receipt(office: Office) -> None:
    raw = build.opening()
    first = open_case(office.desk, raw)
    office.clock.tick(60)
    again = open_case(office.desk, raw)
    assert (again.entry, again.created) == (first.entry, False)


def test_convenor_and_seats_find_the_case_by_their_index(office: Office) -> None:
    case = office.case().open()
    for who in (build.CONVENOR, *build.SEATS.values()):
        assert office.store.get(Bucket.LEDGER, names.card_index(who.card.fingerprint, case.id), limit=100)


def test_opening_with_a_trailing_charter_elsewhere_cannot_come_in_by_a_proposal(office: Office) -> None:
    case = office.accepted()
    with pytest.raises(PostedError) as caught:
        case.propose(elsewhere())
    assert caught.value.problem["code"] == "service_url_not_ours"


def test_newcomer_of_a_proposed_charter_finds_the_case_before_accepting(office: Office) -> None:
    case = office.accepted()
    case.propose(build.charter(seats={**build.SEATS, "expert": build.party("expert")}))
    assert office.get(f"/v1/cases/{case.id}", build.party("expert")).status_code == 200


def test_statement_over_the_limit_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    office = Office(tmp_path, statement_bytes=500)
    with refuses(TooLargeError, "field_too_large", field="statement", limit=500):
        open_case(office.desk, "x" * 501)


def test_attachment_beside_anything_but_a_sign_off_is_refused(office: Office) -> None:
    case = office.accepted()
    raw = case.statement(build.CONVENOR, Note(text=build.SEALED))
    with refuses(MalformedError, "attachment_unexpected", state=case.state):
        post(office.desk, case.id, raw, b"{}")


def test_stranger_is_told_nothing(office: Office) -> None:
    case = office.accepted()
    raw = case.statement(build.party("stranger"), Note(text=build.SEALED))
    with refuses(NotFoundError, "not_found", state=case.state):
        post(office.desk, case.id, raw, None)


def test_reader_who_holds_no_seat_cannot_write(office: Office) -> None:
    case = office.accepted()
    record = office.deposited(case)
    case.request(record, "settlement", build.party("arbitrator"))
    raw = case.statement(build.party("arbitrator"), Note(text=build.SEALED))
    answer = office.post(case.id, raw)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_statement_for_another_case_is_refused(office: Office) -> None:
    case = office.accepted()
    other = office.case().open(build.charter(public_notice="another"))
    raw = compose(build.CONVENOR, Note(text=build.SEALED), case=other.id, head=other.state.head)
    with refuses(RefusedError, "statement_for_other_case", state=case.state):
        post(office.desk, case.id, raw, None)
