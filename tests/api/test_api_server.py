"""The real server: peers that stall, bodies that are shorter or longer than said, and how it stops.

The service here has two threads and cuts a silent peer off after a fraction of a second. What is asserted is
that others are served and what is stored, never how long anything took.
"""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import build
from support.office import Office
from support.running import Running, running

from escrow.api.app import utc_now
from escrow.ledger import token

CLAIMANT = build.SEATS["claimant"]
UPLOAD = "cd" * 16
LENGTH = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def case(folder: Path) -> str:
    """A case that lies in the storage before the service starts."""
    return Office(folder).accepted().id


@pytest.fixture(scope="module")
def service(folder: Path, case: str) -> Iterator[Running]:
    with running(folder, socket_timeout_s="0.3") as found:
        yield found


def bearer() -> str:
    return token.make(CLAIMANT, build.URL, utc_now())


def head(case: str, number: int, length: int) -> bytes:
    return (
        f"PUT /v1/cases/{case}/uploads/{UPLOAD}/parts/{number} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {bearer()}\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def announce(service: Running, case: str) -> dict[str, object]:
    status, raw = service.ask(
        "PUT",
        f"/v1/cases/{case}/uploads/{UPLOAD}",
        json.dumps({"length": LENGTH, "part_size": LENGTH}).encode(),
        {"Authorization": f"Bearer {bearer()}", "Content-Type": "application/json"},
    )
    assert status == 200
    found: dict[str, object] = json.loads(raw)
    return found


def stalled(service: Running, raw: bytes) -> socket.socket:
    """A peer that sends this much and then nothing, and never hangs up."""
    peer = socket.create_connection(("127.0.0.1", service.port), timeout=30)
    peer.sendall(raw)
    return peer


def read_all(peer: socket.socket) -> bytes:
    """What the server answers until it hangs up."""
    found = b""
    with peer:
        while chunk := peer.recv(65536):
            found += chunk
    return found


def test_stalled_uploads_do_not_keep_others_from_being_served(service: Running, case: str) -> None:
    announce(service, case)
    peers = [stalled(service, head(case, 1, LENGTH) + bytes(10)) for _ in range(4)]
    assert service.ask("GET", "/healthz")[0] == 200
    for peer in peers:
        assert b"part_cut_short" in read_all(peer)
    assert announce(service, case)["parts"] == []


def test_stalled_headers_do_not_keep_others_from_being_served(service: Running, case: str) -> None:
    peers = [stalled(service, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ") for _ in range(4)]
    assert service.ask("GET", "/healthz")[0] == 200
    for peer in peers:
        assert b"200 OK" not in read_all(peer)


def test_stalled_statement_is_refused(service: Running, case: str) -> None:
    request = f"POST /v1/cases/{case}/statements HTTP/1.1\r\nHost: x\r\n".encode()
    request += b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"statement":'
    answer = read_all(stalled(service, request))
    assert b"body_cut_short" in answer


def test_part_whose_sender_hangs_up_does_not_count(service: Running, case: str) -> None:
    announce(service, case)
    peer = stalled(service, head(case, 1, LENGTH) + bytes(500))
    peer.shutdown(socket.SHUT_WR)
    assert b"part_cut_short" in read_all(peer)
    assert announce(service, case)["parts"] == []


def test_part_longer_than_said_stores_what_was_said_and_its_tail_is_not_a_request(
    service: Running, case: str
) -> None:
    announce(service, case)
    secret_tail = b"DELETE-ME-TAIL " * 20 + b"\r\n\r\n"
    peer = stalled(service, head(case, 1, LENGTH) + bytes(LENGTH) + secret_tail)
    answer = read_all(peer)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1 ") <= 2
    parts = announce(service, case)["parts"]
    assert [part["length"] for part in parts] == [LENGTH]  # type: ignore[index,attr-defined]
    assert "DELETE-ME-TAIL" not in service.log.read_text()


def test_chunked_body_is_refused(service: Running, case: str) -> None:
    request = f"POST /v1/cases/{case}/statements HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request += "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert b"length_required" in read_all(stalled(service, request.encode()))


def test_logs_are_json_and_hold_neither_path_nor_token(service: Running, case: str) -> None:
    mark = bearer()
    service.ask("GET", f"/v1/cases/{case}", headers={"Authorization": f"Bearer {mark}"})
    lines = service.log.read_text().splitlines()
    events = {json.loads(line)["event"] for line in lines}
    assert {"server", "request"} <= events
    text = "\n".join(lines)
    assert case not in text
    assert mark not in text


def test_service_that_stops_says_not_ready_first_and_finishes(tmp_path: Path) -> None:
    with running(tmp_path, drain_s="1.5") as service:
        service.process.send_signal(signal.SIGTERM)
        codes = set()
        try:
            while True:
                codes.add(service.ask("GET", "/readyz")[0])
        except OSError:
            pass
        assert 503 in codes
        assert service.process.wait(timeout=30) == 0
