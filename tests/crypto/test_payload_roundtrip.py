"""Sealing and opening agree with a second writing of the format, for every size, source and sink."""

import hashlib
import io
import random

import payload_twin as twin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payload_twin import CHUNK, K

from escrow.crypto import aead, outlet, padding, payload
from escrow.errors import ForgedError

TEXT = random.Random(2).randbytes(9 * CHUNK)
EDGES = [0, 4096, 2 * 4096, 65536, 69632, CHUNK, 2 * CHUNK, twin.padme(CHUNK + 1), 4 * CHUNK, 8 * CHUNK]


def edges(reach: int) -> st.SearchStrategy[int]:
    near = st.tuples(st.sampled_from(EDGES), st.integers(-reach, reach)).map(sum)
    return near.filter(lambda n: 0 <= n <= len(TEXT))


def sealed(plain: bytes) -> tuple[bytes, payload.SealedPayload]:
    sink = io.BytesIO()
    facts = payload.seal_payload(io.BytesIO(plain), sink, K)
    return sink.getvalue(), facts


@settings(max_examples=60, deadline=None)
@given(edges(reach=40))
def test_round_trip_at_the_edges_of_chunks_and_padding(size: int) -> None:
    plain = TEXT[:size]
    raw, facts = sealed(plain)
    assert raw == twin.seal(plain)
    assert facts == payload.SealedPayload(
        sha256=hashlib.sha256(raw).digest(), length=payload.sealed_length(size), plain_length=size
    )
    assert len(raw) == facts.length
    assert twin.opened(raw, plain_length=size) == plain


@given(st.integers(0, 2**49))
def test_padding_is_padmes_and_wastes_at_most_an_eighth(length: int) -> None:
    padded = payload.padded_length(length)
    assert padded >= max(length, 4096)
    assert padded <= max(length * 1.12, 4096)
    assert payload.padded_length(padded) == padded
    if length < 2**40:  # where the twin's logarithms are exact
        assert padded == twin.padme(length)


@given(st.integers(0, 2**49 - 1))
def test_longer_text_is_never_sealed_shorter(length: int) -> None:
    assert payload.sealed_length(length) <= payload.sealed_length(length + 1)


def test_short_texts_all_look_the_same() -> None:
    assert {len(sealed(text)[0]) for text in (b"", b"no", b"yes", TEXT[:4096])} == {4096 + 16}


def test_format_has_not_changed() -> None:
    """Golden: a payload sealed today opens in thirty years."""
    raw, facts = sealed(b"the terms")
    assert raw[:16].hex() == "7eff28c8d8699d575d5c0c617e29c04f"
    assert facts.sha256.hex() == "407bc346e502c65e34b495f5a04f0d770d5eb138479ddb4607977989babd1d6d"


def test_fresh_keys_differ() -> None:
    assert len({payload.new_key() for _ in range(3)}) == 3
    assert len(payload.new_key()) == 32


class Dribble:
    """A body from the network: only read(), never as much as asked, no seek, no readinto."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at, self._next = raw, 0, random.Random(3)

    def read(self, size: int, /) -> bytes:
        piece = self._raw[self._at : self._at + min(size, self._next.randrange(1, 50_000))]
        self._at += len(piece)
        return piece


class Sipping(io.BytesIO):
    """A sink that takes less than it is given."""

    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        return super().write(data[:70_000])


def test_source_that_dribbles_and_sink_that_sips() -> None:
    plain = TEXT[: 3 * CHUNK + 17]
    sink = Sipping()
    facts = payload.seal_payload(Dribble(plain), sink, K)
    assert sink.getvalue() == twin.seal(plain)
    back = Sipping()
    payload.open_payload(
        Dribble(sink.getvalue()),
        back,
        K,
        plain_length=len(plain),
        sealed_length=facts.length,
        sha256=facts.sha256,
    )
    assert back.getvalue() == plain


def test_padding_holds_nothing_of_what_a_buffer_held_before() -> None:
    plain = bytes([7]) * ((outlet.BUFFERS + 1) * CHUNK + 1)
    raw, facts = sealed(plain)
    assert facts.length > len(plain) + 2 * 4096
    assert raw == twin.seal(plain)


def test_opening_starts_where_the_source_stands() -> None:
    raw, facts = sealed(b"text")
    source, sink = io.BytesIO(b"head" + raw), io.BytesIO()
    source.seek(4)
    payload.open_payload(source, sink, K, plain_length=4, sealed_length=facts.length, sha256=facts.sha256)
    assert sink.getvalue() == b"text"


def test_progress_counts_the_plaintext_both_ways() -> None:
    size = 2 * CHUNK + 5
    sealing: list[int] = []
    opening: list[int] = []
    sink = io.BytesIO()
    facts = payload.seal_payload(io.BytesIO(TEXT[:size]), sink, K, progress=sealing.append)
    sink.seek(0)
    payload.open_payload(
        sink,
        io.BytesIO(),
        K,
        plain_length=size,
        sealed_length=facts.length,
        sha256=facts.sha256,
        progress=opening.append,
    )
    assert sealing == opening == [CHUNK, 2 * CHUNK, size]


@given(st.binary(max_size=300), st.integers(0, 299))
def test_padding_is_zeros_and_nothing_else(raw: bytes, at: int) -> None:
    assert padding.is_padding(memoryview(raw)) == (not any(raw))
    zeros = bytearray(200_000)
    assert padding.is_padding(memoryview(zeros))
    zeros[at * 600] = 1
    assert not padding.is_padding(memoryview(zeros))


@given(st.binary(max_size=200))
def test_cipher_on_buffers_is_the_same_cipher(plain: bytes) -> None:
    out = bytearray(len(plain) + 16)
    aead.seal_into(memoryview(out), K, bytes(24), memoryview(plain))
    assert out == aead.seal(K, bytes(24), plain, b"")
    back = bytearray(len(plain))
    aead.open_into(memoryview(back), K, bytes(24), memoryview(out))
    assert back == plain


def test_cipher_on_buffers_refuses_a_false_tag_and_leaves_no_plaintext() -> None:
    sealed_text, out = bytearray(aead.seal(K, bytes(24), b"secret", b"")), bytearray(6)
    sealed_text[-1] ^= 1
    with pytest.raises(ForgedError):
        aead.open_into(memoryview(out), K, bytes(24), memoryview(sealed_text))
    assert out == bytes(6)


@pytest.mark.parametrize(
    ("key", "nonce", "out"),
    [(31, 24, 20), (33, 24, 20), (32, 23, 20), (32, 25, 20), (32, 24, 19), (32, 24, 21)],
)
def test_buffer_that_c_would_overrun_is_refused(key: int, nonce: int, out: int) -> None:
    plain, room = memoryview(bytearray(4)), memoryview(bytearray(out))
    with pytest.raises(ValueError, match="wrong size"):
        aead.seal_into(room, bytes(key), bytes(nonce), plain)
    with pytest.raises(ValueError, match="wrong size"):
        aead.open_into(plain, bytes(key), bytes(nonce), room)


def test_buffer_that_must_not_be_written_is_refused() -> None:
    with pytest.raises(BufferError):
        aead.seal_into(memoryview(bytes(20)), K, bytes(24), memoryview(b"text"))
