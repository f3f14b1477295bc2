"""Read what a client sends: never more than it announced, and never less taken for whole.

Rules:
 B1  A body says its length beforehand; one that arrives in chunks of unknown number is refused.
 B2  A body that ends early is refused: servers hand a short body over as if it were whole.
 B3  A body that comes too late ends early too: escrow/api/worker.py says when (W2, W3) and raises OSError.
 B4  A body with a plain file in it is read into buffers that are overwritten. What nobody has read of any
     body the worker discards likewise (W6).
"""

import hashlib
import io
import re
from base64 import b64decode
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

from flask import Request, g

from escrow.errors import MalformedError, TooLargeError
from escrow.store.bodies import Filling

CHUNK = 1024 * 1024
_SHA256_DIGEST = re.compile(r"sha-256=:([0-9A-Za-z+/]{43}=):")


@runtime_checkable
class Paced(Protocol):
    """A source of bodies that knows deadlines (W2); other servers have their own."""

    def hurry(self) -> None:
        """What comes from now on must come as a short body does."""
        ...

    def take_time(self) -> None:
        """Undo `hurry`: from now on as long as a body of this length may take."""
        ...

    def hang_up(self) -> None:
        """Read no more. For another thread than the one that waits."""
        ...


def require_length(request: Request) -> int:
    """B1."""
    length = request.content_length
    if length is None or "Transfer-Encoding" in request.headers:
        raise MalformedError("length_required", field="Content-Length")
    return length


class Body(io.RawIOBase):
    """The request's body as a file that ends after the announced bytes. OSError (B3)."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._source: BinaryIO = request.environ["wsgi.input"]
        self._left = require_length(request)
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty at the end, also where the peer ended early."""
        wanted = self._left if size < 0 else min(size, self._left)
        if wanted == 0:
            return b""
        found = self._source.read(min(wanted, CHUNK))
        self._left -= len(found)
        self.taken += len(found)
        return found

    def fill(self, view: memoryview) -> int:
        """As `read`, into a buffer: straight from the socket, where the server can (worker.py)."""
        view = view[: self._left]
        if isinstance(self._source, Filling):
            count = self._source.fill(view)
            self._left -= count
            self.taken += count
            return count
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)

    def hurry(self) -> None:
        if isinstance(self._source, Paced):
            self._source.hurry()

    def take_time(self) -> None:
        if isinstance(self._source, Paced):
            self._source.take_time()

    def hang_up(self) -> None:
        if isinstance(self._source, Paced):
            self._source.hang_up()

    def readinto(self, buffer: Any) -> int:
        return self.fill(memoryview(buffer).cast("B"))


def read_digest(request: Request) -> str | None:
    """The SHA-256 that a caller announces of its body (RFC 9530), in lowercase hex; None: it does not."""
    header = request.headers.get("Content-Digest")
    if header is None:
        return None
    found = _SHA256_DIGEST.fullmatch(header)
    try:
        raw = b"" if found is None else b64decode(found[1], validate=True)
    except ValueError:
        raw = b""
    if len(raw) != hashlib.sha256().digest_size:
        raise MalformedError("digest_malformed", field="Content-Digest")
    return raw.hex()


def stream(request: Request) -> BinaryIO:
    """The body of a part or of a payload, for the store, which insists on its length."""
    if request.mimetype != "application/octet-stream":
        raise MalformedError("media_type_unsupported", field="Content-Type")
    g.upload = body = Body(request)
    return cast(BinaryIO, body)


def plain_stream(request: Request) -> Body:
    """The body of a drop-off, for a sealer, into buffers that are overwritten (B4)."""
    g.upload = body = Body(request)
    return body


def received() -> int:
    """How many bytes of an upload's body the request under way has read."""
    body: Body | None = g.get("upload")
    return 0 if body is None else body.taken


def read_json_bytes(request: Request, *, limit: int) -> bytes:
    """A whole JSON body (B2)."""
    if request.mimetype != "application/json":
        raise MalformedError("media_type_unsupported", field="Content-Type")
    length = require_length(request)
    if length > limit:
        raise TooLargeError("body_too_large", field="request", limit=limit)
    body = Body(request)
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
