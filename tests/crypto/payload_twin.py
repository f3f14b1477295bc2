"""A second, slow writing of the payload's format, from its text; it can also seal what must be refused."""

import hashlib
import io
import math
from collections.abc import Sequence

from escrow.crypto import aead, payload
from escrow.crypto.transcript import Label, kdf

K = bytes(range(32))
CHUNK = payload.CHUNK
TAG = 16


def padme(length: int) -> int:
    """As in the paper, with a floor of 4 KiB."""
    length = max(length, 4096)
    exponent = math.floor(math.log2(length))
    last_bits = exponent - (math.floor(math.log2(exponent)) + 1)
    mask = (1 << last_bits) - 1
    return (length + mask) & ~mask


def pieces_of(plain: bytes) -> list[bytes]:
    padded = plain.ljust(padme(len(plain)), b"\0")
    return [padded[at : at + CHUNK] for at in range(0, len(padded), CHUNK)]


def nonce(counter: int, last: bool) -> bytes:
    return bytes(19) + counter.to_bytes(4, "big") + (b"\1" if last else b"\0")


def sealed_pieces(
    pieces: Sequence[bytes], key: bytes = K, flags: Sequence[bool] | None = None
) -> list[bytes]:
    stream_key = kdf(Label.PAYLOAD_KEY, key, b"escrow.payload.v1")
    flags = flags or [i == len(pieces) - 1 for i in range(len(pieces))]
    return [
        aead.seal(stream_key, nonce(i, flag), piece, b"")
        for i, (piece, flag) in enumerate(zip(pieces, flags, strict=True))
    ]


def seal(plain: bytes, key: bytes = K) -> bytes:
    return b"".join(sealed_pieces(pieces_of(plain), key))


def opened(
    sealed: bytes,
    *,
    plain_length: int,
    key: bytes = K,
    sealed_length: int | None = None,
    sha256: bytes | None = None,
    sink: io.BytesIO | None = None,
) -> bytes:
    """What open_payload makes of these bytes. Length and digest fit them unless said: their author lies."""
    sink = sink or io.BytesIO()
    payload.open_payload(
        io.BytesIO(sealed),
        sink,
        key,
        plain_length=plain_length,
        sealed_length=len(sealed) if sealed_length is None else sealed_length,
        sha256=hashlib.sha256(sealed).digest() if sha256 is None else sha256,
    )
    return sink.getvalue()
