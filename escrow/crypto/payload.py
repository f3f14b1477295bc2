"""The encrypted bytes of a record, format escrow.payload.v1: sealing and opening them as a stream.

STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015) over XChaCha20-Poly1305. The plaintext, padded with zeros (see padding), is
cut into chunks of 256 KiB, the last one shorter or as long, never empty. Chunk i is sealed under a labelled
use of the record key K with the nonce 19 zero bytes, i as 4 bytes big-endian, and 1 for the last chunk, 0 for
every other. The payload is the sealed chunks one after the other: no header, no lengths, no associated data.
It belongs to its record because K does, and K is fresh for every attempt at sealing. Rules of opening, as
numbered in this room's README:

P1 the payload's length is exactly what its true length, padded and cut, comes to
P2 it does not end early
P3 each chunk is genuine at its place, and only the last one is the last
P4 what follows the true length is zeros
P5 nothing follows the last chunk
P6 the SHA-256 of the payload is the one that the sealing statement names

P2, P5 and P6 can be broken by whoever carried the payload, P1, P3 and P4 only by whoever sealed it, provided
that P6 holds. So after a chunk is found false the rest is still read and hashed: a carrier's fault is
reported as P6, and the author is blamed for nothing but what the author signed.

Chunk size: the bare cipher is as fast at 64 KiB as at 1 MiB. Sealing as a whole took the least CPU time at
256 and 512 KiB: below, system time grows; at 1 MiB, hashing and writing did. The smaller of the two needs
half the memory. (Measured once, on two busy cores; it is the format now and does not change.)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from escrow.crypto import aead, randomness
from escrow.crypto.landing import landing
from escrow.crypto.metadata import Metadata, open_metadata, salvage_length, seal_metadata
from escrow.crypto.outlet import Outlet, Sink
from escrow.crypto.padding import PaddedSource, Source, fill, is_padding, padded_length
from escrow.crypto.transcript import Label, kdf
from escrow.errors import ForgedError, MalformedError, TooLargeError

__all__ = [
    "CHUNK",
    "FORMAT",
    "Description",
    "Metadata",
    "SealedPayload",
    "describe",
    "new_key",
    "open_file",
    "open_metadata",
    "open_payload",
    "padded_length",
    "seal_metadata",
    "seal_payload",
    "sealed_length",
]

FORMAT = "escrow.payload.v1"
CHUNK = 256 * 1024
MAX_CHUNKS = 2**32
KEY_BYTES = aead.KEY_BYTES
_SEALED_CHUNK = CHUNK + aead.TAG_BYTES

Progress = Callable[[int], None]
"""Called in the caller's thread with the plaintext bytes done so far; what it raises stops the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPayload:
    """What the sealing statement says of a payload, and its true length, which goes into the metadata."""

    sha256: bytes
    length: int
    plain_length: int


def new_key() -> bytes:
    """A record key K. Draw one for every attempt at sealing, retries included: nonces count from 0 each time,
    and two different payloads under one K would lay both open.
    """
    return randomness.random_bytes(KEY_BYTES)


def sealed_length(plain_length: int) -> int:
    """Bytes of the payload that `plain_length` bytes are sealed to. Errors of `padded_length`."""
    padded = padded_length(plain_length)
    return padded + -(-padded // CHUNK) * aead.TAG_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What an opener goes by. `fault`: the code of what the author made false of it, empty if nothing."""

    metadata: Metadata
    fault: str


def describe(key: bytes, r: bytes, sealed: bytes, *, sealed_length: int, name: str) -> Description:
    """The metadata of a payload of `sealed_length` bytes, if its author made it useless a generic one (M6).

    Then `name` stands for title and file name, and where no true length is to be had, the document keeps its
    padding of zeros. `key` must be the committed one and `sealed` what the author signed: then every fault is
    the author's. ForgedError `payload_length_false`, also the author's, where no payload has that length.
    """
    padded = _padded_within(sealed_length)
    try:
        metadata, fault = open_metadata(key, r, sealed), ""
    except (MalformedError, ForgedError) as error:
        stated = salvage_length(key, r, sealed)
        length = padded if stated is None else stated
        metadata = Metadata(title=name, filename=name, media_type="application/octet-stream", length=length)
        fault = error.code
    if padded_length(metadata.length) != padded:
        return Description(metadata=replace(metadata, length=padded), fault=fault or "payload_length_false")
    return Description(metadata=metadata, fault=fault)


def seal_payload(
    source: Source, sink: Sink, key: bytes, *, progress: Progress | None = None
) -> SealedPayload:
    """Seal all that `source` holds into `sink`, in constant memory. `key` is from `new_key`, for this only.

    TooLargeError `payload_too_large`. What source, sink or progress raise comes through unchanged; what is in
    the sink then counts for nothing.
    """
    stream_key, padded, length = _stream_key(key), PaddedSource(source), 0
    with Outlet(sink, CHUNK) as outlet:
        buffer = outlet.take()
        size, counter, last = padded.fill(buffer.plain), 0, False
        while not last:
            ahead = outlet.take()
            size_ahead = padded.fill(ahead.plain)
            last = size_ahead == 0
            sealed = buffer.sealed[: size + aead.TAG_BYTES]
            aead.seal_into(sealed, stream_key, _nonce(counter, last=last), buffer.plain[:size])
            outlet.give(buffer, hashed=sealed, written=sealed)
            length += len(sealed)
            if progress is not None:
                progress(min(counter * CHUNK + size, padded.length))
            buffer, size, counter = ahead, size_ahead, counter + 1
        sha256 = outlet.finish()
    return SealedPayload(sha256=sha256, length=length, plain_length=padded.length)


def open_payload(
    source: Source,
    sink: Sink,
    key: bytes,
    *,
    plain_length: int,
    sealed_length: int,
    sha256: bytes,
    progress: Progress | None = None,
) -> None:
    """Open a payload into `sink`, in constant memory, reading `source` once from where it stands.

    `plain_length` is the metadata's; `sealed_length` and `sha256` are the sealing statement's. The sink gets
    plaintext chunk by chunk, each of them genuine, but the whole is to be believed only after this returns:
    `open_file` is for everybody who can wait.
    ForgedError, rules P1 to P6 in order: `payload_length_false`, `payload_truncated`, `payload_chunk_false`,
    `payload_padding_false`, `payload_too_long`, `payload_digest_false`.
    """
    _require_length(plain_length, sealed_length)
    stream_key, chunks = _stream_key(key), -(-sealed_length // _SEALED_CHUNK)
    fault: ForgedError | None = None
    with Outlet(sink, CHUNK) as outlet:
        for counter in range(chunks):
            buffer, start = outlet.take(), counter * _SEALED_CHUNK
            sealed = buffer.sealed[: sealed_length - start]
            if (got := fill(source, sealed)) < len(sealed):
                raise ForgedError("payload_truncated", expected=sealed_length, found=start + got)
            plain = buffer.plain[: len(sealed) - aead.TAG_BYTES]
            genuine = plain[: max(0, plain_length - counter * CHUNK)]
            if fault is None:
                fault = _open_chunk(plain, stream_key, counter, sealed, last=counter == chunks - 1)
            if fault is None and not is_padding(plain[len(genuine) :]):
                fault = ForgedError("payload_padding_false")
            outlet.give(buffer, hashed=sealed, written=genuine if fault is None else genuine[:0])
            if progress is not None:
                progress(min((counter + 1) * CHUNK, plain_length))
        if source.read(1):
            raise ForgedError("payload_too_long", expected=sealed_length)
        found = outlet.finish()
    if found != sha256:
        raise ForgedError("payload_digest_false", expected=sha256.hex(), found=found.hex())
    if fault is not None:
        raise fault


def open_file(
    source: Source,
    path: Path,
    key: bytes,
    *,
    plain_length: int,
    sealed_length: int,
    sha256: bytes,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """`open_payload` into a file, mode 0600, that appears as `path` only once every rule holds.

    RefusedError `file_exists` unless `overwrite`; SetupError `file_not_written`.
    """
    with landing(path, overwrite=overwrite) as sink:
        open_payload(
            source,
            sink,
            key,
            plain_length=plain_length,
            sealed_length=sealed_length,
            sha256=sha256,
            progress=progress,
        )


def _stream_key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError("a record key has 32 bytes")
    return kdf(Label.PAYLOAD_KEY, key, FORMAT.encode())


def _nonce(counter: int, *, last: bool) -> bytes:
    """TooLargeError `payload_too_large` where the counter would start again and repeat a nonce."""
    if counter >= MAX_CHUNKS:
        raise TooLargeError("payload_too_large", field="payload", limit=MAX_CHUNKS * CHUNK)
    return bytes(19) + counter.to_bytes(4, "big") + bytes([last])


def _require_length(plain_length: int, stated: int) -> None:
    """Rule P1. The padded length decides how many chunks there are, so that none is missing or empty."""
    expected = sealed_length(plain_length)
    if stated != expected:
        raise ForgedError("payload_length_false", expected=expected, found=stated)


def _padded_within(stated: int) -> int:
    """Padded plaintext bytes in a payload of `stated` bytes."""
    padded = max(0, stated - -(-stated // _SEALED_CHUNK) * aead.TAG_BYTES)
    _require_length(padded, stated)  # padding what is padded changes nothing
    return padded


def _open_chunk(
    plain: memoryview, key: bytes, counter: int, sealed: memoryview, *, last: bool
) -> ForgedError | None:
    """Rule P3: decrypt into `plain`, or the fault to report once the author is proven to be at fault."""
    try:
        aead.open_into(plain, key, _nonce(counter, last=last), sealed)
    except ForgedError:
        return ForgedError("payload_chunk_false", chunk=counter)
    return None
