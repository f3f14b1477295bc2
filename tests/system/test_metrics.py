"""What an operator sees of a real service with two workers: numbers that add up, and nothing of anybody.

The service is one of its own process, as `escrow serve` starts it; `scrape` is Prometheus.
"""

import http.client
import json
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import build, machine
from support.minio import Site, minio
from support.planted import DOCUMENT, Party, search, tell
from support.running import START_S, Running, running
from support.scraping import SOON_S, Scrape, scrape, scrape_until

from escrow.api.app import utc_now
from escrow.api.metrics_folder import PREFIX
from escrow.ledger import token
from escrow.ledger.state import CaseState
from escrow.ledger.statement import compose
from escrow.model.deeds import Note

LOOPBACK = {"workers": 2, "threads": 4, "metrics_bind": "127.0.0.1:0"}
POSTED = {
    "case-opened": 1, "charter-accepted": 3, "record-sealed": 1, "release-requested": 1, "signed-off": 2,
}  # fmt: skip
"""By the story that support/planted.py tells."""


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where services of this test make their folders for metrics."""
    machine.require_linux("children of a process")
    made = tmp_path / "tmp"
    made.mkdir()
    monkeypatch.setenv("TMPDIR", str(made))
    return made


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, **LOOPBACK) as found:
        yield found


@dataclass
class Told:
    service: Running
    party: Party
    secrets: dict[str, bytes]


@pytest.fixture
def told(service: Running) -> Told:
    party = Party(service)
    return Told(service, party, tell(party))


def workers(service: Running) -> list[int]:
    """Not the process that serves metrics."""
    booted = [
        line["message"].rpartition(" ")[2] for line in service.lines("server") if "Booting" in str(line)
    ]
    return [pid for pid in service.workers() if str(pid) in booted]


def metrics_process(service: Running) -> int:
    (found,) = set(service.workers()) - set(workers(service))
    return found


def counted(room: Path) -> list[Path]:
    return sorted(room.glob(f"{PREFIX}*/*.db"))


def require_story(found: Scrape) -> None:
    for kind, count in POSTED.items():
        assert found.sum("escrow_appends_total", kind=kind, outcome="created") == count, kind
    assert found.sum("escrow_appends_total", kind="case-opened", outcome="malformed") == 1
    assert found.sum("escrow_append_attempts_total", outcome="created") == sum(POSTED.values()) - 1
    assert found.sum("escrow_append_attempts_total", outcome="conflict") == 0
    assert found.sum("escrow_uploads_completed_total", outcome="ok") == 1
    assert found.sum("escrow_upload_bytes_total") >= len(DOCUMENT)
    assert found.sum("escrow_download_bytes_total") == found.sum("escrow_upload_bytes_total")
    assert found.sum("escrow_requests_in_flight") == 0
    assert found.sum("escrow_long_transfers") == 0
    assert 1 <= found.sum("escrow_cached_cases") <= 2
    assert found.sum("escrow_cold_load_entries_count") == found.sum("escrow_cached_cases")
    assert found.sum("escrow_ready") == 1
    assert found.sum("escrow_build_info") == 1


# --- sums ---------------------------------------------------------------------------------------------------


def test_no_deed_is_missed_and_none_counted_twice(told: Told) -> None:
    found = scrape(told.service)
    require_story(found)
    asked = len(told.service.lines("request"))
    assert found.sum("escrow_requests_total") == asked - 1  # the log has the scrape's own question too
    assert found.sum("escrow_request_seconds_count") == asked - 1
    assert not any(name.startswith("escrow_s3") for name, _ in found.series if "total" in name)


def test_no_request_is_lost_between_workers(service: Running, room: Path) -> None:
    before = scrape(service).sum("escrow_requests_total", route="/v1/service")
    with ThreadPoolExecutor(16) as many:
        answers = list(many.map(lambda _: service.ask("GET", "/v1/service")[0], range(400)))
    assert answers == [200] * 400
    assert scrape(service).sum("escrow_requests_total", route="/v1/service", status="2xx") - before == 400
    both = [path for path in counted(room) if path.name.startswith("counter_")]
    busy = [path for path in both if b"/v1/service" in path.read_bytes()]
    assert {path.name for path in busy} == {f"counter_{pid}.db" for pid in workers(service)}


def test_one_worker_counts_as_well(tmp_path: Path) -> None:
    with running(tmp_path, **LOOPBACK | {"workers": 1}) as service:
        tell(Party(service))
        require_story(scrape(service))


def test_calls_to_minio_are_counted_and_their_clock_is_known(tmp_path: Path, site: Site) -> None:
    with running(tmp_path, site.settings("service"), **LOOPBACK) as service:
        tell(Party(service))
        found = scrape(service)
    require_story(found)
    assert found.sum("escrow_s3_calls_total", operation="put_object", bucket="ledger", outcome="ok") >= 8
    assert found.sum("escrow_s3_calls_total", operation="complete_multipart_upload", outcome="ok") == 1
    assert found.sum("escrow_s3_calls_total", outcome="other") == 0
    assert found.sum("escrow_s3_calls_total") == found.sum("escrow_s3_call_seconds_count")
    assert abs(found.sum("escrow_storage_clock_difference_seconds")) < 5


# --- what goes wrong ----------------------------------------------------------------------------------------


def test_storage_that_went_away_is_told_with_the_request_that_met_it(tmp_path: Path) -> None:
    with (
        minio(tmp_path / "minio") as server,
        running(tmp_path, Site(server, tmp_path).settings("service"), **LOOPBACK) as service,
    ):
        server.stop(signal.SIGKILL)
        status, _ = service.ask("GET", "/readyz")
        found = scrape(service)
        assert status == 503
        assert found.sum("escrow_ready") == 0
        assert found.sum("escrow_s3_calls_total", outcome="unreachable") > 0
        assert found.sum("escrow_storage_errors_total", code="storage_failed", reason="unreachable") > 0
        assert found.sum("escrow_problems_total", code="storage_failed") > 0
        line = next(line for line in service.lines("storage_call") if line["reason"] != "ok")
        asked = {request["request_id"] for request in service.lines("request") if request["status"] == 503}
    assert (line["reason"], line["bucket"], line["operation"]) == ("unreachable", "ledger", "get_object")
    assert line["level"] == "warning"
    assert line["request_id"] in asked


def test_slow_call_is_told(tmp_path: Path, site: Site) -> None:
    with running(tmp_path, site.settings("service"), **LOOPBACK, slow_storage_s=0.001) as service:
        lines = service.lines("storage_call")
    assert lines
    assert all(line["slow"] and line["ms"] >= 1 for line in lines)


def test_worker_killed_takes_no_number_along(told: Told, room: Path) -> None:
    service = told.service
    files = len(counted(room))
    path = f"/v1/cases/{told.party.case}/uploads/{'ef' * 16}"
    claimant = token.make(build.SEATS["claimant"], build.URL, utc_now())
    head = f"PUT {path}/parts/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {claimant}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port)) as peer:
        peer.sendall(f"POST /v1/cases HTTP/1.1\r\n{head.partition(chr(10))[2]}".encode())
        before = scrape_until(service, lambda found: found.sum("escrow_requests_in_flight") == 1)
        killed = set(workers(service))
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_for_others(service, killed)  # a scrape in that instant would leave a dead one's file to the next
        after = scrape_until(service, lambda found: found.sum("escrow_workers_ended_total") == 2)
    require_sums_kept(before, after)
    found = scrape_until(service, lambda found: found.sum("escrow_ready") == 1)
    assert found.sum("escrow_requests_in_flight") == 0
    assert found.sum("escrow_cached_cases") == 0
    scrape_until(service, lambda _: len(workers(service)) == 2 and len(counted(room)) == files)
    for _ in range(20):
        assert service.ask("GET", "/v1/service")[0] == 200
    new = scrape(service)
    require_sums_kept(found, new)
    assert new.sum("escrow_requests_total", route="/v1/service") == 20


def wait_for_others(service: Running, killed: set[int]) -> None:
    """Until two other workers are there: by then those that were killed are buried."""
    deadline = time.monotonic() + SOON_S
    while len(set(workers(service)) - killed) < 2 or killed & set(workers(service)):
        assert time.monotonic() < deadline, workers(service)
        time.sleep(0.02)


def require_sums_kept(before: Scrape, after: Scrape) -> None:
    gone = {
        series: (value, after.series.get(series))
        for series, value in before.series.items()
        if series[0].endswith(("_total", "_count", "_bucket", "_sum"))
        and after.series.get(series, -1) < value
    }
    assert gone == {}


def test_service_serves_on_when_the_process_for_metrics_is_killed(service: Running) -> None:
    before = scrape(service)
    killed = metrics_process(service)
    os.kill(killed, signal.SIGKILL)
    assert service.ask("GET", "/readyz")[0] == 200
    after = scrape_until(service, lambda _: True)
    require_sums_kept(before, after)
    assert metrics_process(service) != killed
    assert after.sum("escrow_workers_ended_total") == 0


def test_parent_killed_leaves_no_process_and_the_next_start_no_folder(tmp_path: Path, room: Path) -> None:
    with running(tmp_path, **LOOPBACK) as service:
        children = service.workers()
        (left,) = room.iterdir()
        service.process.kill()
        service.process.wait()
        require_gone(children)
    assert left.exists()
    with running(tmp_path, **LOOPBACK):
        (now,) = room.iterdir()
        assert now != left
        assert now.stat().st_mode & 0o777 == 0o700
    assert list(room.iterdir()) == []


def require_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return
        time.sleep(0.1)
    raise AssertionError("processes are left")


def test_stop_ends_the_process_for_metrics_and_is_told(tmp_path: Path, room: Path) -> None:
    with running(tmp_path, **LOOPBACK) as service:
        children = service.workers()
        service.process.terminate()
        assert service.process.wait(timeout=START_S) == 0
        require_gone(children)
        assert len(service.lines("stop")) == 1
    assert list(room.iterdir()) == []


def test_conflicts_between_two_services_are_counted_by_who_lost(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = LOOPBACK | {"store": tmp_path / "store"}
    with running(tmp_path, **LOOPBACK) as one, running(tmp_path / "other", **other) as two:
        party = Party(one)
        party.append(build.opening(build.charter()))
        created = 0
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline and not conflicts(one, two):
            notes = [note(party, f"{created} {number}") for number in range(16)]
            with ThreadPoolExecutor(8) as many:
                tasks = [many.submit(post, (one, two)[n % 2], party, raw) for n, raw in enumerate(notes)]
                assert [task.result() for task in tasks] == [201] * 16
            created += 16
        lost, told = conflicts(one, two), one.lines("append_conflict") + two.lines("append_conflict")
        entered = sum(scrape(it).sum("escrow_append_attempts_total", outcome="created") for it in (one, two))
    assert lost > 0
    assert lost == len(told)
    assert all(line["attempt"] >= 1 and line["request_id"] for line in told)
    assert entered == created


def conflicts(*services: Running) -> float:
    return sum(scrape(one).sum("escrow_append_attempts_total", outcome="conflict") for one in services)


def note(party: Party, text: str) -> str:
    state = party.state
    return compose(build.CONVENOR, Note(text=build.sealed(text)), case=state.case, head=state.head)


def post(service: Running, party: Party, raw: str) -> int:
    body = json.dumps({"statement": raw}).encode()
    return service.ask(
        "POST", f"/v1/cases/{party.case}/statements", body, {"Content-Type": "application/json"}
    )[0]


# --- what must not be seen ----------------------------------------------------------------------------------


def test_metrics_are_not_on_the_public_port_and_nothing_else_is_on_theirs(service: Running) -> None:
    assert service.ask("GET", "/metrics")[0] == 404
    host, _, port = service.lines("start")[0]["metrics"].rpartition(":")
    assert int(port) != service.port
    for method, path, expected in [
        ("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/metrics?x", 404), ("GET", "/healthz", 404),
        ("GET", "/v1/service", 404), ("POST", "/metrics", 501), ("DELETE", "/metrics", 501),
    ]:  # fmt: skip
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.request(method, path)
        assert connection.getresponse().status == expected, (method, path)
        connection.close()


def junk(service: Running, party: Party) -> None:
    """What a stranger may send, with ids and secrets wherever there is room for them."""
    word = secrets.token_hex(32)
    for method in ("GET", "PUT", "DELETE", word[:20].upper(), "Propfind"):
        for path in (
            f"/{word}", f"/v1/cases/{word}", f"/v1/cases/{party.case}/records/{word[:32]}",
            f"/v1/cases/{party.case}/uploads/{word[:32]}/parts/9", f"/v1/service?{word}={word}", "/metrics",
        ):  # fmt: skip
            headers = {"Authorization": f"Bearer {word}", word[:30]: word, "Content-Type": word}
            service.ask(method, path, None, headers)
    for body in ({"statement": word}, {word: word}, {"statement": word, "attachment": word}):
        raw = json.dumps(body).encode()
        service.ask("POST", f"/v1/cases/{word}/statements", raw, {"Content-Type": "application/json"})


def test_junk_makes_no_new_series(told: Told) -> None:
    junk(told.service, told.party)
    first = set(scrape(told.service).series)
    for _ in range(10):
        junk(told.service, told.party)
    assert set(scrape(told.service).series) == first


def test_neither_metrics_nor_log_tell_of_anybody(told: Told, tmp_path: Path) -> None:
    junk(told.service, told.party)
    known = ids(told.party.state)
    known |= {
        "upload": "ab" * 16,
        "folder": str(tmp_path / "store"),
        "seat": "claimant",
        "path": "settlement",
    }
    text = scrape(told.service).text
    log = (tmp_path / "service.log").read_text()
    assert text.count("escrow_") > 100
    assert search(text.encode(), told.secrets) == set()
    assert search(log.encode(), told.secrets) == set()
    assert {name for name, word in known.items() if word in text or word in log} == set()


def ids(state: CaseState) -> dict[str, str]:
    """Everything by which somebody could be recognised, or what they did."""
    found = {"case": state.case}
    for n, charter in enumerate(state.charters.values()):
        found |= {f"fingerprint {n}": it for it in charter.cards}
        found |= {f"card {n}": str(card) for card in charter.cards.values()}
    found |= {f"record {n}": record for n, record in enumerate(state.records)}
    found |= {f"request {n}": request for n, request in enumerate(state.requests)}
    found |= {f"statement {n}": statement for n, statement in enumerate(state.statements)}
    return found


def test_line_at_start_says_what_runs_and_no_secret(tmp_path: Path, site: Site) -> None:
    with running(tmp_path, site.settings("service"), **LOOPBACK) as service:
        (line,) = service.lines("start")
        log = service.log.read_text()
    assert (line["store"], line["workers"], line["s3_endpoint"]) == ("s3", 2, site.server.endpoint)
    assert line["metrics"].startswith("127.0.0.1:")
    assert site.credentials("service").secret_key not in log
    assert site.credentials("service").access_key not in log
