"""What a carrier or an author may do to a payload, and who is blamed for it.

The author's lies come with length and digest that fit; the carrier's with those of the genuine payload.
"""

import hashlib
import io
import random

import pytest
from payload_twin import CHUNK, TAG, K, nonce, opened, padme, pieces_of, seal, sealed_pieces

from escrow.crypto import padding, payload
from escrow.errors import EscrowError, ForgedError, MalformedError, TooLargeError

PLAIN = random.Random(1).randbytes(2 * CHUNK + 70_001)
PIECES = sealed_pieces(pieces_of(PLAIN))
SEALED = b"".join(PIECES)
DIGEST = hashlib.sha256(SEALED).digest()
N = len(PLAIN)


def from_author(sealed: bytes, plain_length: int = N) -> ForgedError:
    with pytest.raises(ForgedError) as caught:
        opened(sealed, plain_length=plain_length)
    return caught.value


def from_carrier(sealed: bytes, key: bytes = K) -> ForgedError:
    with pytest.raises(ForgedError) as caught:
        opened(sealed, key=key, plain_length=N, sealed_length=len(SEALED), sha256=DIGEST)
    return caught.value


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


PLACES = [0, CHUNK - 1, CHUNK, CHUNK + TAG, len(SEALED) // 2, len(SEALED) - TAG, len(SEALED) - 1]


@pytest.mark.parametrize("at", PLACES)
def test_bit_flipped_on_the_way_is_the_carriers_fault(at: int) -> None:
    assert from_carrier(flipped(SEALED, at)).code == "payload_digest_false"


@pytest.mark.parametrize("at", PLACES)
def test_false_chunk_under_the_stated_digest_is_the_authors_fault(at: int) -> None:
    error = from_author(flipped(SEALED, at))
    assert (error.code, error.fields) == ("payload_chunk_false", {"chunk": at // (CHUNK + TAG)})


def test_two_chunks_changed_places() -> None:
    swapped = PIECES[1] + PIECES[0] + PIECES[2]
    assert from_carrier(swapped).code == "payload_digest_false"
    assert from_author(swapped).fields == {"chunk": 0}


def test_chunk_repeated_in_place_of_the_next_is_refused() -> None:
    assert from_author(PIECES[0] + PIECES[0] + PIECES[2]).fields == {"chunk": 1}


def test_payload_of_another_record_is_refused() -> None:
    other = seal(PLAIN, key=bytes(32))
    assert from_carrier(other).code == "payload_digest_false"
    assert from_author(other).code == "payload_chunk_false"


def test_chunk_of_another_record_is_refused() -> None:
    foreign = sealed_pieces(pieces_of(PLAIN), key=bytes(32))
    assert from_author(PIECES[0] + foreign[1] + PIECES[2]).fields == {"chunk": 1}


def test_genuine_payload_under_another_digest_is_refused() -> None:
    with pytest.raises(ForgedError) as caught:
        opened(SEALED, plain_length=N, sha256=bytes(32))
    assert caught.value.code == "payload_digest_false"
    assert caught.value.fields == {"expected": "00" * 32, "found": DIGEST.hex()}


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK, CHUNK + TAG, 2 * (CHUNK + TAG), 2 * (CHUNK + TAG) + 1, len(SEALED) - 1]
)
def test_payload_cut_short_is_refused(size: int) -> None:
    error = from_carrier(SEALED[:size])
    assert (error.code, error.fields) == ("payload_truncated", {"expected": len(SEALED), "found": size})


@pytest.mark.parametrize("extra", [b"\0", PIECES[-1], bytes(CHUNK + TAG)])
def test_bytes_after_the_last_chunk_are_refused(extra: bytes) -> None:
    error = from_carrier(SEALED + extra)
    assert (error.code, error.fields) == ("payload_too_long", {"expected": len(SEALED)})


def test_missing_last_chunk_under_a_fitting_length_is_refused() -> None:
    """Cut after two whole chunks, true length lowered to match: the second chunk is not the last one."""
    assert from_author(PIECES[0] + PIECES[1], plain_length=2 * CHUNK).fields == {"chunk": 1}


def test_stream_without_a_last_chunk_is_refused() -> None:
    sealed = b"".join(sealed_pieces(pieces_of(PLAIN), flags=[False] * 3))
    assert from_author(sealed).fields == {"chunk": 2}


def test_last_chunk_before_others_is_refused() -> None:
    sealed = b"".join(sealed_pieces(pieces_of(PLAIN), flags=[True, False, True]))
    assert from_author(sealed).fields == {"chunk": 0}


def test_empty_last_chunk_after_others_is_refused() -> None:
    whole = PLAIN[: 2 * CHUNK]
    sealed = b"".join(sealed_pieces([*pieces_of(whole), b""], flags=[False, False, True]))
    error = from_author(sealed, plain_length=2 * CHUNK)
    assert error.code == "payload_length_false"
    assert error.fields == {"expected": 2 * (CHUNK + TAG), "found": 2 * (CHUNK + TAG) + TAG}


@pytest.mark.parametrize("sealed", [b"", b"".join(sealed_pieces([b""]))])
def test_no_chunk_or_one_empty_chunk_is_refused(sealed: bytes) -> None:
    assert from_author(sealed, plain_length=0).code == "payload_length_false"


@pytest.mark.parametrize("stated", [len(SEALED) - 1, len(SEALED) + 1, 0, -1, 2**60])
def test_stated_length_that_does_not_fit_the_true_length_is_refused(stated: int) -> None:
    with pytest.raises(ForgedError) as caught:
        opened(SEALED, plain_length=N, sealed_length=stated)
    assert caught.value.code == "payload_length_false"


def test_true_length_that_lies_by_a_padding_step_is_refused() -> None:
    assert from_author(SEALED, plain_length=padme(N) + 1).code == "payload_length_false"


def test_true_length_shorter_than_the_text_is_refused() -> None:
    assert from_author(SEALED, plain_length=N - 1).code == "payload_padding_false"


def test_payload_padded_to_another_length_than_padme_is_refused() -> None:
    unpadded = b"".join(sealed_pieces([PLAIN[at : at + CHUNK] for at in range(0, N, CHUNK)]))
    assert from_author(unpadded).code == "payload_length_false"


@pytest.mark.parametrize("at", [N, padme(N) - 1])
def test_bytes_hidden_in_the_padding_are_refused(at: int) -> None:
    hidden = flipped(b"".join(pieces_of(PLAIN)), at)
    sealed = b"".join(sealed_pieces([hidden[i : i + CHUNK] for i in range(0, len(hidden), CHUNK)]))
    assert from_author(sealed).code == "payload_padding_false"


def test_byte_hidden_in_a_chunk_of_padding_only_is_refused() -> None:
    plain = bytes(16 * 1024 * 1024 + 1)  # padded by 512 KiB less a byte: the last chunk is padding only
    pieces = pieces_of(plain)
    pieces[-1] = flipped(pieces[-1], CHUNK // 2)
    assert (
        from_author(b"".join(sealed_pieces(pieces)), plain_length=len(plain)).code == "payload_padding_false"
    )


def test_nothing_of_a_false_chunk_or_after_it_is_written() -> None:
    sink = io.BytesIO()
    with pytest.raises(ForgedError):
        opened(flipped(SEALED, CHUNK + TAG), plain_length=N, sink=sink)
    assert sink.getvalue() == PLAIN[:CHUNK]


def test_counter_that_would_start_again_is_refused() -> None:
    assert payload._nonce(2**32 - 1, last=True) == nonce(2**32 - 1, last=True)
    with pytest.raises(TooLargeError) as caught:
        payload._nonce(2**32, last=False)
    assert caught.value.code == "payload_too_large"


def test_sealing_stops_before_a_nonce_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MAX_CHUNKS", 2)
    with pytest.raises(TooLargeError) as caught:
        payload.seal_payload(io.BytesIO(PLAIN), io.BytesIO(), K)
    assert caught.value.code == "payload_too_large"


def test_source_longer_than_any_payload_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding, "MAX_PLAIN_BYTES", N - 1)
    with pytest.raises(TooLargeError) as caught:
        payload.seal_payload(io.BytesIO(PLAIN), io.BytesIO(), K)
    assert caught.value.fields == {"field": "length", "limit": N - 1}


@pytest.mark.parametrize(
    ("length", "kind", "code"),
    [(-1, MalformedError, "payload_length_negative"), (2**49 + 1, TooLargeError, "payload_too_large")],
)
def test_length_out_of_range_is_refused(length: int, kind: type[EscrowError], code: str) -> None:
    with pytest.raises(kind) as caught:
        payload.sealed_length(length)
    assert caught.value.code == code


def test_record_key_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        payload.seal_payload(io.BytesIO(b""), io.BytesIO(), K[:31])
