"""During a drop-off the service holds a plain file; once it is over, nothing of it is left anywhere.

The real service takes drop-offs that are carried out, changed, torn, forged and misshapen. Then every file it
wrote, everything it answered, and the memory of its parent and of each worker are searched for pieces of the
files, their titles and names, the salts, the record keys K and each p. While one is under way, the plain
file is in one process and in no other.
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import dropping, machine
from support.memories import memory
from support.planted import search
from support.planted_drop_off import LARGE, DropOffs, tell
from support.running import running

from escrow.ledger.order import UnverifiedOrder

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DropOffs, dict[str, bytes], Path]]:
    machine.require_linux("memory of other processes")
    folder = tmp_path_factory.mktemp("dropped")
    with running(folder, workers=2, threads=4, drop_off_bytes=8 * MIB, socket_timeout_s=5) as service:
        drops = DropOffs(service)
        yield drops, tell(drops), folder


def children(pid: int) -> list[int]:
    """Processes that any thread of this one has started."""
    found = []
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in each.read_text().split()]
    return found


def test_nothing_of_a_plain_file_is_left(told: tuple[DropOffs, dict[str, bytes], Path]) -> None:
    drops, secrets, folder = told
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    names = "\n".join(map(str, folder.rglob("*"))).encode()
    assert search(b"\0".join((*files, names, *drops.party.answers)), secrets) == set()
    for pid in (drops.service.process.pid, *drops.service.workers()):
        assert {name for region in memory(pid) for name in search(region, secrets)} == set()


def test_no_sealer_outlives_its_drop_off(told: tuple[DropOffs, dict[str, bytes], Path]) -> None:
    drops, _, _ = told
    assert [children(pid) for pid in drops.service.workers()] == [[], []]


def test_search_would_find_what_the_service_does_hold(told: tuple[DropOffs, dict[str, bytes], Path]) -> None:
    drops, _, folder = told
    records = list(drops.party.state.records.values())
    facts = {
        f"{what} {n}": value
        for n, record in enumerate(records)
        for what, value in (("salt", record.ordered.sealed_salt), ("r", record.body.metadata))  # type: ignore[union-attr]
    }
    files = b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert search(files, facts) == set(facts)
    held = [
        {name for region in memory(pid) for name in search(region, facts)} for pid in drops.service.workers()
    ]
    assert set().union(*held) == set(facts)


def test_a_plain_file_under_way_is_in_the_sealer_s_process_alone(
    told: tuple[DropOffs, dict[str, bytes], Path],
) -> None:
    """Half of a file is here and the rest is not: the hunt finds it in the one place where it must be."""
    drops, _, _ = told
    order, _ = drops.order(LARGE, "under way")
    body = dropping.form(order, LARGE)
    head = (
        f"POST /v1/cases/{drops.party.case}/drop-offs HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: {dropping.KIND}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sought = {"plain": LARGE[:40], "title": b"The bishop's last offer of the wheat"}
    with socket.create_connection(("127.0.0.1", drops.service.port), timeout=30) as peer:
        peer.sendall(head.encode() + body[: len(order) + 100_000])
        found = _awaited(drops, sought)
        workers = drops.service.workers()
        assert found == set(sought)
        for pid in (drops.service.process.pid, *workers):
            assert {name for region in memory(pid) for name in search(region, sought)} == set()


def _awaited(drops: DropOffs, sought: dict[str, bytes]) -> set[str]:
    """What the sealer's memory holds, once it holds all of it."""
    end = time.monotonic() + 4
    found: set[str] = set()
    while time.monotonic() < end and found != set(sought):
        sealers = [child for pid in drops.service.workers() for child in children(pid)]
        for pid in sealers:
            try:
                found |= {name for region in memory(pid) for name in search(region, sought)}
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def test_record_keys_are_held_by_nobody_after_a_drop_off(
    told: tuple[DropOffs, dict[str, bytes], Path],
) -> None:
    """Last, since releasing a record lays p open: K and p of what was sealed here, learnt as a reader does.

    p of a public path is what its sign-offs hand over; so only K is sought everywhere, and p is what shows
    that the right record was opened.
    """
    drops, _, folder = told
    keys = {}
    for record in list(drops.party.state.records):
        keys[f"K of {record}"], p = drops.key_of(record)
        assert p
    files = b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert search(files, keys) == set()
    for pid in (drops.service.process.pid, *drops.service.workers()):
        assert {name for region in memory(pid) for name in search(region, keys)} == set()


def test_logs_name_no_order_and_no_file(told: tuple[DropOffs, dict[str, bytes], Path]) -> None:
    drops, _, _ = told
    order = json.loads(drops.order(LARGE, "large")[0])["order"]
    log = drops.service.log.read_text()
    assert re.search(r'"route": "/v1/cases/<id32:case>/drop-offs", "status": 201', log)
    assert UnverifiedOrder.parse(order).hash not in log
