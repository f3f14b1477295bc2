"""Who is asking: a Caller, from the `Authorization` header and nothing else.

A token proves which card asks (escrow/ledger/token.py); what that card may see is decided in
escrow/service. Writing needs no token, since a statement carries its author's signature.
"""

from dataclasses import dataclass

from flask import g, request

from escrow.api.limiting import limits
from escrow.crypto.card import Card
from escrow.errors import UnauthorizedError
from escrow.ledger import jws, token
from escrow.model.deeds import SignedOff
from escrow.model.ids import Fingerprint
from escrow.model.wire import to_time
from escrow.service.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The card that signed the token; None: nobody said who they are."""

    card: Card | None

    @property
    def fingerprint(self) -> Fingerprint | None:
        return None if self.card is None else self.card.fingerprint


def identify(desk: Desk) -> Caller:
    """The caller of this request, for whom it is counted (L1). A token that is there must be good.

    UnauthorizedError `token_*`, `server_time`; TooManyError.
    """
    caller = _verified(desk)
    if caller.fingerprint is not None:
        g.left = limits().card(caller.fingerprint)
    return caller


def count_posting(desk: Desk, case: str, statement: str) -> None:
    """Count a posting for the card of its token, else for its case (L1 to L3); `case` empty: an opening.

    UnauthorizedError `token_*`, `server_time`; TooManyError.
    """
    _count(desk, case, sign_off=jws.untrusted_typ(statement) == SignedOff.TYP)


def count_drop_off(desk: Desk, case: str) -> None:
    """As `count_posting`, before anything of the form is read."""
    _count(desk, case, sign_off=False)


def _count(desk: Desk, case: str, *, sign_off: bool) -> None:
    caller = _verified(desk)
    if caller.fingerprint is None:
        g.left = limits().case(case, sign_off=sign_off)
    else:
        g.left = limits().card(caller.fingerprint, sign_off=sign_off)


def _verified(desk: Desk) -> Caller:
    header = request.headers.get("Authorization")
    if header is None:
        return Caller(card=None)
    now = desk.clock()
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise UnauthorizedError("token_malformed", server_time=to_time(now))
    return Caller(card=token.verify(text.strip(" "), desk.settings.public_url, now))


def insist(desk: Desk) -> Fingerprint:
    """The fingerprint of a caller who must say who they are.

    UnauthorizedError `token_missing`, `server_time`.
    """
    caller = identify(desk)
    if caller.fingerprint is None:
        raise UnauthorizedError("token_missing", server_time=to_time(desk.clock()))
    return caller.fingerprint
