"""Signed words: compact JWS (RFC 7515) by Ed25519 (RFC 9864, RFC 8037), in one strict spelling.

The header holds exactly `alg`, `kid` (the signer's fingerprint) and `typ` (kind and version of what is
signed). All three parts are canonical base64url, so that one signed text has one spelling. What was signed is
kept as received and never written out again. This file knows who signed which bytes; what the bytes say,
others read.

A signed thing is named by the hash of its signing input. The signature itself is not covered: a second
signature over the same words is the same statement.
"""

from dataclasses import dataclass
from functools import lru_cache

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label, digest
from escrow.errors import ForgedError, MalformedError, TooLargeError
from escrow.model.ids import FINGERPRINT_BYTES, Fingerprint, Hash
from escrow.model.wire import Fields, Json, decode_json, encode_json, from_base64, to_base64

ALGORITHM = "Ed25519"
MAX_HEADER = 256
"""Bytes. Three short members, a fingerprint of 64 characters among them."""
MAX_TYP = 64
SIGNATURE_BYTES = 64


class _Registry(jws.JWSRegistry):
    """The library's own limit on a payload is too small for many seats; ours stand beside each format."""

    max_payload_length = 2**31


_REGISTRY = _Registry(algorithms=[ALGORITHM])
_ED25519 = _REGISTRY.get_alg(ALGORITHM)


def sign(identity: Identity, typ: str, payload: Json) -> str:
    """Sign one JSON object as this party. The compact form."""
    card = identity.card
    key = OKPKey.import_key(
        {"kty": "OKP", "crv": ALGORITHM, "x": to_base64(card.public), "d": to_base64(identity.signing_seed())}
    )
    header = {"alg": ALGORITHM, "kid": card.fingerprint, "typ": typ}
    return jws.serialize_compact(header, encode_json(payload), key, registry=_REGISTRY)


def untrusted_typ(compact: str) -> str | None:
    """What this calls itself, at little cost however long it is; None: it has no header of the form."""
    header, dot, _ = compact[: 2 * MAX_HEADER].partition(".")
    try:
        return _header(from_base64(header, field="header"), at="header")[1] if dot else None
    except MalformedError:
        return None


def _header(raw: bytes, *, at: str) -> tuple[Fingerprint, str]:
    fields = Fields(decode_json(raw, limit=MAX_HEADER, field=at), at=at)
    fields.choice("alg", (ALGORITHM,))
    kid = fields.hex("kid", size=FINGERPRINT_BYTES)
    typ = fields.text("typ", limit=MAX_TYP)
    fields.done()
    return kid, typ


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedJws:
    """Well-formed, and no more: who signed it is a claim until `verify`."""

    compact: str
    typ: str
    kid: Fingerprint
    payload: bytes
    signing_input: bytes
    signature: bytes
    field: str

    @classmethod
    def parse(cls, compact: str, *, limit: int, field: str) -> "UnverifiedJws":
        """Read at most `limit` characters. MalformedError (naming `field`) for whatever is not exactly of the
        form.
        """
        if len(compact) > limit:
            raise TooLargeError("field_too_large", field=field, limit=limit)
        parts = compact.split(".")
        if len(parts) != 3:
            raise MalformedError("jws_malformed", field=field)
        header, payload, signature = (from_base64(part, field=field) for part in parts)
        if len(signature) != SIGNATURE_BYTES:
            raise MalformedError("jws_malformed", field=field)
        kid, typ = _header(header, at=f"{field}.header")
        signing_input = compact.rpartition(".")[0].encode("ascii")
        return cls(
            compact=compact,
            typ=typ,
            kid=kid,
            payload=payload,
            signing_input=signing_input,
            signature=signature,
            field=field,
        )

    def require_typ(self, typ: str) -> None:
        """MalformedError `jws_typ_unexpected`: signed for another use."""
        if self.typ != typ:
            raise MalformedError("jws_typ_unexpected", field=self.field, expected=typ)

    def verify(self, card: Card) -> None:
        """Insist that this card signed these bytes. ForgedError `signature_false`, with `author`."""
        author = card.fingerprint
        if self.kid != author:
            raise ForgedError("signature_false", author=self.kid)
        try:
            genuine = _ED25519.verify(self.signing_input, self.signature, _key(card.public))
        except (JoseError, ValueError) as error:
            raise ForgedError("signature_false", author=author) from error
        if not genuine:
            raise ForgedError("signature_false", author=author)

    def name(self, label: Label) -> Hash:
        """The hash that names what was signed, as this kind of thing."""
        return digest(label, self.signing_input).hex()


@lru_cache(maxsize=1024)
def _key(public: bytes) -> OKPKey:
    """Reading a key again for every entry that it signed would cost half as much as the checking."""
    return OKPKey.import_key({"kty": "OKP", "crv": ALGORITHM, "x": to_base64(public)})
