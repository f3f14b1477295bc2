"""An envelope opens for one key, one use and one place."""

from dataclasses import replace

import crypto_scene as scene
import mlkem_twin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.crypto import envelope, kem
from escrow.crypto.envelope import Envelope
from escrow.crypto.kem import KemSecret
from escrow.crypto.transcript import Label
from escrow.errors import ForgedError, MalformedError

ALICE, BOB = (scene.seat_keys(2)[i].kem for i in range(2))
P = bytes(range(32))
PLACE = envelope.seat_context(b"c" * 32, "seat-0")
ENVELOPE = envelope.enclose(P, ALICE.public, Label.ENVELOPE, PLACE)


def refused(
    env: Envelope, key: KemSecret = ALICE, label: Label = Label.ENVELOPE, place: bytes = PLACE
) -> None:
    with pytest.raises(ForgedError) as caught:
        envelope.disclose(env, key, label, place)
    assert caught.value.code == "envelope_false"


def test_envelope_opens_for_its_own_key_use_and_place() -> None:
    assert envelope.disclose(ENVELOPE, ALICE, Label.ENVELOPE, PLACE) == P


def test_envelope_of_another_seat_is_refused() -> None:
    refused(ENVELOPE, key=BOB)


def test_envelope_copied_to_another_record_or_seat_is_refused() -> None:
    refused(ENVELOPE, place=envelope.seat_context(b"d" * 32, "seat-0"))
    refused(ENVELOPE, place=envelope.seat_context(b"c" * 32, "seat-1"))


def test_envelope_of_a_sealing_given_for_one_of_a_sign_off_is_refused() -> None:
    refused(ENVELOPE, label=Label.TICKET_ENVELOPE)
    assert envelope.seat_context(b"c" * 32, "a") != envelope.ticket_context(b"c" * 32, "a")


@pytest.mark.parametrize("bit", [0, 1, 4000, 8 * 960 + 3, 8 * 1088 - 1])
def test_flipped_bit_in_the_ciphertext_is_refused(bit: int) -> None:
    flipped = (int.from_bytes(ENVELOPE.ciphertext, "little") ^ 1 << bit).to_bytes(1088, "little")
    refused(replace(ENVELOPE, ciphertext=flipped))


@pytest.mark.parametrize("bit", range(0, 8 * 48, 11))
def test_flipped_bit_in_the_wrap_is_refused(bit: int) -> None:
    flipped = (int.from_bytes(ENVELOPE.wrapped, "little") ^ 1 << bit).to_bytes(48, "little")
    refused(replace(ENVELOPE, wrapped=flipped))


@pytest.mark.parametrize(
    ("ciphertext", "wrapped"), [(1087, 48), (1089, 48), (0, 48), (1088, 47), (1088, 49), (1088, 0)]
)
def test_envelope_of_wrong_length_is_refused(ciphertext: int, wrapped: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Envelope(ciphertext=bytes(ciphertext), wrapped=bytes(wrapped))
    assert caught.value.code == "envelope_length"


def test_two_envelopes_are_never_alike() -> None:
    other = envelope.enclose(P, ALICE.public, Label.ENVELOPE, PLACE)
    assert other.ciphertext != ENVELOPE.ciphertext
    assert other.wrapped != ENVELOPE.wrapped


# The first coefficient, in 12 bits, is q itself: 0xd01.
FIRST_IS_Q = bytes([0x01, ALICE.public[1] & 0xF0 | 0x0D]) + ALICE.public[2:]


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(1183), bytes(1185), b"\xff" * 1184, FIRST_IS_Q, ALICE.public[:-1]],
    ids=["empty", "short", "long", "all above q", "first coefficient is q", "cut"],
)
def test_kem_key_that_is_none_is_refused(raw: bytes) -> None:
    for refuse in (lambda: kem.check_public(raw), lambda: kem.encapsulate(raw)):
        with pytest.raises(MalformedError) as caught:
            refuse()
        assert (caught.value.code, caught.value.fields) == ("kem_key_malformed", {"field": "kem_key"})


def test_kem_seed_and_ciphertext_of_wrong_length_are_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        KemSecret.from_seed(bytes(63))
    assert caught.value.code == "kem_seed_length"
    with pytest.raises(MalformedError) as caught:
        ALICE.decapsulate(bytes(1087))
    assert caught.value.code == "kem_ciphertext_length"


@settings(max_examples=5, deadline=None)
@given(st.binary(min_size=64, max_size=64), st.binary(min_size=32, max_size=32))
def test_the_library_decapsulates_what_the_slow_twin_encapsulates(seed: bytes, coins: bytes) -> None:
    key = KemSecret.from_seed(seed)
    assert kem.check_public(key.public) == key.public
    ciphertext, secret = mlkem_twin.encapsulate(key.public, coins)
    assert key.decapsulate(ciphertext) == secret
