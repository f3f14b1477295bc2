"""The cipher notices every changed input."""

import pytest

from escrow.crypto import aead
from escrow.errors import ForgedError

KEY, NONCE, AD = bytes(range(32)), bytes(24), b"place"
SEALED = aead.seal(KEY, NONCE, b"text", AD)


def false(key: bytes, nonce: bytes, ciphertext: bytes, ad: bytes) -> None:
    with pytest.raises(ForgedError) as caught:
        aead.open_(key, nonce, ciphertext, ad)
    assert caught.value.code == "ciphertext_false"


@pytest.mark.parametrize("bit", range(8 * len(SEALED)))
def test_flipped_bit_is_refused(bit: int) -> None:
    flipped = (int.from_bytes(SEALED, "little") ^ 1 << bit).to_bytes(len(SEALED), "little")
    false(KEY, NONCE, flipped, AD)


def test_wrong_key_nonce_or_place_is_refused() -> None:
    false(bytes(32), NONCE, SEALED, AD)
    false(KEY, b"\x01" + NONCE[1:], SEALED, AD)
    false(KEY, NONCE, SEALED, b"elsewhere")


@pytest.mark.parametrize("size", [0, 1, 15, 16, 19])
def test_ciphertext_cut_short_is_refused(size: int) -> None:
    false(KEY, NONCE, SEALED[:size], AD)


@pytest.mark.parametrize("size", [0, 23, 24, 39, 43])
def test_randomly_sealed_text_cut_short_is_refused(size: int) -> None:
    sealed = aead.seal_random(KEY, b"text", AD)
    assert aead.open_random(KEY, sealed, AD) == b"text"
    with pytest.raises(ForgedError):
        aead.open_random(KEY, sealed[:size], AD)


def test_random_nonces_differ() -> None:
    assert aead.seal_random(KEY, b"text", AD) != aead.seal_random(KEY, b"text", AD)


def test_vector_of_the_xchacha_draft() -> None:
    """draft-irtf-cfrg-xchacha-03, A.3.1."""
    sealed = aead.seal(
        bytes(range(0x80, 0xA0)),
        bytes(range(0x40, 0x58)),
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it.",
        bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
    )
    assert sealed[:16].hex() == "bd6d179d3e83d43b9576579493c0e939"
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"
