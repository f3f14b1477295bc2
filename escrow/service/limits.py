"""How much one case may hold. Rules (numbered as in README.md):

M1  A statement is at most `statement_bytes` long. M2  A case takes at most `records_per_case` records and
`entries_per_case` entries. M3  The last tenth of the entries is kept for consent: accepting, signing off,
withdrawing. Otherwise one seat could fill a case with notes and keep everybody from ever releasing a
record.
"""

from escrow.errors import RefusedError, TooLargeError
from escrow.ledger.state import CaseState
from escrow.model.deeds import AnyDeed, CharterAccepted, RecordSealed, SignedOff, SignOffWithdrawn
from escrow.service.desk import Desk

_CONSENT = (CharterAccepted, SignedOff, SignOffWithdrawn)


def require_statement_size(desk: Desk, raw: str) -> None:
    """M1. A statement is ASCII, so characters are bytes."""
    if len(raw) > desk.settings.statement_bytes:
        raise TooLargeError("field_too_large", field="statement", limit=desk.settings.statement_bytes)


def require_room(desk: Desk, state: CaseState, deed: AnyDeed) -> None:
    """M2 and M3."""
    most = desk.settings.entries_per_case
    if not isinstance(deed, _CONSENT):
        most -= most // 10
    if state.head.n + 1 >= most:
        raise RefusedError("case_full", limit=most)
    if isinstance(deed, RecordSealed) and len(state.records) >= desk.settings.records_per_case:
        raise RefusedError("records_full", limit=desk.settings.records_per_case)
