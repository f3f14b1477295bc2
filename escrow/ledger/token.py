"""Tokens for reading: a short-lived JWT (RFC 7519) that a party signs with its own card for one service.

Self-contained: it carries the card, so checking it proves who asks and nothing about what they may read.
Checked in this order, as README.md has it: form, signature, audience, length of life, future, past. Every
refusal says the service's time, since a wrong clock is the usual cause.
"""

from datetime import datetime

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import ForgedError, MalformedError, UnauthorizedError
from escrow.ledger import jws
from escrow.model.path import MAX_CARD_TEXT
from escrow.model.wire import MAX_INTEGER, Fields, decode_json, to_time

TYP = "escrow-token+jwt"
MAX_TOKEN = 2048
MAX_AUDIENCE = 500
MAX_LIFETIME_S = 300
DEFAULT_LIFETIME_S = 240
SKEW_S = 60
"""How far a party's clock may be off, either way."""


def make(identity: Identity, audience: str, now: datetime, lifetime_s: int = DEFAULT_LIFETIME_S) -> str:
    """A token by this party for the service whose public URL is `audience`."""
    issued = int(now.timestamp())
    claims = {"iss": str(identity.card), "aud": audience, "iat": issued, "exp": issued + lifetime_s}
    return jws.sign(identity, TYP, claims)


def verify(text: str, audience: str, now: datetime) -> Card:
    """The card that made this token for this audience and this time; UnauthorizedError `token_*`,
    `server_time`.
    """
    server_time = to_time(now)

    def refuse(code: str) -> UnauthorizedError:
        return UnauthorizedError(code, server_time=server_time)

    try:
        token = jws.UnverifiedJws.parse(text, limit=MAX_TOKEN, field="token")
        token.require_typ(TYP)
        card, aimed_at, issued, expires = _claims(token.payload)
    except MalformedError as error:
        raise refuse("token_malformed") from error
    try:
        token.verify(card)
    except ForgedError as error:
        raise refuse("token_signature_false") from error
    if aimed_at != audience:
        raise refuse("token_wrong_audience")
    if not 0 < expires - issued <= MAX_LIFETIME_S:
        raise refuse("token_too_long")
    if issued > now.timestamp() + SKEW_S:
        raise refuse("token_from_future")
    if expires <= now.timestamp() - SKEW_S:
        raise refuse("token_stale")
    return card


def _claims(payload: bytes) -> tuple[Card, str, int, int]:
    fields = Fields(decode_json(payload, limit=MAX_TOKEN, field="token"), at="token")
    card = Card.parse(fields.text("iss", limit=MAX_CARD_TEXT))
    audience = fields.text("aud", limit=MAX_AUDIENCE)
    issued = fields.integer("iat", least=0, most=MAX_INTEGER)
    expires = fields.integer("exp", least=0, most=MAX_INTEGER)
    fields.done()
    return card, audience, issued, expires
