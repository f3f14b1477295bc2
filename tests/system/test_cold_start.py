"""A real service is stopped and started over a long case: it goes on from the snapshot that it wrote.

On a folder and on MinIO with the service's own rights.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store.journal_workers import note
from support import build, machine
from support.minio import Site, minio
from support.running import Running, running
from support.scraping import SOON_S, scrape

from escrow.config import S3Settings
from escrow.ledger.entry import Entry
from escrow.ledger.statement import Head
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Store
from escrow.store.s3 import S3Store
from escrow.store.snapshots import EVERY

LENGTH = EVERY + 20


class Place:
    """Where a service of this test keeps its records."""

    def __init__(self, store: Store, s3: S3Settings | None) -> None:
        self.store = store
        self.s3 = s3


@pytest.fixture(params=["folder", "minio"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    machine.require_linux("children of a process")
    if request.param == "folder":
        yield Place(FolderStore(tmp_path / "store"), None)
        return
    with minio(tmp_path / "minio") as server:
        site = Site(server, tmp_path)
        found = site.settings("service")
        with closing(S3Store(found)) as store:
            yield Place(store, found)


def post(service: Running, path: str, raw: str) -> Entry:
    body = json.dumps({"statement": raw}).encode()
    status, answer = service.ask("POST", path, body, {"Content-Type": "application/json"})
    assert status == 201, answer
    return Entry.read(json.loads(answer)["receipt"], build.SERVICE.card)


def wait_for_snapshot(store: Store, case: str) -> str:
    """Nobody is told when it is written; the service is asked nothing meanwhile."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        for name in store.names(Bucket.RECORDS, names.snapshots(case)):
            return name
        time.sleep(0.05)
    raise AssertionError("no snapshot was written")


def test_service_that_starts_again_reads_a_long_case_from_its_snapshot(place: Place, tmp_path: Path) -> None:
    with running(tmp_path, place.s3, metrics_bind="127.0.0.1:0") as service:
        first = post(service, "/v1/cases", build.opening())
        statements = f"/v1/cases/{first.case}/statements"
        head = Head(n=0, hash=first.hash)
        for turn in range(LENGTH):
            post(service, statements, note(first.case, head, f"{turn}"))
        name = wait_for_snapshot(place.store, first.case)
        assert names.parse_snapshot(name).number == EVERY
        assert service.lines("snapshot_not_kept") == []
    with running(tmp_path, place.s3, metrics_bind="127.0.0.1:0") as service:
        entry = post(service, statements, note(first.case, head, "after the start"))
        assert entry.n == LENGTH + 1
        assert scrape(service).sum("escrow_cold_load_entries_sum") == LENGTH - EVERY
        assert service.lines("snapshot_ignored") == []
