"""What a party remembers: once written it stays, two programs may share it, and a broken disk is said so."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from client.honest import URL, World, courier_of, draft
from support.build import SERVICE, party
from support.refusals import refuses

from escrow.client import Memory, PathChoice
from escrow.client.courier import EntriesPage
from escrow.client.home import Home
from escrow.errors import ForgedError, MalformedError, NotFoundError, SetupError, UnavailableError
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


def test_service_that_is_pinned_already_is_read_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every deed pins; a flush to the disk costs more than all else that a short one does here."""
    service, flushed = Service(url=URL, card=SERVICE.card), []
    monkeypatch.setattr("escrow.client.home.os.fsync", flushed.append)
    for _ in range(3):
        Memory(tmp_path).pin_service(service, asked=URL)
    assert len(flushed) == 1


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


@pytest.mark.parametrize("look", ["case", "audit"])
def test_receipt_that_another_program_got_meanwhile_makes_no_liar_of_the_service(
    world: World, look: str
) -> None:
    """The twin posts once this program has the chain's end, and before it compares receipts."""
    case, people = world.accepted()
    claimant, twin = people["claimant"], world.session("claimant")
    claimant.case(case)
    posted: list[int] = []

    def meanwhile(page: EntriesPage, *_: object, **__: object) -> EntriesPage:
        if not page.more and not posted:
            posted.append(twin.note(case, "posted meanwhile").n)
        return page

    courier_of(claimant).lies["entries"] = meanwhile
    if look == "case":
        assert claimant.case(case).head.n == posted[0] - 1
    else:
        assert claimant.audit(case).faults == ()
    assert list(claimant.memory.receipts(case)) == posted
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back", n=posted[0]):
        claimant.case(case)


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


def test_case_whose_opening_was_receipted_cannot_be_denied_to_a_program_that_is_run_again(
    world: World,
) -> None:
    """It never looked at the chain: the receipt is the first entry of it."""
    case = world.session("institution").open_case(draft()).case
    del world.service.chains[case]
    later = world.session("institution")
    with refuses(ForgedError, "ledger_rolled_back", n=0):
        later.case(case)
    assert [(one.case, one.trouble) for one in later.cases()] == [(case, "ledger_rolled_back")]
    assert [(one.case, one.code) for one in later.inbox().troubles] == [(case, "ledger_rolled_back")]


def test_case_whose_opening_was_receipted_cannot_be_opened_otherwise_in_its_place(world: World) -> None:
    convenor = world.session("institution")
    posting = convenor.prepare_open_case(draft())
    case = convenor.send(posting).case
    world.service.clock.tick()
    del world.service.chains[case]
    courier_of(convenor).post(posting)
    with refuses(ForgedError, "ledger_forked", n=0):
        world.session("institution").case(case)


def test_who_only_carries_an_opening_has_no_case_of_it_and_accuses_nobody(world: World) -> None:
    posting = world.session("institution").prepare_open_case(draft())
    carrier = world.session("somebody")
    case = carrier.send(posting).case
    assert carrier.cases() == ()
    with refuses(NotFoundError, "not_found"):
        carrier.case(case)


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


# What a killed program leaves


def half_sealed(world: World, record: str) -> Path:
    """What is left of a deposit whose program was killed while it sealed, or before it had signed."""
    folder = Memory(world.folder / "claimant").deposit_folder(record)
    (folder / ".abc.part").write_bytes(b"half of it")
    (folder / "sealed").write_bytes(b"all of it")
    return folder


def test_ciphertext_that_a_killed_program_left_is_cleared_at_the_next_deposit(world: World) -> None:
    case, people = world.accepted()
    folder = half_sealed(world, "0" * 32)
    people["claimant"].deposit(case, world.document(), [PathChoice(name="settlement")], title="t", label="l")
    assert not folder.exists()
    assert list((world.folder / "claimant" / "locks").iterdir()) == [
        world.folder / "claimant" / "locks" / case
    ]


def test_ciphertext_of_a_program_that_still_seals_is_left_alone(world: World) -> None:
    case, people = world.accepted()
    folder = half_sealed(world, "0" * 32)
    with Home(world.folder / "claimant").locked("0" * 32):
        people["claimant"].deposit(
            case, world.document(), [PathChoice(name="settlement")], title="t", label="l"
        )
        assert sorted(path.name for path in folder.iterdir()) == [".abc.part", "sealed"]


def test_deposit_that_waits_for_its_receipt_is_not_cleared(world: World) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    settlement = [PathChoice(name="settlement")]

    def cut(*_: object) -> None:
        raise UnavailableError("service_unreachable")

    courier_of(claimant).lies["post"] = cut
    for _ in range(2):
        with refuses(UnavailableError, "service_unreachable"):
            claimant.deposit(case, world.document(), settlement, title="t", label="l")
    assert len(claimant.pending_deposits()) == 2


def test_files_that_stand_aside_too_long_are_cleared_and_others_are_not(world: World) -> None:
    case, people = world.accepted()
    aside = world.folder / "claimant" / "aside"
    assert list(aside.iterdir()) == []
    for name in ("left", "being-written"):
        (aside / name).write_bytes(b"x")
    os.utime(aside / "left", (0, 0))
    people["claimant"].deposit(case, world.document(), [PathChoice(name="settlement")], title="t", label="l")
    assert [path.name for path in aside.iterdir()] == ["being-written"]
