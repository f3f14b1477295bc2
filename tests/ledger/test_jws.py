"""Signed words in one strict spelling. RFC 8037 appendix A gives an outside signature."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as outside
from joserfc.jwk import OKPKey
from support.build import party
from support.refusals import refuses

from escrow.crypto.card import Card
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError, ForgedError, MalformedError, TooLargeError
from escrow.ledger import jws
from escrow.model.wire import from_base64, to_base64

ALICE, MALLORY = party("alice"), party("mallory")
TYP = "escrow.test.v1"
LIMIT = 10_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def parse(compact: str, limit: int = LIMIT) -> jws.UnverifiedJws:
    return jws.UnverifiedJws.parse(compact, limit=limit, field="token")


def signed(payload: dict[str, object] | None = None) -> str:
    return jws.sign(ALICE, TYP, payload or {"a": 1})


def with_header(**changed: object) -> str:
    """A token whose header was changed after signing."""
    header = {"alg": "Ed25519", "kid": ALICE.card.fingerprint, "typ": TYP} | changed
    kept = {name: value for name, value in header.items() if value is not None}
    return ".".join([to_base64(json.dumps(kept).encode()), *signed().split(".")[1:]])


def test_what_was_signed_is_read_back() -> None:
    token = parse(signed({"b": [1, "ü"]}))
    token.verify(ALICE.card)
    assert (token.typ, token.kid) == (TYP, ALICE.card.fingerprint)
    assert json.loads(token.payload) == {"b": [1, "ü"]}


def test_another_library_call_verifies_what_we_sign() -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": to_base64(ALICE.card.public)})
    assert outside.deserialize_compact(signed(), key, algorithms=["Ed25519"]).payload == b'{"a":1}'


def test_the_signature_of_rfc_8037_is_verified() -> None:
    """Appendix A.4: key and message signed as EdDSA; the primitive is the same under its newer name."""
    card = Card(from_base64("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", field="x"))
    words = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = from_base64(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", field="s"
    )
    token = parse(signed())
    replace(token, kid=card.fingerprint, signing_input=words.encode(), signature=signature).verify(card)


def test_payload_beyond_the_librarys_own_limit_is_signed_and_read() -> None:
    large = jws.sign(ALICE, TYP, {"a": "x" * 500_000})
    parse(large, limit=1_000_000).verify(ALICE.card)


def test_name_covers_the_words_and_not_the_signature() -> None:
    header, payload, signature = signed().split(".")
    other = to_base64(bytes(64))
    again = parse(f"{header}.{payload}.{other}")
    assert again.name(Label.STATEMENT) == parse(signed()).name(Label.STATEMENT)
    assert signature != other
    assert parse(signed({"a": 2})).name(Label.STATEMENT) != again.name(Label.STATEMENT)
    assert again.name(Label.ENTRY) != again.name(Label.STATEMENT)


def test_signature_by_another_key_is_refused() -> None:
    with refuses(ForgedError, "signature_false", author=ALICE.card.fingerprint):
        parse(signed()).verify(MALLORY.card)


def test_signature_by_another_key_under_a_borrowed_name_is_refused() -> None:
    payload = jws.sign(MALLORY, TYP, {"a": 1}).split(".")
    header = to_base64(json.dumps({"alg": "Ed25519", "kid": ALICE.card.fingerprint, "typ": TYP}).encode())
    with refuses(ForgedError, "signature_false", author=ALICE.card.fingerprint):
        parse(".".join([header, *payload[1:]])).verify(ALICE.card)


def test_changed_payload_is_refused() -> None:
    header, _, signature = signed().split(".")
    with refuses(ForgedError, "signature_false"):
        parse(f"{header}.{to_base64(b'{}')}.{signature}").verify(ALICE.card)


def test_signature_with_a_scalar_beyond_the_order_is_refused() -> None:
    """s + L verifies under a careless library, and would be a second spelling of one signature."""
    from escrow.crypto.group import L

    header, payload, signature = signed().split(".")
    raw = from_base64(signature, field="s")
    s = int.from_bytes(raw[32:], "little") + L
    with refuses(ForgedError, "signature_false"):
        parse(f"{header}.{payload}.{to_base64(raw[:32] + s.to_bytes(32, 'little'))}").verify(ALICE.card)


def test_second_spelling_of_the_last_letter_is_refused() -> None:
    header, payload, signature = signed().split(".")
    last = LETTERS[LETTERS.index(signature[-1]) + 1]
    assert base64.urlsafe_b64decode(signature[:-1] + last + "==") == base64.urlsafe_b64decode(
        signature + "=="
    )
    with refuses(MalformedError, "field_not_base64url", field="token"):
        parse(f"{header}.{payload}.{signature[:-1]}{last}")


@pytest.mark.parametrize("spoil", ["{}=", " {}", "{}\n", "{}.", ".{}", "ü{}"])
def test_padding_spaces_and_extra_parts_are_refused(spoil: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse(spoil.format(signed()))
    assert caught.value.code in {"jws_malformed", "field_not_base64url"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"alg": "none"}, "field_not_a_choice"),
        ({"alg": "EdDSA"}, "field_not_a_choice"),
        ({"alg": "HS256"}, "field_not_a_choice"),
        ({"alg": None}, "field_missing"),
        ({"typ": None}, "field_missing"),
        ({"typ": 1}, "field_not_text"),
        ({"kid": None}, "field_missing"),
        ({"kid": "AB" * 32}, "field_not_hex"),
        ({"crit": ["b64"]}, "field_unknown"),
        ({"b64": False}, "field_unknown"),
        ({"jwk": {}}, "field_unknown"),
    ],
)
def test_header_that_is_not_exactly_ours_is_refused(changed: dict[str, object], code: str) -> None:
    with refuses(MalformedError, code):
        parse(with_header(**changed))


def test_header_with_a_repeated_member_is_refused() -> None:
    header = b'{"alg":"Ed25519","alg":"none","kid":"%s","typ":"t"}' % ALICE.card.fingerprint.encode()
    with refuses(MalformedError, "field_not_json", field="token.header"):
        parse(".".join([to_base64(header), *signed().split(".")[1:]]))


def test_oversized_token_is_refused_before_it_is_decoded() -> None:
    with refuses(TooLargeError, "field_too_large", field="token", limit=20):
        parse("!" * 21, limit=20)


def test_oversized_header_is_refused() -> None:
    with refuses(TooLargeError, "field_too_large", field="token.header"):
        parse(with_header(typ="t" * 1000))


def test_signature_of_wrong_length_is_refused() -> None:
    header, payload, _ = signed().split(".")
    with refuses(MalformedError, "jws_malformed"):
        parse(f"{header}.{payload}.{to_base64(bytes(63))}")


@given(st.text(max_size=200) | st.lists(st.text(alphabet=LETTERS, max_size=60), max_size=5).map(".".join))
def test_junk_never_raises_anything_foreign(junk: str) -> None:
    with pytest.raises(EscrowError):
        parse(junk).verify(ALICE.card)


def test_kind_is_peeked_at_whatever_follows() -> None:
    assert jws.untrusted_typ(signed()) == TYP
    assert jws.untrusted_typ(signed().partition(".")[0] + ".\x00" + "x" * 10_000) == TYP


@pytest.mark.parametrize("junk", ["", ".", "..", "e30.e30.e30", "x" * 10_000, "\u0661.\u0661.", "!!!.a.b"])
def test_kind_of_what_has_no_header_is_none(junk: str) -> None:
    assert jws.untrusted_typ(junk) is None
    assert jws.untrusted_typ(with_header(alg="none")) is None


@given(st.text(max_size=600))
def test_peeking_at_junk_never_raises(junk: str) -> None:
    assert jws.untrusted_typ(junk) is None
