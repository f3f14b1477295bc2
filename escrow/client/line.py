"""A line to a service or to its storage: every answer on it comes to an end, whatever the other side does.

urllib3 and requests limit the silence before the next byte; neither limits a whole answer. A byte just
inside each timeout, or interim answers (100 Continue) without end, would keep one call for ever. So an answer
is read through a counter, for its head and its body:

 - the head, interim answers included, has at most MAX_HEAD bytes;
 - waiting for bytes takes ANSWER_S seconds altogether, and a second more for each LEAST_PACE bytes that came.
   What has a limit in bytes so has one in time; a payload, which may be long, keeps a least pace.

Time in which the reader does something else does not count.
"""

import io
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager

from escrow.client.address import is_loopback
from escrow.errors import MalformedError, UnavailableError

CONNECT_S, READ_S = 10.0, 60.0
CHUNK: Final = 256 * 1024
"""What is sent or read at once; a socket's timeout is for one of these."""
ANSWER_S = 120.0
LEAST_PACE: Final = 4096
"""Bytes a second. A CHUNK that is sent has to be taken about as fast, within READ_S."""
MAX_HEAD: Final = 64 * 1024
TOO_SLOW: Final = "answer_too_slow"
"""The code of an answer that drips: asked for again, it would drip again."""


class LineAdapter(HTTPAdapter):
    """The network, for a session of `requests`. What runs over: UnavailableError `answer_too_slow`,
    MalformedError `answer_malformed`.

    Nothing for this machine goes by a proxy: it would leave it, and in the clear if it is plain http.
    `require_peer` is asked about the IP address of each connection, before anything of ours is sent; one to a
    proxy is not asked about, since it is the proxy that looks names up then.
    """

    def __init__(self, require_peer: Callable[[str], None] = lambda _: None) -> None:
        self._require_peer = require_peer
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _count_answers(self.poolmanager, self._require_peer)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _count_answers(manager, lambda _: None)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if is_loopback(urlsplit(request.url or "").hostname or ""):
            kwargs["proxies"] = None
        return super().send(request, *args, **kwargs)


def _count_answers(manager: PoolManager, require_peer: Callable[[str], None]) -> None:
    """From now on this manager's connections read their answers through a counter, whatever they go by."""
    counted = {}
    for scheme, pool in manager.pool_classes_by_scheme.items():
        connection = _counted(pool.ConnectionCls, require_peer)  # type: ignore[attr-defined]
        counted[scheme] = type("CountedPool", (pool,), {"ConnectionCls": connection})
    manager.pool_classes_by_scheme = counted


def _counted(connection: type[Any], require_peer: Callable[[str], None]) -> type[Any]:
    class CountedConnection(connection):  # type: ignore[misc]  # which class it is, is known by now
        response_class = _CountedAnswer

        def connect(self) -> None:
            super().connect()
            require_peer(self.sock.getpeername()[0])

    return CountedConnection


class _CountedAnswer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._counter = _Counter(sock, self.fp.detach())
        self.fp = io.BufferedReader(self._counter)

    def begin(self) -> None:
        super().begin()
        self._counter.in_head = False


class _Counter(io.RawIOBase):
    """A socket's file, read within the limits of this module."""

    def __init__(self, sock: socket.socket, file: io.RawIOBase) -> None:
        self._sock, self._file = sock, file
        self._got, self._waited = 0, 0.0
        self.in_head = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self.in_head and self._got > MAX_HEAD:
            raise MalformedError("answer_malformed", field="head")
        left = ANSWER_S + self._got / LEAST_PACE - self._waited
        if left <= 0:
            raise UnavailableError("answer_too_slow")
        self._sock.settimeout(min(left, READ_S))
        began = time.monotonic()
        try:
            got = self._file.readinto(buffer)
        except TimeoutError as error:
            if left < READ_S:
                raise UnavailableError("answer_too_slow") from error
            raise
        self._waited += time.monotonic() - began
        self._got += got or 0
        return got

    def close(self) -> None:
        self._file.close()
        super().close()
