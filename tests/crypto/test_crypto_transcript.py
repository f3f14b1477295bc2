"""No two lists of fields hash alike, and no label means two things."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.crypto.transcript import Label, Sha256, digest, kdf, wide

fields = st.lists(st.binary(max_size=12), max_size=5)


@given(fields, fields)
def test_moving_a_border_between_fields_changes_the_hash(a: list[bytes], b: list[bytes]) -> None:
    assert (digest(Label.RECORD, *a) == digest(Label.RECORD, *b)) == (a == b)
    assert (wide(Label.RECORD, *a) == wide(Label.RECORD, *b)) == (a == b)


@pytest.mark.parametrize(
    ("one", "other"),
    [((b"ab", b"c"), (b"a", b"bc")), ((b"",), ()), ((b"", b"a"), (b"a", b"")), ((bytes(8),), (b"", b""))],
)
def test_splicing_fields_is_noticed(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> None:
    assert digest(Label.PATH, *one) != digest(Label.PATH, *other)


def test_a_hash_for_one_purpose_is_none_for_another() -> None:
    assert len({digest(label, b"same") for label in Label}) == len(Label)


def test_labels_are_pairwise_different_and_plain() -> None:
    values = [label.value for label in Label]
    assert len(set(values)) == len(values)
    assert all(value.isascii() and value == value.lower() for value in values)


def test_the_bytes_that_are_hashed_are_as_written_down() -> None:
    flat = b"".join(len(f).to_bytes(8, "big") + f for f in (b"escrow/v1", b"record", b"one", b""))
    assert digest(Label.RECORD, b"one", b"") == hashlib.blake2b(flat, digest_size=32).digest()
    assert wide(Label.RECORD, b"one", b"") == hashlib.blake2b(flat, digest_size=64).digest()
    assert kdf(Label.RECORD, b"one", b"") == digest(Label.RECORD, b"one", b"")


def test_sha256_of_pieces_is_sha256_of_the_whole() -> None:
    state = Sha256()
    for piece in (b"a", memoryview(b"bc"), b""):
        state.update(piece)
    assert state.digest() == hashlib.sha256(b"abc").digest()
