"""The real server and peers that are slow, silent or never leave: others are served, and these are cut off.

The service has three threads, one of them for long transfers. Where a server would wait for such a peer for
ever, or for longer than `PATIENCE_S`, the test fails.
"""

import json
import re
import secrets
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from support import build, dropping
from support.office import Office
from support.running import Running, running

from escrow.api.app import utc_now
from escrow.api.transfers import LONG
from escrow.ledger import token

CLAIMANT = build.SEATS["claimant"]
STALL_S = 2
PATIENCE_S = 4
PAYLOAD = bytes(16 * 1024 * 1024)
"""More than all buffers between two sockets hold."""
UPLOAD = "cd" * 16


class Place:
    """A service with one record."""

    def __init__(self, service: Running, case: str, record: str) -> None:
        self.service = service
        self.case = case
        self.payload = f"/v1/cases/{case}/records/{record}/payload"
        self.parts = f"/v1/cases/{case}/uploads/{UPLOAD}"

    def connect(self, raw: bytes = b"") -> socket.socket:
        peer = socket.create_connection(("127.0.0.1", self.service.port), timeout=30)
        peer.sendall(raw)
        return peer

    def get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer()}\r\n\r\n".encode()

    def put(self, path: str, kind: str, length: int) -> bytes:
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer()}\r\n"
        return f"{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()

    def drop_off(self) -> bytes:
        """To a case that does not exist; more than a short body is to come."""
        head = f"POST /v1/cases/{secrets.token_hex(32)}/drop-offs HTTP/1.1\r\nHost: x\r\n"
        return f"{head}Content-Type: {dropping.KIND}\r\nContent-Length: {2 * LONG}\r\n\r\n--".encode()

    def serves_others(self) -> bool:
        connection = self.service.connect(timeout=PATIENCE_S)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        finally:
            connection.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("slow")
    office = Office(folder)
    case = office.accepted()
    record = case.deposit("record", payload=office.stored(case.id, data=PAYLOAD))
    slow = {"socket_timeout_s": STALL_S, "body_deadline_s": STALL_S}
    with running(folder, threads=3, drop_off_bytes=16 * LONG, **slow) as service:
        yield Place(service, case.id, record)


def bearer() -> str:
    return token.make(CLAIMANT, build.URL, utc_now())


def answer(peer: socket.socket, found: bytes = b"") -> bytes:
    """One answer: of a refusal all, of anything else the head at least. Empty: the server hung up."""
    while chunk := peer.recv(1000):
        found += chunk
        head, end, body = found.partition(b"\r\n\r\n")
        if end and (length := re.search(rb"problem\+json\r\nContent-Length: (\d+)", head)) is None:
            return found
        if end and length is not None and len(body) >= int(length[1]):
            return found
    return found


def readable(*peers: socket.socket) -> socket.socket:
    """The first of these that has something to say."""
    found, _, _ = select.select(peers, [], [], 30)
    return found[0]  # type: ignore[no-any-return]


def drip(peer: socket.socket) -> bytes:
    """Send a byte twenty times a second until the server answers or hangs up."""
    peer.settimeout(0.05)
    with peer:
        for _ in range(20 * 4 * STALL_S):
            try:
                peer.sendall(b"a")
                first = peer.recv(1)
            except TimeoutError:
                continue
            except OSError:
                return b""
            peer.settimeout(30)
            return answer(peer, first) if first else b""
    raise AssertionError("the server waits for this peer for ever")


def test_head_that_drips_is_cut_off(place: Place) -> None:
    peer = place.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert drip(peer) == b""


@pytest.mark.parametrize("length", [LONG, 16 * LONG], ids=["short", "long"])
def test_statement_that_drips_is_cut_off(place: Place, length: int) -> None:
    head = f"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}"
    assert b"body_cut_short" in drip(place.connect(head.encode() + b"\r\n\r\n"))


def test_part_that_drips_is_cut_off(place: Place) -> None:
    plan = json.dumps({"length": 2 * LONG, "part_size": 2 * LONG}).encode()
    head = {"Authorization": f"Bearer {bearer()}", "Content-Type": "application/json"}
    assert place.service.ask("PUT", place.parts, plan, head)[0] == 200
    peer = place.connect(place.put(f"{place.parts}/parts/1", "application/octet-stream", 2 * LONG))
    assert b"part_cut_short" in drip(peer)


def test_payload_in_one_body_that_drips_is_cut_off(place: Place) -> None:
    upload = place.parts.replace(UPLOAD, "ef" * 16)
    plan = json.dumps({"length": 2 * LONG, "part_size": 2 * LONG}).encode()
    head = {"Authorization": f"Bearer {bearer()}", "Content-Type": "application/json"}
    assert place.service.ask("PUT", upload, plan, head)[0] == 200
    peer = place.connect(place.put(f"{upload}/payload", "application/octet-stream", 2 * LONG))
    assert b"part_cut_short" in drip(peer)
    assert json.loads(place.service.ask("GET", upload, headers=head)[1])["parts"] == []


def test_body_that_nobody_wants_is_not_waited_for(place: Place) -> None:
    peer = place.connect(place.put("/v1/nowhere", "application/octet-stream", 16 * LONG))
    assert b"404" in answer(peer)
    assert drip(peer) == b""


def test_bodies_that_nobody_wants_take_no_thread(place: Place) -> None:
    request = place.put("/v1/nowhere", "application/octet-stream", 16 * LONG)
    with ExitStack() as leaving:
        peers = [leaving.enter_context(place.connect(request)) for _ in range(15)]
        assert place.serves_others()
        assert all(b"404" in answer(peer) for peer in peers)


def test_connections_without_a_request_take_no_thread(place: Place) -> None:
    with ExitStack() as leaving:
        for _ in range(30):
            leaving.enter_context(place.connect())
        assert place.serves_others()


def test_peers_that_never_hang_up_do_not_stop_the_worker(place: Place) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as leaving:
        peers = [leaving.enter_context(place.connect(request)) for _ in range(10)]
        for peer in peers:
            assert answer(peer).startswith(b"HTTP/1.1 200")
        assert place.serves_others()


def test_readers_that_do_not_read_leave_threads_for_others(place: Place) -> None:
    with ExitStack() as leaving:
        first = leaving.enter_context(place.connect(place.get(place.payload)))
        assert answer(first).startswith(b"HTTP/1.1 200")
        for _ in range(5):
            found = answer(leaving.enter_context(place.connect(place.get(place.payload))))
            assert found.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: 5" in found
            assert b"service_busy" in found
        assert place.serves_others()


def test_reader_that_left_makes_room_for_another(place: Place) -> None:
    for _ in range(3):
        with place.connect(place.get(place.payload)) as peer:
            while b"service_busy" in (found := answer(peer)):
                peer.sendall(place.get(place.payload))
            assert found.startswith(b"HTTP/1.1 200")


def test_stranger_s_drop_off_takes_no_place_of_the_parties(place: Place) -> None:
    """There is one place for long transfers: a second stranger is given it, and then a party is."""
    with place.connect(place.drop_off()) as first, place.connect(place.drop_off()) as second:
        assert b"service_busy" in answer(first if readable(first, second) is first else second)
        with place.connect(place.get(place.payload)) as party:
            assert answer(party).startswith(b"HTTP/1.1 200")


def test_slow_peers_are_no_errors_in_the_log(place: Place) -> None:
    drip(place.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "))
    lines = [json.loads(line) for line in place.service.log.read_text().splitlines()]
    assert [line for line in lines if line.get("level") in ("warning", "error")] == []
