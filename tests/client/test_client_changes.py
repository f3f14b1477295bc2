"""Following many cases by one cursor: what is asked, what a lying feed gets, and that sessions close."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from client.honest import World, courier_of, draft
from client.town import Town
from support.refusals import refuses

from escrow.client import Waiting
from escrow.client.courier import ChangesPage
from escrow.errors import ForgedError, MalformedError


def test_nothing_but_what_changed_is_asked_about(tmp_path: Path) -> None:
    town = Town(tmp_path)
    institution, claimant = town.session("institution"), town.session("claimant")
    cases = [institution.open_case(draft(), reference=str(n)).case for n in range(5)]
    for case in cases:
        claimant.join(institution.invitations(case)["claimant"])
    cursor = claimant.changes().next
    town.office.clock.now += timedelta(hours=1)
    cursor = claimant.changes(cursor).next
    assert claimant.changes(cursor).cases == {}
    institution.note(cases[3], "A meeting on Friday")
    town.wires["claimant"].asked.clear()
    found = claimant.changes(cursor)
    assert found.cases == {cases[3]: 1}
    inbox = claimant.inbox(cases=found.cases)
    assert {item.case for item in inbox.items} == {cases[3]}
    assert {item.kind for item in inbox.items} == {Waiting.ACCEPT}
    asked = town.wires["claimant"].asked
    assert asked == ["GET /v1/changes", f"GET /v1/cases/{cases[3]}/entries"]


def test_all_pages_of_a_round_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.client.http.CHANGES_A_PAGE", 2)
    town = Town(tmp_path)
    institution = town.session("institution")
    cursor = institution.changes().next
    cases = {institution.open_case(draft()).case for _ in range(5)}
    town.wires["institution"].asked.clear()
    assert set(institution.changes(cursor).cases) == cases
    assert town.wires["institution"].asked.count("GET /v1/changes") >= 3


def test_cursor_that_is_too_old_is_refused_and_not_answered_in_part(tmp_path: Path) -> None:
    session = Town(tmp_path).session("institution")
    with refuses(MalformedError, "cursor_too_old"):
        session.changes("0000000001")


def test_feed_that_never_ends_is_left(world: World) -> None:
    session = world.session("institution")
    asked: list[str | None] = []

    def for_ever(_: ChangesPage, *, after: str | None) -> ChangesPage:
        asked.append(after)
        return ChangesPage(cases={}, next=str(len(asked) % 3), more=True)

    courier_of(session).lies["changes"] = for_ever
    assert session.changes().cases == {}
    assert len(asked) <= 5


def test_feed_of_ever_new_cursors_is_left_with_one_to_go_on_by(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty pages are no lie by themselves: who serves many has looked through theirs."""
    monkeypatch.setattr("escrow.client.inbox.MAX_PAGES", 20)
    session = world.session("institution")
    asked: list[str | None] = []

    def for_ever(_: ChangesPage, *, after: str | None) -> ChangesPage:
        asked.append(after)
        return ChangesPage(cases={}, next=str(len(asked)), more=True)

    courier_of(session).lies["changes"] = for_ever
    assert session.changes().next == "20"
    assert len(asked) == 20


def test_case_that_a_lying_feed_names_is_verified_before_it_is_shown(world: World) -> None:
    case, people = world.accepted()
    session = people["claimant"]
    courier_of(session).lies["entries"] = lambda page, *_, **__: spoilt(page)
    shown = session.inbox(cases=["f" * 64, case])
    assert shown.items == ()
    assert [trouble.case for trouble in shown.troubles] == ["f" * 64, case]


def spoilt(page: Any) -> Any:
    return type(page)(entries=tuple(entry[:-4] + "AAAA" for entry in page.entries), more=page.more)


def test_session_closes_its_lines_at_the_end_also_of_a_failure(world: World) -> None:
    session = world.session("institution")
    closed: list[str] = []
    courier_of(session).lies["close"] = lambda *_: closed.append("closed")
    with refuses(ForgedError, "x"), session as entered:
        assert entered is session
        raise ForgedError("x")
    assert closed == ["closed"]


def test_session_goes_on_after_it_was_closed(tmp_path: Path) -> None:
    session = Town(tmp_path).session("institution")
    with session:
        case = session.open_case(draft()).case
    assert session.case(case).case == case
