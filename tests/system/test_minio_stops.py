"""A MinIO that hangs, dies and comes back under a real service, which is never started again itself.

Nobody waits for long, health is told truly meanwhile, and afterwards everything goes on, with nothing lost
that was acknowledged.
"""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.circle import Circle, courier
from support.minio import Minio, Site, minio
from support.running import Running, running

from escrow.client import PathChoice, Posting, Stage
from escrow.client.courier import Part
from escrow.errors import UnavailableError
from escrow.model.ids import CaseId, UploadId

THREADS = 4
MORE_THAN_THREADS = 12
PATIENCE_S = 2
SOON_S = 30
"""Without bounds each of those would wait for three minutes, and the last for all before it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """Of its own, since it is stopped."""
    with minio(tmp_path_factory.mktemp("stops") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def site(server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(server, tmp_path_factory.mktemp("site"))


@pytest.fixture
def service(site: Site, tmp_path: Path) -> Iterator[Running]:
    hasty = replace(site.settings("service"), patience_s=PATIENCE_S)
    with running(tmp_path, hasty, threads=THREADS) as found:
        yield found


@pytest.fixture
def circle(service: Running, tmp_path: Path) -> Circle:
    return Circle(tmp_path, service, pause_s=5)  # as long as Retry-After says: five tries outlast a restart


def post(service: Running, posting: Posting) -> dict[str, Any]:
    """A problem, or a receipt."""
    status, headers, raw = service.answer(
        "POST", posting.target, posting.dump(), {"Content-Type": "application/json"}, timeout=SOON_S
    )
    found: dict[str, Any] = json.loads(raw)
    return found | {"status": status, "retry_after": headers.get("Retry-After")}


def at_once(lines: ThreadPoolExecutor, service: Running, postings: list[Posting]) -> list[Future[Any]]:
    return [lines.submit(post, service, posting) for posting in postings]


def notes(circle: Circle, number: int) -> list[Posting]:
    return [circle.sessions["claimant"].prepare_note(circle.case, f"note {one}") for one in range(number)]


def require_unavailable(found: dict[str, Any]) -> None:
    assert (found["status"], found["code"], found["retry_after"]) == (503, "storage_failed", "5")
    assert found["fields"]["reason"] == "unreachable"


def test_server_that_hangs_is_waited_for_once_and_not_by_everybody(
    server: Minio, site: Site, service: Running, circle: Circle
) -> None:
    postings = notes(circle, MORE_THAN_THREADS)
    with ThreadPoolExecutor(MORE_THAN_THREADS) as lines, server.frozen():
        for found in at_once(lines, service, postings):
            require_unavailable(found.result())
        require_unavailable(service.problem("GET", "/readyz", timeout=SOON_S))
        assert service.ask("GET", "/healthz", timeout=SOON_S)[0] == 200
    service.wait_until_ready()
    for posting in postings:
        circle.send(posting)
    circle.require_nothing_lost(site.settings("audit"))


def test_call_that_waited_for_a_server_that_hung_is_answered_when_it_wakes(
    server: Minio, site: Site, tmp_path: Path
) -> None:
    with running(tmp_path, replace(site.settings("service"), patience_s=60), threads=THREADS) as service:
        circle = Circle(tmp_path, service)
        postings = notes(circle, THREADS - 1)
        with ThreadPoolExecutor(len(postings)) as lines:
            with server.frozen():
                waiting = at_once(lines, service, postings)
                assert service.ask("GET", "/healthz", timeout=SOON_S)[0] == 200
            assert {one.result()["status"] for one in waiting} == {201}
        circle.require_nothing_lost(site.settings("audit"))


def test_server_that_dies_under_work_and_comes_back_has_lost_nothing(
    server: Minio, site: Site, circle: Circle
) -> None:
    """Its data are where they were. The parties try again, and the service was never touched."""
    ways = iter((signal.SIGKILL, signal.SIGTERM))

    def restart() -> None:
        server.stop(next(ways))
        require_unavailable(circle.services[0].problem("GET", "/readyz", timeout=SOON_S))
        server.start()

    requests = circle.work(notes=3, actions={6: restart, 14: restart})
    assert next(ways, None) is None
    assert circle.opens(requests[0])
    circle.require_nothing_lost(site.settings("audit"))


def test_upload_that_lost_its_server_goes_on_where_it_was(
    server: Minio, site: Site, service: Running, circle: Circle, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    document = tmp_path / "large"
    document.write_bytes(bytes(40 * 1024 * 1024))
    party = circle.sessions["claimant"]
    line = courier(party.identity, service, pause_s=0.1)
    sent: list[int] = []
    put = line.put_part

    def counting(case: CaseId, upload: UploadId, number: int, data: bytes) -> Part:
        part = put(case, upload, number, data)
        sent.append(number)
        return part

    monkeypatch.setattr(line, "put_part", counting)
    party.courier = line

    def lose_it(stage: Stage, done: int, whole: int) -> None:
        if stage is Stage.UPLOAD and 0.75 * whole < done < whole:
            server.kill()

    path = [PathChoice(name="settlement")]
    with pytest.raises(UnavailableError) as caught:
        party.deposit(circle.case, document, path, title="Large", label="Large", progress=lose_it)
    assert caught.value.code == "storage_failed"
    sent.clear()
    server.start()
    (pending,) = party.pending_deposits()
    circle.keep(party.resume_deposit(pending))
    assert sent
    assert 1 not in sent  # it had arrived, and is not asked for again
    assert party.pending_deposits() == ()
    circle.require_nothing_lost(site.settings("audit"))
