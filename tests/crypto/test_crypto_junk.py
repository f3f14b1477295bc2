"""No junk makes a parser of this room raise anything but our own refusal."""

from collections.abc import Callable

import crypto_scene as scene
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.crypto import aead, kem, proof
from escrow.crypto.card import Card
from escrow.crypto.envelope import Envelope
from escrow.crypto.group import BASE, Point, Scalar
from escrow.crypto.identity import Identity
from escrow.crypto.kem import KemSecret
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError

KEM = scene.seat_keys(1)[0].kem
near_misses = st.one_of(
    st.text(max_size=140),
    st.text(alphabet="qpzry9x8gf2tvdw0s3jn54khce6mua7l1", max_size=140).map("escrowcard1".__add__),
    st.text(alphabet="QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L1", max_size=140).map("ESCROW-SECRET1".__add__),
)


@given(near_misses)
def test_any_text_is_refused_as_card_and_as_key_file(text: str) -> None:
    for parse in (Card.parse, Identity.load):
        with pytest.raises(EscrowError):
            parse(text)


PARSERS: list[Callable[[bytes], object]] = [
    Point.decode,
    Scalar.decode,
    Scalar.from_wide,
    kem.check_public,
    KEM.decapsulate,
    KemSecret.from_seed,
    Identity.from_seed,
    lambda raw: Card(public=raw),
    lambda raw: Envelope(ciphertext=raw, wrapped=raw),
    lambda raw: aead.open_(bytes(32), bytes(24), raw, b""),
    lambda raw: aead.open_random(bytes(32), raw, b""),
    lambda raw: proof.verify_log(Label.PROOF_TICKET, BASE, raw, "ticket_proof_false"),
]


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=80)
    | st.sampled_from([32, 48, 64, 1088, 1184]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
)
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    for parse in PARSERS:
        try:
            parsed = parse(raw)
        except EscrowError as refusal:
            parsed = refusal.code
        assert parsed is not None
