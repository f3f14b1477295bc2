"""Take a signed statement for a case: the one way to change anything.

Order (numbered as in README.md): T1 size and form, T2 the author (G3), T3 the rules of the ledger, T4 room in
the case, T5 what this kind of statement needs stored or checked beside it, and last the note that the case is
about to grow (store/changes.py), T6 the append, T7 what follows from it. What takes long of T5, making a
payload whole, is done once T3 and T4 have been asked and before the case is held. A refusal at any step
leaves nothing that counts; T5 may leave objects that no entry names, which are the same when the statement
comes again.
"""

from escrow.errors import MalformedError
from escrow.ledger.replay import Admitted
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement, UnverifiedStatement
from escrow.model.deeds import (
    SEALING,
    CharterAccepted,
    CharterProposed,
    RecordDroppedOff,
    RecordSealed,
    ReleaseRequested,
    SignedOff,
)
from escrow.model.ids import CaseId
from escrow.service import deposit, request, sign_off
from escrow.service.desk import Desk
from escrow.service.gate import mend_index, require_author
from escrow.service.limits import require_room, require_statement_size
from escrow.service.open_case import prepare_charter, require_card, require_card_still
from escrow.service.watching import Post, posting
from escrow.store.journal import Receipt


def post(desk: Desk, case: CaseId, raw: str, attachment: bytes | None) -> Receipt:
    """Append a statement; the same again gives the first receipt. `attachment`: a sign-off's share object."""
    with posting(desk.watch) as under_way:
        under_way.receipt = _post(desk, case, raw, attachment, under_way)
    return under_way.receipt


def _post(desk: Desk, case: CaseId, raw: str, attachment: bytes | None, under_way: Post) -> Receipt:
    require_statement_size(desk, raw)
    untrusted = UnverifiedStatement.parse(raw)
    under_way.kind = untrusted.typ
    if attachment is not None and untrusted.typ != SignedOff.TYP:
        raise MalformedError("attachment_unexpected", field="attachment")

    def verify(state: CaseState | None) -> Statement:
        return require_author(desk, state, untrusted)

    def prepare(state: CaseState, admitted: Admitted) -> None:
        require_room(desk, state, admitted.statement)
        _prepare(desk, state, admitted, attachment)
        desk.notes.note(case, not_before=state.received_at)

    if untrusted.typ in SEALING:
        deposit.complete(desk, case, verify)
    receipt = desk.journal.append(case, raw, verify=verify, prepare=prepare)
    if untrusted.typ in SEALING:
        deposit.extend_retention(desk, case, untrusted.hash)
    if not receipt.created:
        mend_index(desk, case, receipt.statement)
    return receipt


def _prepare(desk: Desk, state: CaseState, admitted: Admitted, attachment: bytes | None) -> None:
    """T5."""
    statement = admitted.statement
    match statement.deed:
        case CharterProposed() as deed:
            require_card(desk, state, deed.charter)
            prepare_charter(desk, state.case, deed.charter)
        case CharterAccepted() as deed:
            require_card_still(desk, state, state.charters[deed.proposal].charter)
        case RecordSealed() as deed:
            deposit.prepare(desk, state.case, deed.body.payload, statement.author)
        case RecordDroppedOff() as deed:
            deposit.prepare(desk, state.case, deed.sealed.body.payload, statement.author)
        case ReleaseRequested() as deed:
            request.prepare(desk, state.case, deed)
        case SignedOff() as deed:
            sign_off.prepare(desk, state, deed, attachment)
        case _:
            pass
