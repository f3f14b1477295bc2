"""A drop-off: the service seals a seat's plain file by that seat's signed order, where the charter allows it.

Rules (numbered as in README.md):
 X1  Only where the operator offers it (`drop_off_bytes`), and the charter in force allows it.
 X2  The order is read and judged before anything else of the form is, and before a sealer is started; a
     stranger's, or one whose signature is false, is answered as if there were no such case.
 X3  The plain file, what is said of it, and every key are in the sealer's process alone (sealer.py), which
     ends with the drop-off. The worker reads the order (order_ahead.py), which is for the ledger.
 X4  What it sealed counts only by its entry, which is posted as every statement is, with all rules: after the
     whole document was here and was the one that the order promises. What breaks off leaves ciphertext that
     nothing opens, staged and swept.
 X5  An order enters once. The same again is answered with its first receipt, if the same document comes with
     it; so is one that was being sealed when the other entered, and what was staged for it counts no more.
"""

from dataclasses import dataclass, replace

from escrow.crypto.payload import sealed_length
from escrow.errors import ForgedError, MalformedError, RefusedError, TooLargeError
from escrow.ledger.entry import UnverifiedEntry
from escrow.ledger.order import GoodOrder, SignedOrder, UnverifiedOrder, judge_order, verify_order
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head, compose
from escrow.model.drop_off import MAX_ORDER_FILE
from escrow.model.ids import CaseId
from escrow.service.desk import Desk
from escrow.service.gate import unknown
from escrow.service.limits import require_room_to_deposit
from escrow.service.post import post
from escrow.service.sealing_process import PlainBody, SealingProcess
from escrow.service.uploads import begin_for, upload_for
from escrow.store.journal import Receipt

FORM_BYTES = MAX_ORDER_FILE + 64 * 1024
"""What may stand around the document in the body: the order, and the form's own lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A good order, and the head it was judged at. `entry`: where it has entered already."""

    raw: str
    signed: SignedOrder
    good: GoodOrder | None
    head: Head
    entry: int | None


def require_offered(desk: Desk, length: int) -> None:
    """X1, for a form of so many bytes.

    RefusedError `drop_offs_not_offered`; TooLargeError `drop_off_too_large`.
    """
    most = desk.settings.drop_off_bytes
    if most == 0:
        raise RefusedError("drop_offs_not_offered")
    if length > most + FORM_BYTES:
        raise TooLargeError("drop_off_too_large", field="request", limit=most)


def judge(desk: Desk, case: CaseId, raw: str) -> Task:
    """X2: what this order, in compact form, asks for.

    NotFoundError `not_found`; RefusedError `record_taken`, and as `judge_order`; TooLargeError
    `drop_off_too_large`; UnavailableError `service_key_not_held`; MalformedError.
    """
    untrusted = UnverifiedOrder.parse(raw)
    with desk.journal.looking(case) as state:
        return _task(desk, state, untrusted)


def drop_off(desk: Desk, case: CaseId, task: Task, form: PlainBody, *, boundary: str) -> Receipt:
    """Seal what the form brings, by the order in it that was judged; the receipt of the sealing statement.

    MalformedError `drop_off_form_malformed`, `drop_off_file_differs`, `drop_off_cut_short`; UnavailableError
    `sealing_failed`.
    """
    with SealingProcess(form, boundary) as sealer:
        sealer.require_order(task.raw)
        if task.good is None:
            sealer.check()
            return post(desk, case, _statement_at(desk, case, task), None)
        statement = _seal(desk, case, task.good, task.head, sealer)
    try:
        return post(desk, case, statement, None)
    except RefusedError as error:
        if error.code != "record_taken":
            raise
        return post(desk, case, _statement_at(desk, case, judge(desk, case, task.raw)), None)


def _task(desk: Desk, state: CaseState | None, untrusted: UnverifiedOrder) -> Task:
    """X2 and X5."""
    raw = untrusted.raw
    signed = _signed(desk, state, untrusted)
    if state is None or signed is None:
        raise unknown()
    held = state.records.get(signed.order.record)
    if held is not None and held.ordered is not None and held.ordered.hash == signed.hash:
        return Task(raw=raw, signed=signed, good=None, head=state.head, entry=held.n)
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
    return Task(raw=raw, signed=signed, good=good, head=state.head, entry=None)


def _signed(desk: Desk, state: CaseState | None, untrusted: UnverifiedOrder) -> SignedOrder | None:
    """As G3: None for a stranger and for a false signature, after a signature was checked in any case."""
    try:
        if state is not None and state.known_card(untrusted.kid) is not None:
            return verify_order(state, untrusted.raw)
        replace(untrusted.untrusted_jws, kid=desk.card.fingerprint).verify(desk.card)
    except ForgedError:
        pass
    return None


def _statement_at(desk: Desk, case: CaseId, task: Task) -> str:
    """The sealing statement that this order has led to."""
    if task.entry is None:
        raise ValueError("an order that has entered has an entry")
    (entry,) = desk.journal.entries(case, after=task.entry - 1, limit=1)
    return UnverifiedEntry.parse(entry).untrusted_statement()


def _seal(desk: Desk, case: CaseId, good: GoodOrder, head: Head, sealer: SealingProcess) -> str:
    """X3 and X4: the sealing statement."""
    upload = upload_for(good.hash)
    name = begin_for(desk, case, good.depositor.fingerprint, upload, good.order.length)
    seats = {seat for terms, _ in good.order.paths for seat in terms.policy.seats}
    ciphertext = sealer.seal(upload, good.charter.seats_public(sorted(seats)))
    try:
        desk.store.put_payload(name, ciphertext)
    except MalformedError as error:
        if error.code != "part_cut_short":
            raise
    deed = sealer.deed()  # or why it broke off
    return compose(desk.keys.require(good.order.service), deed, case=case, head=head)
