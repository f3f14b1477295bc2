"""What a party remembers: once written it stays, two programs may share it, and a broken disk is said so."""

from dataclasses import replace
from pathlib import Path

import pytest
from client.honest import URL, World
from support.build import SERVICE, party
from support.refusals import refuses

from escrow.client import Memory
from escrow.errors import ForgedError, MalformedError, SetupError
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service


def test_pinned_service_stays_pinned(tmp_path: Path) -> None:
    service = Service(url=URL, card=SERVICE.card)
    assert Memory(tmp_path).pin_service(service, asked=URL) == service
    assert Memory(tmp_path).pin_service(service, asked=URL) == service
    with refuses(ForgedError, "service_card_differs", url=URL):
        Memory(tmp_path).pin_service(replace(service, card=party("other").card), asked=URL)
    elsewhere = Service(url="https://elsewhere.example", card=party("other").card)
    assert Memory(tmp_path).pin_service(elsewhere, asked=elsewhere.url) == elsewhere


def test_entry_that_another_program_remembered_otherwise_is_a_fork(tmp_path: Path) -> None:
    memory, case = Memory(tmp_path), "0" * 64
    memory.remember_entries(case, 0, ["a.a.s", "b.b.s"])
    memory.remember_entries(case, 0, ["a.a.other-signature", "b.b.s", "c.c.s", "d.d.s"])
    memory.remember_entries(case, 2, ["c.c.s"])
    memory.remember_entries(case, 3, ["d.d.s", "e.e.s"])
    assert memory.entries(case) == ["a.a.s", "b.b.s", "c.c.s", "d.d.s", "e.e.s"]
    with refuses(ForgedError, "ledger_forked", n=3):
        memory.remember_entries(case, 2, ["c.c.s", "x.x.s"])
    with refuses(ForgedError, "ledger_forked", n=1):
        memory.remember_entries(case, 0, ["a.a.s", "x.x.s"])


def test_two_sessions_of_one_home_follow_one_chain(world: World) -> None:
    case, people = world.accepted()
    twin = world.session("claimant")
    people["claimant"].note(case, "one")
    twin.note(case, "two")
    assert [note.text for note in people["claimant"].case(case).notes] == ["one", "two"]
    assert [note.text for note in twin.case(case).notes] == ["one", "two"]


def test_entry_changed_on_disk_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    path = world.folder / "claimant" / "cases" / case / "entries" / f"{0:09d}"
    path.write_text(path.read_text().swapcase())
    with pytest.raises((ForgedError, MalformedError)):
        world.session("claimant").case(case)


def test_case_key_of_another_case_in_the_memory_is_refused(world: World) -> None:
    case, people = world.accepted()
    home = world.folder / "another"
    Memory(home).remember_case_key(case, CaseKey(raw=bytes(32)))
    with refuses(ForgedError, "case_key_not_of_charter"):
        world.session("claimant", home="another").case(case)
    assert people["claimant"].case(case).has_case_key


def test_receipts_are_kept_until_the_chain_shows_them(world: World) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    claimant.case(case)
    receipt = claimant.note(case, "hello")
    assert list(claimant.memory.receipts(case)) == [receipt.n]
    claimant.case(case)
    assert claimant.memory.receipts(case) == {}


def test_home_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with refuses(SetupError, "memory_unusable"):
        Memory(tmp_path / "home").pin_service(Service(url=URL, card=SERVICE.card), asked=URL)


def test_memory_of_nothing_is_empty(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "home")
    assert (memory.cases(), memory.deposits(), memory.entries("0" * 64)) == ((), (), [])
    assert memory.case_key("0" * 64) is None
    with refuses(SetupError, "deposit_unknown"):
        memory.posting("0" * 32)
    assert memory.deposits() == ()


def test_strange_files_in_the_home_are_left_alone(world: World) -> None:
    case, people = world.accepted()
    (world.folder / "claimant" / "cases" / "notes.txt").write_text("mine")
    (world.folder / "claimant" / "cases" / case / "receipts").mkdir(exist_ok=True)
    (world.folder / "claimant" / "cases" / case / "receipts" / ".DS_Store").write_text("")
    assert [one.case for one in people["claimant"].cases()] == [case]
