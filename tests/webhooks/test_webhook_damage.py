"""Objects that lie damaged in the storage: told to the operator, and no harm to anybody else."""

import json
from pathlib import Path

import pytest
from support import build
from support.delivering import CLAIMANT, ONE, TWO, Told, add, deliverer, later, numbers
from support.office import Office
from support.receiver import Receiver

from escrow.store import names


def spoil(path: Path, raw: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(raw)


def entry(office: Office, case: build.Case, n: int) -> Path:
    return office.folder / "store/ledger" / names.entry(case.id, n)


def told_of(receiver: Receiver) -> set[str]:
    return {json.loads(one.body)["data"]["case"] for one in receiver.got}


@pytest.mark.parametrize("how", ["flipped", "another", "not an entry", "not text"])
def test_entry_that_is_damaged_while_its_case_is_in_memory_holds_up_no_other(
    office: Office, receiver: Receiver, how: str
) -> None:
    broken, sound = office.accepted(), office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    broken.note()
    told = Told()
    running = deliverer(office, told=told)
    running.round()
    receiver.got.clear()
    path = entry(office, broken, broken.state.head.n)
    raw = path.read_bytes()
    flipped = raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:]
    another = entry(office, sound, sound.state.head.n).read_bytes()
    spoil(path, {"flipped": flipped, "another": another, "not text": b"\xff"}.get(how, how.encode()))
    add(office, CLAIMANT, receiver.url + "2", TWO)
    sound.note()
    running.round()
    assert told_of(receiver) == {sound.id}
    assert ("case_damaged", {"case": broken.id}) in told.lines


def test_damaged_entry_of_before_all_hooks_keeps_no_later_one_from_being_told(
    office: Office, receiver: Receiver
) -> None:
    case = office.accepted()
    later(office, hours=1)
    add(office, CLAIMANT, receiver.url)
    told = Told()
    running = deliverer(office, told=told)
    case.note()
    running.round()  # the case is in memory, as a snapshot would give it
    spoil(entry(office, case, 1), b"\xff")
    add(office, CLAIMANT, receiver.url, TWO)
    n = case.state.head.n
    case.note()
    running.round()
    assert numbers(receiver).count(n + 1) == 2
    assert "case_damaged" not in [event for event, _ in told.lines]


def test_hook_whose_stored_url_is_none_holds_up_no_other(office: Office, receiver: Receiver) -> None:
    case = office.accepted()
    add(office, CLAIMANT, receiver.url)
    add(office, CLAIMANT, receiver.url, TWO)
    path = office.folder / "store/records" / names.hook_opened(CLAIMANT.card.fingerprint, ONE)
    spoil(path, path.read_bytes().replace(b"https://", b"http://"))
    told = Told()
    assert deliverer(office, told=told).round().delivered == case.state.head.n + 1
    assert ("hook_damaged", {"hook": ONE}) in told.lines
