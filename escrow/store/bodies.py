"""What every store does with the body of an upload: read no more of it than was planned, and no less."""

import io
from typing import Any, BinaryIO, Protocol, runtime_checkable

from escrow.errors import MalformedError, UnavailableError


@runtime_checkable
class Filling(Protocol):
    """A body that can fill a buffer: of gigabytes, each copy takes its time."""

    def fill(self, view: memoryview) -> int:
        """How many bytes came, 0 at the end. Raises as `read` does."""
        ...


def read_body(body: BinaryIO, most: int, expected: int) -> bytes:
    """Up to `most` bytes. MalformedError "part_cut_short" where reading fails, as a stalled socket does."""
    try:
        return body.read(most)
    except OSError as error:  # the sender's trouble, not the disk's
        raise MalformedError("part_cut_short", field="body", expected=expected) from error


def fill_from(body: BinaryIO, view: memoryview, expected: int) -> int:
    """As `read_body`, into a buffer where the body can do that; how many bytes came."""
    if not isinstance(body, Filling):
        found = read_body(body, len(view), expected)
        view[: len(found)] = found
        return len(found)
    try:
        return body.fill(view)
    except OSError as error:
        raise MalformedError("part_cut_short", field="body", expected=expected) from error


def require_end(body: BinaryIO, expected: int) -> None:
    """MalformedError "part_too_long" where there is more."""
    if read_body(body, 1, expected):
        raise MalformedError("part_too_long", field="body", expected=expected)


def require_digest(found: str, expected: str | None) -> None:
    """UnavailableError "payload_damaged" where a digest was announced and another one came."""
    if expected is not None and found != expected:
        raise UnavailableError("payload_damaged")


class Slice(io.RawIOBase):
    """The next `length` bytes of a body, as a body of its own. `digest`: a hash that is told what passes."""

    def __init__(self, body: BinaryIO, length: int, digest: Any) -> None:
        super().__init__()
        self._body = body
        self._left = length
        self._digest = digest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        if wanted == 0:
            return b""
        found = self._body.read(wanted)
        self._left -= len(found)
        self._digest.update(found)
        return found
