"""A drop-off: the service seals a seat's plain file by that seat's signed order, where the charter allows it.

Rules (numbered as in README.md):
 X1  Only where the operator offers it (`drop_off_bytes`), and the charter in force allows it.
 X2  The order is read and judged before a byte of the document is sealed; a stranger's, or one whose
     signature is false, is answered as if there were no such case.
 X3  The plain file and every key are in the sealer's process alone (sealer.py), which ends with the drop-off.
 X4  What it sealed counts only by its entry, which is posted as every statement is, with all rules: after the
     whole document was here and was the one that the order promises. What breaks off leaves ciphertext that
     nothing opens, staged and swept.
 X5  An order enters once. The same again is answered with its first receipt, if the same document comes with
     it.
"""

from dataclasses import dataclass, replace

from escrow.crypto.payload import sealed_length
from escrow.errors import ForgedError, MalformedError, RefusedError, TooLargeError
from escrow.ledger.entry import UnverifiedEntry
from escrow.ledger.order import GoodOrder, SignedOrder, UnverifiedOrder, judge_order, verify_order
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head, compose
from escrow.model.drop_off import MAX_ORDER_FILE
from escrow.model.ids import CaseId, new_upload_id
from escrow.service.desk import Desk
from escrow.service.gate import unknown
from escrow.service.limits import require_room_to_deposit
from escrow.service.post import post
from escrow.service.sealing_process import PlainBody, SealingProcess
from escrow.service.uploads import begin_for
from escrow.store.journal import Receipt

FORM_BYTES = MAX_ORDER_FILE + 64 * 1024
"""What may stand around the document in the body: the order, and the form's own lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A good order, and the head it was judged at. `entry`: where it has entered already."""

    signed: SignedOrder
    good: GoodOrder | None
    head: Head
    entry: int | None


def drop_off(desk: Desk, case: CaseId, body: PlainBody, *, length: int, boundary: str) -> Receipt:
    """Seal what the form in `body`, of `length` bytes, brings; the receipt of the sealing statement.

    RefusedError `drop_offs_not_offered`, `record_taken`, and as `judge_order`; TooLargeError
    `drop_off_too_large`; MalformedError `drop_off_form_malformed`, `drop_off_file_differs`,
    `drop_off_cut_short`;
    UnavailableError `sealing_failed`, `service_key_not_held`.
    """
    _require_offered(desk, length)
    with SealingProcess(body, boundary) as sealer:
        raw = sealer.order()
        with desk.journal.looking(case) as state:
            task = _task(desk, state, raw)
        if task.good is None:
            sealer.check()
            return post(desk, case, _statement_at(desk, case, task), None)
        return _seal(desk, case, task.good, task.head, sealer)


def _require_offered(desk: Desk, length: int) -> None:
    """X1."""
    most = desk.settings.drop_off_bytes
    if most == 0:
        raise RefusedError("drop_offs_not_offered")
    if length > most + FORM_BYTES:
        raise TooLargeError("drop_off_too_large", field="request", limit=most)


def _task(desk: Desk, state: CaseState | None, raw: str) -> _Task:
    """X2 and X5."""
    signed = _signed(desk, state, raw)
    if state is None or signed is None:
        raise unknown()
    held = state.records.get(signed.order.record)
    if held is not None and held.ordered is not None and held.ordered.hash == signed.hash:
        return _Task(signed=signed, good=None, head=state.head, entry=held.n)
    good = judge_order(state, signed)
    desk.keys.require(state.service)
    order = good.order
    if held is not None:
        raise RefusedError("record_taken", record=order.record)
    if order.replaces is not None:
        state.record(order.replaces)
    if order.length > sealed_length(desk.settings.drop_off_bytes):
        raise TooLargeError("drop_off_too_large", field="order", limit=desk.settings.drop_off_bytes)
    require_room_to_deposit(desk, state, good.depositor)
    return _Task(signed=signed, good=good, head=state.head, entry=None)


def _signed(desk: Desk, state: CaseState | None, raw: str) -> SignedOrder | None:
    """As G3: None for a stranger and for a false signature, after a signature was checked in any case."""
    untrusted = UnverifiedOrder.parse(raw)
    try:
        if state is not None and state.known_card(untrusted.kid) is not None:
            return verify_order(state, raw)
        replace(untrusted.untrusted_jws, kid=desk.card.fingerprint).verify(desk.card)
    except ForgedError:
        pass
    return None


def _statement_at(desk: Desk, case: CaseId, task: _Task) -> str:
    """The sealing statement that this order has led to."""
    if task.entry is None:
        raise ValueError("an order that has entered has an entry")
    (entry,) = desk.journal.entries(case, after=task.entry - 1, limit=1)
    return UnverifiedEntry.parse(entry).untrusted_statement()


def _seal(desk: Desk, case: CaseId, good: GoodOrder, head: Head, sealer: SealingProcess) -> Receipt:
    """X3 and X4."""
    upload = new_upload_id()
    name = begin_for(desk, case, good.depositor.fingerprint, upload, good.order.length)
    seats = {seat for terms, _ in good.order.paths for seat in terms.policy.seats}
    ciphertext = sealer.seal(upload, good.charter.seats_public(sorted(seats)))
    try:
        desk.store.put_payload(name, ciphertext)
    except MalformedError as error:
        if error.code != "part_cut_short":
            raise
    deed = sealer.deed()  # or why it broke off
    statement = compose(desk.keys.require(good.order.service), deed, case=case, head=head)
    return post(desk, case, statement, None)
