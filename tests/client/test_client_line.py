"""Answers of a hostile server on a real socket: without end, slower than any timeout sees, by a proxy."""

import socket
import socketserver
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from support.build import party
from support.refusals import refuses

from escrow.client import HttpCourier, line
from escrow.client.address import require_elsewhere
from escrow.client.storage_line import StorageLine
from escrow.errors import EscrowError, MalformedError, NotFoundError, UnavailableError

CASE, RECORD, UPLOAD = "0" * 64, "0" * 32, "1" * 32
MIB = 1024 * 1024
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"

Answer = Callable[[socket.socket, bytes], None]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Each connection: read a head, answer, close. All have ended when this has."""

    class Peer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            peer: socket.socket = self.request
            with suppress(OSError):  # whoever asked has had enough
                peer.settimeout(10)
                head = b""
                while b"\r\n\r\n" not in head and (got := peer.recv(65536)):
                    head += got
                if head:
                    answer(peer, head)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Peer) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}"
        finally:
            listening.shutdown()
            thread.join()


def courier(url: str) -> HttpCourier:
    return HttpCourier(url, party("claimant"), pause=lambda _: None)


def without_end(head: bytes, piece: bytes, *, sent: list[int]) -> Answer:
    """64 MiB at most, or as much as is taken."""

    def answer(peer: socket.socket, _: bytes) -> None:
        peer.sendall(head)
        while sum(sent) < 64 * MIB:
            peer.sendall(piece)
            sent.append(len(piece))

    return answer


CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


@pytest.mark.parametrize("start", [0, 10])
def test_payload_that_could_go_on_beyond_the_length_announced_is_refused(start: int) -> None:
    head = CHUNKED % 1000
    if start:
        head = head.replace(b"200 OK\r\n", b"206 OK\r\nContent-Range: bytes 10-999/1000\r\n")
    sent: list[int] = []
    refused = refuses(MalformedError, "answer_malformed", field="Transfer-Encoding")
    with server(without_end(head, CHUNK, sent=sent)) as url, refused:
        courier(url).payload(CASE, RECORD, start=start).__enter__()
    assert sum(sent) < 16 * MIB  # what fits into the buffers of a socket


def test_answer_of_the_storage_that_says_it_is_empty_and_goes_on_is_not_read() -> None:
    sent: list[int] = []
    with server(without_end(CHUNKED % 0, CHUNK, sent=sent)) as url:
        tracemalloc.start()
        try:
            with suppress(EscrowError):
                courier(url).put_to_address(f"{url}/part", b"part")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 * MIB
    assert sum(sent) < 16 * MIB


def drip(head: bytes, asked: list[bytes]) -> Answer:
    """A byte each 50 ms, until whoever asked has gone."""

    def answer(peer: socket.socket, request: bytes) -> None:
        asked.append(request)
        peer.sendall(head)
        peer.settimeout(0.05)
        while True:
            peer.sendall(b" ")
            with suppress(TimeoutError):
                if not peer.recv(1):
                    return

    return answer


@pytest.mark.parametrize("head", [JSON, JSON[:40]], ids=["body", "head"])
def test_answer_that_drips_ends_and_is_not_asked_for_again(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "ANSWER_S", 0.3)
    asked: list[bytes] = []
    with server(drip(head, asked)) as url, refuses(UnavailableError, "answer_too_slow"):
        courier(url).service()
    assert len(asked) == 1


def test_payload_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "ANSWER_S", 0.3)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    refused = refuses(UnavailableError, "answer_too_slow")
    with server(drip(head, [])) as url, refused, courier(url).payload(CASE, RECORD, start=0) as stream:
        list(stream.chunks)


def test_payload_that_keeps_the_least_pace_is_read_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "ANSWER_S", 0.3)

    def steady(peer: socket.socket, _: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40960\r\n\r\n")
        peer.settimeout(0.05)
        for _ in range(20):  # a second, thrice ANSWER_S
            peer.sendall(b"x" * 2048)
            with suppress(TimeoutError):
                peer.recv(1)

    with server(steady) as url, courier(url).payload(CASE, RECORD, start=0) as stream:
        assert sum(map(len, stream.chunks)) == 40960


def test_server_that_says_continue_for_ever_is_left() -> None:
    sent: list[int] = []
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 100
    refused = refuses(MalformedError, "answer_malformed", field="head")
    with server(without_end(b"", interim, sent=sent)) as url, refused:
        courier(url).service()
    assert sum(sent) < 16 * MIB


def test_part_to_a_storage_that_says_continue_for_ever_is_not_taken() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 100
    refused = refuses(UnavailableError, "storage_unreachable")
    with server(without_end(b"", interim, sent=[])) as url, refused:
        courier(url).put_to_address(f"{url}/part", b"part")


def test_what_is_for_this_machine_does_not_go_to_a_proxy_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """In many offices HTTP_PROXY is set: the proxy would get the token, in the clear."""
    told: list[bytes] = []

    def absent(peer: socket.socket, _: bytes) -> None:
        kind = b"Content-Type: application/problem+json\r\n"
        peer.sendall(b"HTTP/1.1 404 X\r\n%sContent-Length: 20\r\n\r\n" % kind + b'{"code":"not_found"}')

    def overhear(peer: socket.socket, head: bytes) -> None:
        told.append(head)
        absent(peer, head)

    with server(overhear) as proxy, server(absent) as url:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        with refuses(NotFoundError, "not_found"):
            courier(url).cases(after=None)
        with refuses(UnavailableError, "address_refused"):
            courier(url).put_to_address(f"{url}/part", b"part")
        assert told == []
        with suppress(EscrowError):  # elsewhere it is the environment that says how to go
            courier("https://escrow.invalid").cases(after=None)
    assert told[0].startswith(b"CONNECT escrow.invalid:443")
    assert b"uthorization" not in b"".join(told)


def test_address_that_leads_to_this_machine_gets_nothing_from_a_service_elsewhere() -> None:
    told: list[bytes] = []

    def listen(peer: socket.socket, head: bytes) -> None:
        told.append(head)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(listen) as url:
        elsewhere = StorageLine("https://192.0.2.1", None)
        with refuses(MalformedError, "address_unsafe", field="answer.addresses"):
            elsewhere.put(f"{url}/part", b"part")
        elsewhere.close()
        assert told == []
        here = StorageLine("https://127.0.0.1", None)
        here.put(f"{url}/part", b"part")
        here.close()
    assert len(told) == 1


def test_service_whose_own_name_leads_to_this_machine_may_name_its_storage_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debian gives a machine's own name the address 127.0.1.1."""
    names = {"escrow.example": "127.0.1.1", "other.example": "192.0.2.1"}
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **named: real(names[host], *args, **named))
    require_elsewhere("127.0.1.1", "https://escrow.example")
    require_elsewhere("192.0.2.7", "https://other.example")
    with refuses(MalformedError, "address_unsafe"):
        require_elsewhere("127.0.1.1", "https://other.example")
