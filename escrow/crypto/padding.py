"""Padme: how long a payload looks from outside, whatever its true length is.

A length tells much: "yes" from "no", which of two known drafts was sealed, how many digits a bid has. Padme
(Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019)
keeps of a length L only its leading bits, so that at most O(log log L) bits of it leak, for at most 12 % more
bytes. Padme alone hardly pads what is short, so everything up to 4 KiB looks like 4 KiB.

Padding is zeros behind the plaintext, inside the encryption. The opener checks that it is zeros: else it
would be a place to hide bytes that the reader never sees but that are in evidence.
"""

from typing import Protocol

from escrow.errors import MalformedError, TooLargeError

MIN_PADDED_BYTES = 4096
"""What a small file occupies on a disk anyway. It also means that no payload is ever empty."""
MAX_PLAIN_BYTES = 2**49
"""512 TiB, so that padded, in chunks and with their tags it stays below the 2**50 a statement may give."""

_ZEROS = bytes(64 * 1024)


class Source(Protocol):
    """A file, a pipe, an HTTP body: bytes come once, in order, and perhaps fewer at a time than asked."""

    def read(self, size: int, /) -> bytes: ...


def padded_length(length: int) -> int:
    """Bytes that a payload of `length` bytes is padded to.

    MalformedError `payload_length_negative`, TooLargeError `payload_too_large`.
    """
    if length < 0:
        raise MalformedError("payload_length_negative", field="length")
    if length > MAX_PLAIN_BYTES:
        raise TooLargeError("payload_too_large", field="length", limit=MAX_PLAIN_BYTES)
    length = max(length, MIN_PADDED_BYTES)
    exponent = length.bit_length() - 1
    unit = 1 << (exponent - exponent.bit_length())
    return -(-length // unit) * unit


def fill(source: Source, view: memoryview) -> int:
    """Read into the whole of `view`; fewer bytes only where the source ends. Straight in where it can."""
    readinto = getattr(source, "readinto", None)
    got = 0
    while got < len(view):
        if readinto is None:
            piece = source.read(len(view) - got)
            count = None if piece is None else len(piece)
            view[got : got + (count or 0)] = piece or b""
        else:
            count = readinto(view[got:])
        if count is None:  # a non-blocking source has nothing yet, which is not its end
            raise BlockingIOError("the source must block")
        if count == 0:
            break
        got += count
    return got


class PaddedSource:
    """A source followed by its padding, and then by nothing. `length` counts the source's own bytes."""

    __slots__ = ("_left", "_source", "length")

    def __init__(self, source: Source) -> None:
        self.length = 0
        self._source = source
        self._left: int | None = None  # padding still to give, known once the source has ended

    def fill(self, view: memoryview) -> int:
        """Fill the whole of `view`; fewer bytes or none at the end. TooLargeError `payload_too_large`."""
        got = 0
        if self._left is None:
            got = fill(self._source, view)
            self.length += got
            padded = padded_length(self.length)
            if got == len(view):
                return got
            self._left = padded - self.length
        zeros = min(self._left, len(view) - got)
        view[got : got + zeros] = bytes(zeros)
        self._left -= zeros
        return got + zeros


def is_padding(piece: memoryview) -> bool:
    """Whether all bytes are zero, at memory speed (comparing memoryviews goes byte by byte)."""
    return all(_ZEROS.startswith(piece[at : at + len(_ZEROS)]) for at in range(0, len(piece), len(_ZEROS)))
