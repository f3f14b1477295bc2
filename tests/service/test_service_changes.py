"""The changes feed: whose cases it tells, and that no change is ever lost to who polls by its cursor."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from store.faulty import Crashed, FaultyStore, When
from support import build
from support.office import Office
from werkzeug.test import TestResponse

from escrow.crypto.identity import Identity
from escrow.model.deeds import Note
from escrow.service import changes as feed
from escrow.service.desk import Desk
from escrow.service.post import post
from escrow.store import names
from escrow.store.changes import OVERLAP_MINUTES, ChangeNotes, minute_of
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket

CLAIMANT, MEDIATOR = build.SEATS["claimant"], build.SEATS["mediator"]
STRANGER, ARBITRATOR = build.party("stranger"), build.party("arbitrator")


def ask(office: Office, who: Identity | None, after: str | None = None, **query: int) -> TestResponse:
    asked = {**({} if after is None else {"after": after}), **query}
    return office.client.get("/v1/changes", query_string=asked, headers=office.bearer(who))


def page(office: Office, who: Identity, after: str | None = None, **query: int) -> dict[str, Any]:
    answer = ask(office, who, after, **query)
    assert answer.status_code == 200, answer.get_json()
    found: dict[str, Any] = answer.get_json()
    return found


def told(office: Office, who: Identity, after: str | None, **query: int) -> tuple[dict[str, int], str]:
    """All pages of one round: heads by case, and the cursor for the next."""
    found: dict[str, int] = {}
    more = True
    while more:
        answer = page(office, who, after, **query)
        found |= {one["case"]: one["n"] for one in answer["cases"]}
        after, more = answer["next"], answer["more"]
    assert after is not None
    return found, after


def start(office: Office, who: Identity) -> str:
    first = page(office, who)
    assert (first["cases"], first["more"]) == ([], False)
    cursor: str = first["next"]
    return cursor


def later(office: Office, **time: float) -> None:
    office.clock.now += timedelta(**time)


def test_caller_without_a_token_is_told_nothing(office: Office) -> None:
    answer = ask(office, None)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_missing")


@pytest.mark.parametrize(
    "after",
    [
        "", "1", "0" * 9, "0" * 11, "000000000a", "0000000001.", "0000000001..", "-000000001",
        "0000000001." + "0" * 64, "0000000001." + "A" * 64 + ".0000000001", "0000000001..000000001",
        "0000000001\n", "0000000001/../x", "0000000001..0000000001.",
    ],
)  # fmt: skip
def test_cursor_that_this_service_never_gave_is_refused(office: Office, after: str) -> None:
    answer = ask(office, CLAIMANT, after)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "field_refused")


@pytest.mark.parametrize("limit", [0, 201])
def test_page_out_of_range_is_refused(office: Office, limit: int) -> None:
    assert ask(office, CLAIMANT, limit=limit).status_code == 400


def test_stranger_is_told_the_same_after_the_same_work_whether_others_have_cases_or_not(
    tmp_path: Path,
) -> None:
    answers = []
    for name in ("empty", "busy"):
        (tmp_path / name).mkdir()
        office = Office(tmp_path / name)
        cursor = start(office, STRANGER)
        if name == "busy":
            office.accepted()
        office.store.calls.clear()
        answer = ask(office, STRANGER, cursor)
        told = answer.get_json() | {"request_id": ""}
        answers.append((answer.status_code, told, list(office.store.calls)))
    assert answers[0] == answers[1]
    assert answers[0][2] == ["names cards"]


def test_party_is_told_of_its_own_cases_only_and_cursors_name_no_other(office: Office) -> None:
    own = office.accepted()
    seats = {seat: build.party(f"other {seat}") for seat in build.SEATS}
    others = [
        build.Case(chain=(made := office.case()).chain, shares=made.shares, seats=seats, convenor=STRANGER)
        .open()
        .id
        for _ in range(3)
    ]
    cursors = []
    after: str | None = f"{minute_of(office.clock()) - 5:010d}"
    for _ in range(9):
        answer = page(office, CLAIMANT, after, limit=1)
        assert {one["case"] for one in answer["cases"]} <= {own.id}
        after = answer["next"]
        cursors.append(after)
    assert all(case not in str(cursors) for case in others)


def test_who_left_a_pending_charter_is_told_no_more(office: Office) -> None:
    case = office.accepted()
    outsider = build.party("outsider")
    cursor = start(office, outsider)
    case.propose(build.charter(seats={**build.SEATS, "observer": outsider}), author=CLAIMANT)
    assert told(office, outsider, cursor)[0] == {case.id: case.state.head.n}
    case.accept_all(case.propose(build.charter(public_notice="new"), author=build.SEATS["respondent"]))
    assert told(office, outsider, cursor)[0] == {}


def test_named_reader_is_told(office: Office) -> None:
    case = office.accepted()
    record = office.deposited(case)
    cursor = start(office, ARBITRATOR)
    case.request(record, "settlement", ARBITRATOR)
    assert told(office, ARBITRATOR, cursor)[0] == {case.id: case.state.head.n}


def test_every_kind_of_growth_is_told_with_its_head(office: Office) -> None:
    case = office.accepted()
    cursor = start(office, MEDIATOR)
    deeds = (
        lambda: office.deposited(case),
        lambda: case.note(),
        lambda: case.request(next(iter(case.state.records)), "settlement", ARBITRATOR),
        lambda: case.sign_off(next(iter(case.state.requests)), "claimant"),
    )
    for deed in deeds:
        later(office, hours=1)
        cursor = told(office, MEDIATOR, cursor)[1]
        assert told(office, MEDIATOR, cursor)[0] == {}
        deed()
        found, cursor = told(office, MEDIATOR, cursor)
        assert found == {case.id: case.state.head.n}


def test_case_that_nothing_happened_to_is_not_told_again_once_the_overlap_is_over(office: Office) -> None:
    case = office.accepted()
    cursor = start(office, CLAIMANT)
    assert case.id in told(office, CLAIMANT, cursor)[0]
    later(office, minutes=OVERLAP_MINUTES + 1)
    cursor = told(office, CLAIMANT, cursor)[1]
    assert told(office, CLAIMANT, cursor)[0] == {}


@pytest.mark.parametrize("behind", [timedelta(minutes=10), timedelta(minutes=-10)])
def test_two_services_whose_clocks_differ_lose_no_change_for_a_poller(
    office: Office, behind: timedelta
) -> None:
    """One writes, the other is polled; in every order of writing and polling."""
    case = office.accepted()
    slow = build.Clock()
    slow.now = office.clock.now - behind
    writer = office.over(office.store, slow)
    cursor, known = start(office, CLAIMANT), case.state.head.n
    for step in range(15):
        raw = case.statement(MEDIATOR, Note(text=build.sealed(str(step))))
        assert writer.post(case.id, raw).status_code == 201
        found, cursor = told(office, CLAIMANT, cursor)
        known = max(known, found.get(case.id, 0))
        assert known == case.state.head.n, step
        for clock in (office.clock, slow):
            clock.now += timedelta(seconds=97)


def test_pause_between_two_pages_loses_no_change_that_came_meanwhile(office: Office) -> None:
    cases = sorted((office.accepted() for _ in range(4)), key=lambda case: case.id)
    cursor = start(office, CLAIMANT)
    later(office, minutes=OVERLAP_MINUTES + 1)
    cursor = told(office, CLAIMANT, cursor)[1]
    later(office, minutes=OVERLAP_MINUTES)
    for case in cases[1:]:
        case.note()
    first = page(office, CLAIMANT, cursor, limit=2)
    assert first["more"]
    cases[0].note()  # its name sorts before the page that was given
    head = cases[0].state.head.n
    later(office, hours=3)
    _, cursor = told(office, CLAIMANT, first["next"], limit=2)
    assert told(office, CLAIMANT, cursor)[0].get(cases[0].id) == head


def test_scan_stops_at_the_end_of_a_minute_and_goes_on_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SCAN", 5)
    case = office.accepted()
    minute = minute_of(office.clock())
    for back in range(1, 5):
        for other in range(4):
            office.store.create(Bucket.RECORDS, names.change(minute - back, f"{other:064x}"), b"")
    cursor, pages, found = f"{minute - 10:010d}", 0, set()
    more = True
    while more:
        answer = page(office, CLAIMANT, cursor)
        found |= {one["case"] for one in answer["cases"]}
        cursor, more, pages = answer["next"], answer["more"], pages + 1
        assert f"{1:064x}" not in cursor
    assert (found, pages) == ({case.id}, 3)


def test_cursor_older_than_what_is_kept_is_refused_and_not_answered_in_part(office: Office) -> None:
    office.accepted()
    cursor = start(office, CLAIMANT)
    later(office, days=88)
    assert ask(office, CLAIMANT, cursor).status_code == 200
    later(office, days=1)
    answer = ask(office, CLAIMANT, cursor)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "cursor_too_old")


def test_damaged_case_is_told_without_a_head_and_hides_no_other(tmp_path: Path) -> None:
    office = Office(tmp_path)
    cases = [office.accepted() for _ in range(2)]
    cursor = start(office, CLAIMANT)
    (tmp_path / "store/ledger" / names.entry(cases[0].id, 1)).write_bytes(b"x")
    other = office.over(office.store)
    assert told(other, CLAIMANT, cursor)[0] == {cases[0].id: None, cases[1].id: cases[1].state.head.n}


@pytest.mark.parametrize("when", When)
def test_crash_at_any_call_around_the_change_harms_nobody_and_the_retry_is_told(
    office: Office, when: When
) -> None:
    case = office.accepted()
    struck: list[str] = []
    while True:
        later(office, minutes=1)
        head, cursor = case.state.head.n, f"{minute_of(office.clock()):010d}"
        raw = case.statement(CLAIMANT, Note(text=build.SEALED))
        replayed = head + 3  # snapshots listed, entries, and the one that is not there
        kill_at = replayed + len(struck) + 1
        store = FaultyStore(FolderStore(office.settings.store), kill_at=kill_at, when=when)
        try:
            post(Desk.set_up(office.settings, store, office.clock), case.id, raw, None)
        except Crashed as crash:
            struck.append(str(crash))
        else:
            break
        assert told(office, CLAIMANT, cursor)[0].get(case.id, head) == case.state.head.n
        assert office.post(case.id, raw).status_code in (200, 201)
        assert told(office, CLAIMANT, cursor)[0] == {case.id: head + 1}
    assert struck == ["create", "create"]  # the change, and then the entry


def test_refused_statement_leaves_no_change(office: Office) -> None:
    case = office.accepted()
    later(office, minutes=5)
    raw = case.statement(STRANGER, Note(text=build.SEALED))
    office.store.calls.clear()
    assert office.post(case.id, raw).status_code == 404
    assert "create changes" not in office.store.calls


def test_sign_off_costs_one_call_more_once_a_minute_and_case(office: Office) -> None:
    case = office.accepted()
    record = office.deposited(case)
    requests = [case.request(record, "settlement", build.party(f"reader {n}")) for n in range(3)]
    later(office, minutes=1)
    costs = []
    for request in requests:
        office.store.calls.clear()
        case.sign_off(request, "claimant")
        costs.append([call for call in office.store.calls if not call.startswith("get")])
    assert [cost.count("create changes") for cost in costs] == [1, 0, 0]
    assert costs[1] == ["create shares", "create cases"]
    later(office, minutes=1)
    office.store.calls.clear()
    case.sign_off(requests[0], "mediator")
    assert office.store.calls.count("create changes") == 1


def test_memory_of_what_was_noted_is_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.store.changes._REMEMBERED", 3)
    notes = ChangeNotes(office.store, office.clock)
    for n in range(10):
        notes.note(f"{n:064x}")
    assert len(notes._noted) <= 3
    assert office.store.calls.count("create changes") == 10


def test_storage_that_takes_no_change_lets_nothing_enter(tmp_path: Path) -> None:
    office = Office(tmp_path)
    case = office.accepted()
    later(office, minutes=1)
    raw = case.statement(CLAIMANT, Note(text=build.SEALED))
    head = case.state.head.n
    folder = tmp_path / "store/records/changes"
    folder.rename(tmp_path / "aside")
    folder.touch()
    answer = office.post(case.id, raw)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_failed")
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    assert case.state.head.n == head
    assert office.post(case.id, raw).status_code == 201
