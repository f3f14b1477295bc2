"""A sign-off: its share object is verified and stored before the entry that counts it is written.

Rules (numbered as in README.md):
 F1  The share object travels with the statement.
 F2  It is the one that the statement names, for that request and seat, and every proof in it holds
     (ledger/shares.py); a false one names the seat.
 F3  It is stored create-only before the append, and nobody but its author reads it before the release.
"""

from escrow.errors import MalformedError, TooLargeError
from escrow.ledger.shares import require_share_object
from escrow.ledger.state import CaseState
from escrow.model.deeds import SignedOff
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.service.desk import Desk
from escrow.service.gate import create
from escrow.store import names
from escrow.store.interface import Bucket


def prepare(desk: Desk, state: CaseState, deed: SignedOff, attachment: bytes | None) -> None:
    """F1 to F3."""
    if attachment is None:
        raise MalformedError("attachment_missing", field="attachment")
    if len(attachment) > MAX_SHARE_OBJECT:
        raise TooLargeError("field_too_large", field="attachment", limit=MAX_SHARE_OBJECT)
    require_share_object(state, deed.request, deed.seat, deed.shares, attachment)
    create(desk, Bucket.RECORDS, names.share(state.case, deed.shares), attachment)
