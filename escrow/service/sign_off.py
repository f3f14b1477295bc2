"""A sign-off: its share object is verified and stored before the entry that counts it is written.

Rules (numbered as in README.md):
 F1  The share object travels with the statement.
 F2  It is the one that the statement names, for that request and seat, and every proof in it holds
     (ledger/shares.py); a false one names the seat.
 F3  It is stored create-only before the append, and nobody but its author reads it before the release.
 F4  A path's date has come only when the service's clock says so too, and not the ledger's time alone: that
     one follows a clock that once was ahead, for as long as it was.
"""

from escrow.errors import MalformedError, RefusedError, TooLargeError
from escrow.ledger.shares import require_share_object
from escrow.ledger.state import CaseState
from escrow.model.deeds import SignedOff
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.model.wire import to_time
from escrow.policy.verdict import assess_date
from escrow.service.desk import Desk
from escrow.service.gate import create
from escrow.store import names
from escrow.store.interface import Bucket


def prepare(desk: Desk, state: CaseState, deed: SignedOff, attachment: bytes | None) -> None:
    """F1 to F4."""
    if attachment is None:
        raise MalformedError("attachment_missing", field="attachment")
    if len(attachment) > MAX_SHARE_OBJECT:
        raise TooLargeError("field_too_large", field="attachment", limit=MAX_SHARE_OBJECT)
    _require_date(desk, state, deed)
    require_share_object(state, deed.request, deed.seat, deed.shares, attachment)
    create(desk, Bucket.RECORDS, names.share(state.case, deed.shares), attachment)


def _require_date(desk: Desk, state: CaseState, deed: SignedOff) -> None:
    """F4. Whether the ledger's time is there, its rules have asked (S7)."""
    asked = state.request(deed.request)
    terms = state.record(asked.record).path(asked.path).record_path.terms
    if terms.not_before is not None and not assess_date(terms.not_before, desk.clock()).met:
        raise RefusedError("too_early", path=terms.name, opens_at=to_time(terms.not_before))
