"""What every store does with the body of an upload: read no more of it than was planned, and no less."""

import io
from typing import BinaryIO

from escrow.errors import MalformedError


def read_body(body: BinaryIO, most: int, expected: int) -> bytes:
    """Up to `most` bytes. MalformedError "part_cut_short" where reading fails, as a stalled socket does."""
    try:
        return body.read(most)
    except OSError as error:  # the sender's trouble, not the disk's
        raise MalformedError("part_cut_short", field="body", expected=expected) from error


def require_end(body: BinaryIO, expected: int) -> None:
    """MalformedError "part_too_long" where there is more."""
    if read_body(body, 1, expected):
        raise MalformedError("part_too_long", field="body", expected=expected)


class Slice(io.RawIOBase):
    """The next `length` bytes of a body, as a body of its own."""

    def __init__(self, body: BinaryIO, length: int) -> None:
        super().__init__()
        self._body = body
        self._left = length

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        if wanted == 0:
            return b""
        found = self._body.read(wanted)
        self._left -= len(found)
        return found
