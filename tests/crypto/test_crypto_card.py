"""Cards have one spelling, and no card has a weak key."""

import crypto_scene as scene
import edwards_twin as twin
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.crypto import bech32m
from escrow.crypto.card import PREFIX, Card
from escrow.errors import MalformedError

GOOD = str(scene.party("one").card)

# BIP-350, "Test vectors for Bech32m" (BSD-2-Clause).
BIP_350_GOOD = [
    "A1LQFN3A",
    "a1lqfn3a",
    "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
    "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
    "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
    "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
    "?1v759aa",
]
BIP_350_BAD = {
    "prefix with a space": "\x201xj0phk",
    "prefix with a control letter": "\x7f1g6xzxy",
    "prefix not ASCII": "\x801vctc34",
    "too long": "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
    "no separator": "qyrz8wqd2c9m",
    "empty prefix": "1qyrz8wqd2c9m",
    "data letter": "y1b0jsk6g",
    "data letter i": "lt1igcx5c0",
    "checksum too short": "in1muywd",
    "letter in checksum": "mm1crxm3i",
    "another letter in checksum": "au1s5cgom",
    "checksum of the upper-case prefix": "M1VUXWEZ",
    "empty prefix again": "16plkw9",
    "and again": "1p2gdwpf",
    "bech32, not bech32m": "A12UEL5L",
    "mixed case": "a1LQFN3A",
}


def refusal(text: str) -> str:
    with pytest.raises(MalformedError) as caught:
        Card.parse(text)
    assert caught.value.fields == {"field": "card"}
    return caught.value.code


@pytest.mark.parametrize("text", BIP_350_GOOD)
def test_good_vectors_of_bip_350(text: str) -> None:
    prefix, words = bech32m.decode_words(text)
    assert prefix == text.lower().rpartition("1")[0]
    assert len(words) == len(text.rpartition("1")[2]) - 6


@pytest.mark.parametrize("why", BIP_350_BAD)
def test_bad_vectors_of_bip_350_are_refused(why: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        bech32m.decode_words(BIP_350_BAD[why])


@given(st.binary(max_size=40))
def test_any_bytes_come_back(data: bytes) -> None:
    text = bech32m.encode("x", data)
    assert bech32m.decode("x", text) == bech32m.decode("x", text.upper()) == data


@pytest.mark.parametrize("words", [[0] * 3, [0, 1], [0, 0, 0, 8], [31, 31]])
def test_padding_that_is_not_zero_or_too_long_is_refused(words: list[int]) -> None:
    check = bech32m._polymod([*bech32m._expand("x"), *words, *[0] * 6]) ^ bech32m._BECH32M
    letters = words + [check >> 5 * (5 - i) & 31 for i in range(6)]
    text = "x1" + "".join(bech32m._ALPHABET[word] for word in letters)
    assert bech32m.decode_words(text)[1] == words
    with pytest.raises(ValueError, match="padding"):
        bech32m.decode("x", text)


def test_card_comes_back_unchanged() -> None:
    card = Card.parse(GOOD)
    assert str(card) == GOOD
    assert card == scene.party("one").card
    assert len(card.fingerprint) == 64
    assert card.groups.replace(" ", "") == card.fingerprint[:32]
    assert [len(group) for group in card.groups.split()] == [4] * 8


@pytest.mark.parametrize("place", range(len(PREFIX) + 1, len(GOOD)))
def test_mistyped_letter_is_refused(place: int) -> None:
    typed = "q" if GOOD[place] != "q" else "p"
    assert refusal(GOOD[:place] + typed + GOOD[place + 1 :]) == "card_malformed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "escrowcard1",
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD}\n",
        GOOD[:-1],
        GOOD + "q",
        GOOD.replace("card", "care"),
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    assert refusal(text) == "card_malformed"


def test_key_file_given_as_a_card_is_refused() -> None:
    assert refusal(scene.party("one").dump()) == "card_malformed"


@pytest.mark.parametrize("size", [31, 33])
def test_card_of_another_length_is_refused(size: int) -> None:
    assert refusal(bech32m.encode(PREFIX, bytes(size))) == "point_length"


@pytest.mark.parametrize("order", range(8))
def test_card_of_low_order_is_refused(order: int) -> None:
    code = refusal(bech32m.encode(PREFIX, twin.LOW_ORDER[order].encode()))
    assert code == ("point_not_in_group" if order else "point_identity")


def test_card_of_mixed_order_is_refused() -> None:
    mixed = (5 * twin.B + twin.LOW_ORDER[3]).encode()
    assert refusal(bech32m.encode(PREFIX, mixed)) == "point_not_in_group"


def test_two_cards_have_two_fingerprints() -> None:
    assert scene.party("one").card.fingerprint != scene.party("two").card.fingerprint
