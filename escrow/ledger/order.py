"""A drop-off order as signed words, and whether a case lets the service carry it out.

The same questions are asked before the service seals anything, when the sealing enters, and by everybody who
replays it (S10 in README.md).
"""

from dataclasses import dataclass

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label
from escrow.errors import ForgedError, RefusedError
from escrow.ledger import jws
from escrow.ledger.state import CaseState, CharterState, holdings
from escrow.model.deeds import RecordSealed
from escrow.model.drop_off import MAX_ORDER, TYP, DropOffOrder
from escrow.model.ids import Fingerprint, Hash


def sign_order(identity: Identity, order: DropOffOrder) -> str:
    """The compact form. TooLargeError where its paths list more readers than an order can carry."""
    raw = jws.sign(identity, TYP, order.emit())
    UnverifiedOrder.parse(raw)
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedOrder:
    """Well-formed, and no more. `kid`: who is said to have signed it; `hash` names it."""

    raw: str
    hash: Hash
    kid: Fingerprint
    untrusted_jws: jws.UnverifiedJws

    @classmethod
    def parse(cls, raw: str) -> "UnverifiedOrder":
        token = jws.UnverifiedJws.parse(raw, limit=MAX_ORDER, field="order")
        token.require_typ(TYP)
        return cls(raw=raw, hash=token.name(Label.DROP_OFF_ORDER), kid=token.kid, untrusted_jws=token)

    def verify(self, card: Card) -> DropOffOrder:
        """Signature first, then the words. ForgedError `signature_false`; MalformedError."""
        self.untrusted_jws.verify(card)
        return DropOffOrder.parse(self.untrusted_jws.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodOrder:
    """An order that its case allows. `depositor` signed it, with these seats of this charter."""

    hash: Hash
    order: DropOffOrder
    depositor: Card
    seats: tuple[str, ...]
    charter: CharterState


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """Signed by this card of the case beyond doubt."""

    hash: Hash
    order: DropOffOrder
    depositor: Card


def verify_order(state: CaseState, raw: str) -> SignedOrder:
    """L2, for an order. ForgedError `order_signer_unknown`, `order_signature_false` (signer); MalformedError.

    Neither names an author: whoever quotes a false order answers for it, not who is said to have signed it.
    """
    untrusted = UnverifiedOrder.parse(raw)
    card = state.known_card(untrusted.kid)
    if card is None:
        raise ForgedError("order_signer_unknown", signer=untrusted.kid)
    try:
        order = untrusted.verify(card)
    except ForgedError as error:
        raise ForgedError("order_signature_false", signer=untrusted.kid) from error
    return SignedOrder(hash=untrusted.hash, order=order, depositor=card)


def judge_order(state: CaseState, signed: SignedOrder) -> GoodOrder:
    """S10, all that can be asked of an order alone, the record's id apart.

    RefusedError `order_for_other_case`, `order_for_other_service`, `charter_not_accepted`,
    `charter_not_in_force`, `drop_off_not_allowed`, `not_a_seat`, and what the charter's templates refuse.
    """
    order, card = signed.order, signed.depositor
    if order.case != state.case:
        raise RefusedError("order_for_other_case", case=order.case)
    if order.service != state.service:
        raise RefusedError("order_for_other_service", expected=state.service.fingerprint)
    charter = state.require_in_force(order.charter)
    if not charter.charter.drop_off:
        raise RefusedError("drop_off_not_allowed")
    seats = holdings(charter.charter, card.fingerprint)
    if not seats:
        raise RefusedError("not_a_seat", author=card.fingerprint)
    for terms, _ in order.paths:
        charter.charter.path(terms.name).require_instance(terms)
    return GoodOrder(hash=signed.hash, order=order, depositor=card, seats=seats, charter=charter)


def require_carried_out(good: GoodOrder, sealed: RecordSealed, author: Card) -> None:
    """The sealing is of this order, to the letter. ForgedError `order_not_followed` (field, author)."""
    order, body = good.order, sealed.body
    followed = {
        "record": order.record == body.record,
        "charter": order.charter == body.charter,
        "label": order.label == body.label,
        "replaces": order.replaces == body.replaces,
        "length": order.length == body.payload.length,
        "paths": tuple(raw for _, raw in order.paths) == tuple(path.terms_raw for path in body.paths),
    }
    for field, same in followed.items():
        if not same:
            raise ForgedError("order_not_followed", field=field, author=author.fingerprint)
