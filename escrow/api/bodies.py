"""Read what a client sends: never more than it announced, never less taken for whole, never for ever.

Rules:
 B1  A body says its length beforehand; one that arrives in chunks of unknown number is refused.
 B2  A body that ends early is refused: servers hand a short body over as if it were whole.
 B3  A peer that stalls is cut off after `socket_timeout_s`, one that drips after `body_deadline_s`:
     gunicorn's own timeouts watch workers, not sockets, and a few stalled uploads would otherwise hold
     every thread.
"""

import contextlib
import io
import socket
import time
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from flask import Request

from escrow.config import Settings
from escrow.errors import MalformedError, TooLargeError

CHUNK = 1024 * 1024


def require_length(request: Request) -> int:
    """B1."""
    length = request.content_length
    if length is None or "Transfer-Encoding" in request.headers:
        raise MalformedError("length_required", field="Content-Length")
    return length


class Body(io.RawIOBase):
    """The request's body as a file that ends after the announced bytes (B3).

    A stall or a late byte is an OSError.
    """

    def __init__(
        self, request: Request, settings: Settings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._source: BinaryIO = request.environ["wsgi.input"]
        self._left = require_length(request)
        self._monotonic = monotonic
        self._deadline = monotonic() + settings.body_deadline_s
        self._timeout = settings.socket_timeout_s
        self._socket: socket.socket | None = request.environ.get("gunicorn.socket")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty at the end, also where the peer ended early."""
        wanted = self._left if size < 0 else min(size, self._left)
        if wanted == 0:
            return b""
        try:
            found = self._receive(min(wanted, CHUNK))
        except OSError:
            self._give_up()
            raise
        self._left -= len(found)
        return found

    def _receive(self, wanted: int) -> bytes:
        remaining = self._deadline - self._monotonic()
        if remaining <= 0:
            raise TimeoutError("body deadline")
        if self._socket is not None:
            self._socket.settimeout(min(self._timeout, remaining))
        return self._source.read(wanted)

    def _give_up(self) -> None:
        """Take nothing more from this peer: gunicorn would wait for the rest of the body all over again."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)


def stream(request: Request, settings: Settings) -> BinaryIO:
    """The body of a part, for the store, which insists on its length."""
    if request.mimetype != "application/octet-stream":
        raise MalformedError("media_type_unsupported", field="Content-Type")
    return cast(BinaryIO, Body(request, settings))


def read_json_bytes(request: Request, settings: Settings, *, limit: int) -> bytes:
    """A whole JSON body (B2)."""
    if request.mimetype != "application/json":
        raise MalformedError("media_type_unsupported", field="Content-Type")
    length = require_length(request)
    if length > limit:
        raise TooLargeError("body_too_large", field="request", limit=limit)
    body = Body(request, settings)
    chunks = []
    try:
        while chunk := body.read():
            chunks.append(chunk)
    except OSError as error:
        raise MalformedError("body_cut_short", field="request", announced=length) from error
    raw = b"".join(chunks)
    if len(raw) != length:
        raise MalformedError("body_cut_short", field="request", announced=length)
    return raw
