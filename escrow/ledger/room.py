"""What a statement takes of the room in its case, counted to its author: the same for everybody who replays.

Whoever asks for consent pays for it: a request is counted with one sign-off of every seat of its path, a
proposed charter with the acceptance of everybody it needs. Those then cost who gives them nothing, so nobody
uses up another's room by asking. Who may take how much is for the service to say, not for the ledger.
"""

from escrow.ledger.order import UnverifiedOrder
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement
from escrow.model.charter import Charter
from escrow.model.deeds import (
    AnyDeed,
    CharterAccepted,
    CharterProposed,
    RecordDroppedOff,
    ReleaseRequested,
    SignedOff,
)
from escrow.model.ids import Fingerprint


def payer(statement: Statement) -> Fingerprint:
    """Who a statement that keeps the rules is counted to: its author, and a drop-off to who ordered it."""
    if isinstance(statement.deed, RecordDroppedOff):
        return UnverifiedOrder.parse(statement.deed.order).kid
    return statement.author.fingerprint


def charge(state: CaseState, deed: AnyDeed) -> int:
    """Entries that this deed, which keeps the rules, takes; asked before it enters `state`."""
    match deed:
        case CharterAccepted():
            return 0
        case SignedOff():
            return 1 if deed.seat in state.request(deed.request).counts else 0
        case ReleaseRequested():
            return 1 + len(state.record(deed.record).path(deed.path).seats)
        case CharterProposed():
            return charge_opening(deed.charter) + len(state.current.charter.seats)
        case _:
            return 1


def charge_opening(charter: Charter) -> int:
    """Entries that opening a case with this charter takes."""
    return 1 + len(charter.seats)
