"""Ten thousand peers who connect and say nothing, and peers who hang up half: others are served meanwhile.

The service has one worker, which holds 500 connections and may open 1,024 files, as where nobody raised that.
"""

import contextlib
import json
import os
import resource
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.live import Live
from support.machine import absent, require_linux
from support.minio import free_port
from support.running import Running, running

from escrow.api.server import WORKER_CONNECTIONS
from escrow.client import HttpCourier, PathChoice, Session

IDLE = 10_000
PATIENCE_S = 5
"""Within which a sign-off is to be done, whoever else is connected."""
FILES = 1024


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Live]]:
    """A service, and a case behind it."""
    require_linux("a limit of another process's files")
    folder, port = tmp_path_factory.mktemp("idle"), free_port()
    own = {"bind": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}"}
    with running(folder, threads=3, **own) as service:
        for pid in (service.process.pid, *service.workers()):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        yield service, Live(service.address, folder / "homes")


@pytest.fixture(scope="module")
def many_files() -> Iterator[None]:
    """This process holds the other ends of all those connections."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < IDLE + 1000:
        absent(f"a hard limit of {IDLE + 1000} open files", "raise it: ulimit -Hn 20000")
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 1000, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def silent(port: int) -> socket.socket:
    peer = socket.socket()
    peer.setblocking(False)
    peer.connect_ex(("127.0.0.1", port))
    return peer


def asked(live: Live) -> str:
    """A request that waits for the claimant's sign-off."""
    document = live.homes / f"asked-{os.urandom(4).hex()}"
    document.write_bytes(b"We have settled.\n")
    before = {one.record for one in live.claimant.records(live.case)}
    live.claimant.deposit(live.case, document, [PathChoice(name="memo")], title="Memo", label="Memo")
    (record,) = {one.record for one in live.claimant.records(live.case)} - before
    request = live.respondent.request(live.case, record, "memo", [], "as agreed").statement
    live.claimant.review(live.case, request)
    return request


def sign_off_in_time(live: Live, request: str) -> None:
    """Or the test fails. By a new connection: one that was kept would have its place already."""
    done, failed = threading.Event(), []
    own = live.claimant
    newcomer = Session(own.identity, HttpCourier(live.url, own.identity), own.memory)

    def work() -> None:
        try:
            newcomer.sign_off(live.case, request)
        except Exception as error:  # noqa: BLE001  # shown by the test
            failed.append(error)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    in_time = done.wait(PATIENCE_S)
    thread.join()
    assert failed == []
    assert in_time, f"not within {PATIENCE_S} s"


def connections(service: Running) -> int:
    """Sockets that the worker has open."""
    (worker,) = service.workers()
    found = 0
    for one in Path(f"/proc/{worker}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(one).startswith("socket:")
    return found


def test_sign_off_is_done_while_ten_thousand_connections_say_nothing(
    live: tuple[Running, Live], many_files: None
) -> None:
    service, parties = live
    request = asked(parties)
    with ExitStack() as leaving:
        for _ in range(IDLE):
            leaving.enter_context(silent(service.port))
        sign_off_in_time(parties, request)
        assert connections(service) <= WORKER_CONNECTIONS + 20
    assert service.ask("GET", "/healthz")[0] == 200


@contextmanager
def coming_back(port: int, count: int) -> Iterator[list[int]]:
    """So many silent peers, each of whom connects again as soon as it is cut off; how often that was."""
    poller, stop, again = select.epoll(), threading.Event(), [0]
    peers: dict[int, socket.socket] = {}

    def come() -> None:
        peer = silent(port)
        peers[peer.fileno()] = peer
        poller.register(peer, select.EPOLLIN | select.EPOLLHUP)

    def work() -> None:
        while not stop.is_set():
            for number, _ in poller.poll(0.05):
                poller.unregister(number)
                peers.pop(number).close()
                again[0] += 1
                come()

    for _ in range(count):
        come()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield again
    finally:
        stop.set()
        thread.join()
        poller.close()
        for peer in peers.values():
            peer.close()


def test_sign_off_is_done_while_silent_peers_who_are_cut_off_come_back_at_once(
    live: tuple[Running, Live], many_files: None
) -> None:
    service, parties = live
    request = asked(parties)
    with coming_back(service.port, 4 * WORKER_CONNECTIONS) as again:
        sign_off_in_time(parties, request)
    assert again[0] > 0


def test_worker_lives_through_all_that(live: tuple[Running, Live], many_files: None) -> None:
    service, _ = live
    (before,) = service.workers()
    with coming_back(service.port, 2 * WORKER_CONNECTIONS):
        for _ in range(50):
            assert service.ask("GET", "/healthz")[0] == 200
    assert service.workers() == [before]
    assert [line for line in service.lines("server") if line.get("level") in ("warning", "error")] == []


# Half-closed, and torn


def connect(service: Running, raw: bytes = b"") -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", service.port), timeout=30)
    peer.sendall(raw)
    return peer


def tear(peer: socket.socket) -> None:
    """Close so that the other side is told by a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def everything(peer: socket.socket) -> bytes:
    found = b""
    with peer:
        while chunk := peer.recv(65536):
            found += chunk
    return found


ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"


def test_peer_that_asks_and_then_closes_its_side_is_answered(live: tuple[Running, Live]) -> None:
    peer = connect(live[0], ASK)
    peer.shutdown(socket.SHUT_WR)
    assert everything(peer).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("raw", [b"", ASK[:20], ASK[:-2]], ids=["nothing", "line", "head"])
def test_peer_that_closes_its_side_before_it_has_asked_is_let_go(
    live: tuple[Running, Live], raw: bytes
) -> None:
    peer = connect(live[0], raw)
    peer.shutdown(socket.SHUT_WR)
    assert b"200" not in everything(peer)


def test_peer_that_closes_its_side_within_a_body_is_told_so(live: tuple[Running, Live]) -> None:
    peer = connect(live[0], POST)
    peer.shutdown(socket.SHUT_WR)
    assert b"body_cut_short" in everything(peer)


@pytest.mark.parametrize("raw", [b"", ASK[:20], ASK, POST], ids=["nothing", "head", "answer", "body"])
def test_peers_that_tear_the_line_keep_nothing_and_are_no_errors(
    live: tuple[Running, Live], raw: bytes
) -> None:
    service, _ = live
    for _ in range(20):
        tear(connect(service, raw))
    for _ in range(5):
        assert service.ask("GET", "/healthz")[0] == 200
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert [line for line in lines if line.get("level") in ("warning", "error")] == []
