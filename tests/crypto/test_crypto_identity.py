"""One seed, many keys, none of them twice; and key files that refuse everything but themselves."""

import crypto_scene as scene
import pytest

from escrow.crypto import bech32m
from escrow.crypto.identity import PREFIX, Identity
from escrow.crypto.transcript import Label
from escrow.errors import MalformedError, SetupError

ONE = scene.party("one")
NONCE = bytes(32)


def refusal(text: str) -> str:
    with pytest.raises(MalformedError) as caught:
        Identity.load(text)
    assert caught.value.fields == {"field": "identity"}
    return caught.value.code


def test_key_file_comes_back() -> None:
    text = ONE.dump()
    assert text.startswith("ESCROW-SECRET1")
    assert "\n" not in text
    assert Identity.load(f"{text}\n") == Identity.parse(text) == ONE


def test_key_file_with_passphrase_opens_to_that_passphrase_only() -> None:
    text = ONE.dump("Zürich in the rain")
    assert len(text) <= 128
    assert Identity.load(text, "Zu\u0308rich in the rain") == ONE  # the same letters, composed another way
    with pytest.raises(SetupError) as caught:
        Identity.load(text, "Zurich in the rain")
    assert caught.value.code == "passphrase_wrong"
    with pytest.raises(SetupError) as caught:
        Identity.load(text)
    assert caught.value.code == "passphrase_needed"


def test_empty_passphrase_is_refused() -> None:
    with pytest.raises(SetupError) as caught:
        ONE.dump("")
    assert caught.value.code == "passphrase_empty"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x01",
        b"\x01" + bytes(31),
        b"\x01" + bytes(33),
        b"\x00" + bytes(32),
        b"\x02" + bytes(32),
        b"\x03" + bytes(64),
    ],
    ids=len,
)
def test_key_file_of_unknown_kind_or_length_is_refused(body: bytes) -> None:
    assert refusal(bech32m.encode(PREFIX, body).upper()) == "key_file_malformed"


@pytest.mark.parametrize(
    "text",
    ["", "hello", ONE.dump().lower(), ONE.dump()[:-1], ONE.dump() + "Q", str(ONE.card), "é", ONE.dump() * 2],
)
def test_any_other_text_is_refused_as_key_file(text: str) -> None:
    assert refusal(text) == "key_file_malformed"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_seed_of_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Identity.from_seed(bytes(size))
    assert caught.value.code == "seed_length"


def test_generated_identities_differ() -> None:
    assert Identity.generate() != Identity.generate()


def test_seat_keys_of_other_seats_cases_and_parties_differ() -> None:
    places = [
        (ONE, "a", "x"),
        (ONE, "a", "y"),
        (ONE, "b", "x"),
        (ONE, "ax", ""),
        (scene.party("two"), "a", "x"),
    ]
    keys = [who.seat_keys(case, seat) for who, case, seat in places]
    assert len({k.opening_key for k in keys}) == len({k.kem_key for k in keys}) == len(places)
    assert ONE.seat_keys("a", "x").opening == keys[0].opening


def test_ticket_keys_for_anything_else_differ() -> None:
    digest, other = bytes(32), b"\x01" * 32
    places = [
        ("c", "r", "p", digest, NONCE),
        ("d", "r", "p", digest, NONCE),
        ("c", "s", "p", digest, NONCE),
        ("c", "r", "q", digest, NONCE),
        ("c", "r", "p", other, NONCE),
        ("c", "r", "p", digest, other),
        ("cr", "", "p", digest, NONCE),
    ]
    tickets = [ONE.ticket_keys(*place) for place in places]
    assert len({t.Q for t in tickets}) == len({t.kem_key for t in tickets}) == len(places)
    assert ONE.ticket_keys(*places[0]).q == tickets[0].q


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_ticket_nonce_of_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        ONE.ticket_keys("c", "r", "p", bytes(32), bytes(size))
    assert (caught.value.code, caught.value.fields) == ("nonce_length", {"field": "nonce"})


def test_own_key_never_gives_out_another_key() -> None:
    own = {ONE.own_key(label, *context) for label in Label for context in ((), (b"a",), (b"a", b"b"))}
    assert len(own) == 3 * len(Label)
    assert ONE.signing_seed() not in own
    assert ONE.own_key(Label.IDENTITY_CASE_KEY, b"a") == ONE.own_key(Label.IDENTITY_CASE_KEY, b"a")
    assert ONE.own_key(Label.IDENTITY_CASE_KEY, b"a") != scene.party("two").own_key(
        Label.IDENTITY_CASE_KEY, b"a"
    )
