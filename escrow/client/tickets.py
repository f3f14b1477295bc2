"""A reader's ticket: one-time keys for one record, path and dealing, signed by the reader's card. No network.

The nonce is drawn here, by the reader's own client: one that somebody else chooses would make one Q serve two
records. Nothing needs to be stored: the keys follow from the reader's seed and the ticket's own words.
"""

import secrets

from escrow.crypto.identity import Identity
from escrow.ledger import jws
from escrow.model.handover import Introduction
from escrow.model.ticket import NONCE_BYTES, TYP, Ticket


def make_ticket(identity: Identity, introduction: Introduction, *, nonce: bytes | None = None) -> str:
    """The ticket in compact form, to be handed to a seat that will request. `nonce` is for tests only."""
    if nonce is None:
        nonce = secrets.token_bytes(NONCE_BYTES)
    place = (introduction.case, introduction.record, introduction.path)
    keys = identity.ticket_keys(*place, bytes.fromhex(introduction.dealing), nonce)
    ticket = Ticket.make(
        card=identity.card,
        case=introduction.case,
        record=introduction.record,
        path=introduction.path,
        dealing=introduction.dealing,
        nonce=nonce,
        keys=keys,
    )
    return jws.sign(identity, TYP, ticket.emit())
