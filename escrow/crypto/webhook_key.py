"""The key by which a service signs its webhooks: Ed25519, derived from its identity, apart from all others.

In the form of Standard Webhooks (asymmetric signatures, `v1a`): the public half is `whpk_` and 32 bytes in
base64, a signature is `v1a,` and 64 bytes in base64. What exactly is signed, escrow/model/webhook.py says.
"""

import base64
import binascii

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from escrow.crypto.group import Point
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label
from escrow.errors import ForgedError, MalformedError

PUBLIC = "whpk_"
VERSION = "v1a,"
PUBLIC_BYTES, SIGNATURE_BYTES = 32, 64


def public_key(identity: Identity) -> str:
    """What receivers check by: `whpk_...`."""
    return PUBLIC + base64.b64encode(bytes(_key(identity).verify_key)).decode("ascii")


def sign(identity: Identity, signed: bytes) -> str:
    """`v1a,...` over these bytes."""
    return VERSION + base64.b64encode(_key(identity).sign(signed).signature).decode("ascii")


def verify(public: str, signed: bytes, signature: str) -> None:
    """MalformedError `webhook_key_malformed`; ForgedError `webhook_signature_false`."""
    try:
        if not public.startswith(PUBLIC):
            raise ValueError("another kind of key")
        raw = _decode(public.removeprefix(PUBLIC), PUBLIC_BYTES)
        Point.decode(raw, field="key")
    except (ValueError, MalformedError):
        raise MalformedError("webhook_key_malformed", field="key") from None
    try:
        if not signature.startswith(VERSION):
            raise ValueError("another kind of signature")
        VerifyKey(raw).verify(signed, _decode(signature.removeprefix(VERSION), SIGNATURE_BYTES))
    except (ValueError, BadSignatureError):
        raise ForgedError("webhook_signature_false") from None


def _decode(text: str, size: int) -> bytes:
    """Base64 in its one spelling. ValueError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(raw) != size or base64.b64encode(raw).decode("ascii") != text:
        raise ValueError("not base64 of this length")
    return raw


def _key(identity: Identity) -> SigningKey:
    return SigningKey(identity.own_key(Label.IDENTITY_WEBHOOK))
