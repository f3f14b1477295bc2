"""Tokens for reading: each refusal with its code and the server's time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.build import START, URL, bytes_of, party
from support.refusals import refuses

from escrow.crypto import bech32m
from escrow.crypto.group import ed25519_public
from escrow.errors import UnauthorizedError
from escrow.ledger import jws, token
from escrow.model.wire import to_time

ALICE, MALLORY = party("alice"), party("mallory")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def claims(**changed: object) -> dict[str, object]:
    now = int(START.timestamp())
    found = {"iss": str(ALICE.card), "aud": URL, "iat": now, "exp": now + 240} | changed
    return {name: value for name, value in found.items() if value is not None}


def test_token_names_its_maker() -> None:
    assert token.verify(token.make(ALICE, URL, START), URL, START) == ALICE.card


@pytest.mark.parametrize("off", [-token.SKEW_S, 0, token.DEFAULT_LIFETIME_S + token.SKEW_S - 1])
def test_clocks_may_differ_by_the_allowed_skew(off: int) -> None:
    assert token.verify(token.make(ALICE, URL, START), URL, START + seconds(off)) == ALICE.card


def test_stale_token_is_refused_with_the_servers_time() -> None:
    late = START + seconds(token.DEFAULT_LIFETIME_S + token.SKEW_S)
    with refuses(UnauthorizedError, "token_stale", server_time=to_time(late)):
        token.verify(token.make(ALICE, URL, START), URL, late)


def test_token_from_the_future_is_refused_with_the_servers_time() -> None:
    early = START - seconds(token.SKEW_S + 1)
    with refuses(UnauthorizedError, "token_from_future", server_time=to_time(early)):
        token.verify(token.make(ALICE, URL, START), URL, early)


@pytest.mark.parametrize("audience", [URL + "/", "https://other.example", ""])
def test_token_for_another_service_is_refused(audience: str) -> None:
    with refuses(UnauthorizedError, "token_wrong_audience", server_time=to_time(START)):
        token.verify(token.make(ALICE, audience, START), URL, START)


@pytest.mark.parametrize("lifetime", [token.MAX_LIFETIME_S + 1, 10**9, 0, -1])
def test_token_that_lives_too_long_or_not_at_all_is_refused(lifetime: int) -> None:
    with refuses(UnauthorizedError, "token_too_long"):
        token.verify(token.make(ALICE, URL, START, lifetime_s=lifetime), URL, START)


def test_token_signed_by_another_than_its_issuer_is_refused() -> None:
    with refuses(UnauthorizedError, "token_signature_false"):
        token.verify(jws.sign(MALLORY, token.TYP, claims()), URL, START)


def test_token_with_a_changed_signature_is_refused() -> None:
    text = token.make(ALICE, URL, START)
    other = jws.sign(ALICE, token.TYP, claims(aud="x"))
    with refuses(UnauthorizedError, "token_signature_false"):
        token.verify(".".join([*text.split(".")[:2], other.split(".")[2]]), URL, START)


def test_statement_posed_as_a_token_is_refused() -> None:
    with refuses(UnauthorizedError, "token_malformed"):
        token.verify(jws.sign(ALICE, "escrow.note.v1", claims()), URL, START)


def test_low_order_card_is_refused_before_its_signature_is_looked_at() -> None:
    """With this key one signature fits every message."""
    low = bech32m.encode("escrowcard", bytes([1]) + bytes(31))
    with refuses(UnauthorizedError, "token_malformed"):
        token.verify(jws.sign(ALICE, token.TYP, claims(iss=low)), URL, START)


def test_mixed_order_card_is_refused() -> None:
    from nacl import bindings

    torsion = bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
    mixed = bindings.crypto_core_ed25519_add(ed25519_public(bytes_of("x")).encode(), torsion)
    with refuses(UnauthorizedError, "token_malformed"):
        token.verify(jws.sign(ALICE, token.TYP, claims(iss=bech32m.encode("escrowcard", mixed))), URL, START)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": None},
        {"aud": None},
        {"iat": None},
        {"exp": None},
        {"nbf": 0},
        {"iat": "1"},
        {"aud": [URL]},
        {"exp": -1},
    ],
)
def test_claims_that_are_not_exactly_ours_are_refused(changed: dict[str, object]) -> None:
    with refuses(UnauthorizedError, "token_malformed"):
        token.verify(jws.sign(ALICE, token.TYP, claims(**changed)), URL, START)


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 5000])
def test_junk_in_place_of_a_token_is_refused(text: str) -> None:
    with refuses(UnauthorizedError, "token_malformed"):
        token.verify(text, URL, START)


@given(st.text(max_size=100))
def test_junk_never_raises_anything_foreign(text: str) -> None:
    with pytest.raises(UnauthorizedError):
        token.verify(text, URL, datetime(2026, 1, 1, tzinfo=UTC))
