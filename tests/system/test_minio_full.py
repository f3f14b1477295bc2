"""A MinIO without room: what is asked for is refused with the reason, what is there can be read, and once
there is room again everything goes on.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support import machine
from support.circle import Circle
from support.minio import Minio, Site, minio
from support.running import Running, running

from escrow.client import PathChoice
from escrow.errors import UnavailableError

SIZE_MIB = 192
FULL_CODE = "storage_full"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own, in memory."""
    machine.require_root("A disk of its own for a MinIO")
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        machine.absent("A small disk (tmpfs)", f"let the tests mount one: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def server(disk: Path) -> Iterator[Minio]:
    with minio(disk / "data") as made:
        yield made


@pytest.fixture(scope="module")
def site(server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(server, tmp_path_factory.mktemp("site"))


@pytest.fixture
def service(site: Site, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, site.settings("service"), threads=8) as found:
        yield found


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Somebody else's file takes all the room."""
    ballast = disk / "ballast"
    try:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        yield
    finally:
        ballast.unlink()


def test_full_disk_refuses_with_its_reason_and_lets_everything_be_read(
    disk: Path, site: Site, service: Running, tmp_path: Path
) -> None:
    circle = Circle(tmp_path, service, pause_s=0.1)
    requests = circle.work(notes=1)
    party = circle.sessions["claimant"]
    (before,) = party.records(circle.case)[:1]
    posting = party.prepare_note(circle.case, "no room for this")
    path = [PathChoice(name="settlement")]
    with full(disk):
        headers = {"Content-Type": "application/json"}
        found = service.problem("POST", posting.target, posting.dump(), headers=headers)
        assert (found["status"], found["code"], found["fields"]) == (503, FULL_CODE, {"bucket": "ledger"})
        assert "no room left in storage" in found["detail"]
        with pytest.raises(UnavailableError) as caught:
            party.deposit(circle.case, circle.document, path, title="Terms", label="Too late")
        assert caught.value.code == FULL_CODE
        assert circle.opens(requests[0])
        assert party.record(circle.case, before.record) == before
        assert service.ask("GET", "/readyz")[0] == 200
        service.kill()
        service.start()  # where it was asked before whether names stay taken, it can be read
        assert circle.opens(requests[0])
    circle.pause_s = 5  # MinIO looks at its disk now and then
    circle.send(posting)
    (pending,) = party.pending_deposits()
    circle.keep(party.resume_deposit(pending))
    circle.work(notes=1)
    circle.require_nothing_lost(site.settings("audit"))
