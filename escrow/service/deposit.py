"""A deposit: the payload must be here, whole and as stated, before the entry that counts is written.

Rules (numbered as in README.md):
 D1  The payload's upload was announced by the depositor, is of the stated length, and complete. What another
     card announced is to the depositor as if it were not there.
 D2  What is stored has the stated length and SHA-256.
 D3  It is retained for a day before the append, and for the charter's term after it. A crash after D3's
     first half leaves a payload that expires and that no entry names. A crash before its second half is
     mended when the same statement is posted again, or by the sweep.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from escrow.crypto.card import Card
from escrow.errors import ForgedError, NotFoundError, RefusedError
from escrow.ledger.replay import admit_verified
from escrow.ledger.state import CaseState, RecordState
from escrow.ledger.statement import Statement
from escrow.model.deeds import sealing_in
from escrow.model.ids import CaseId, Hash
from escrow.model.record import Payload
from escrow.service.desk import Desk
from escrow.service.gate import unknown
from escrow.service.limits import require_room
from escrow.service.watching import completing
from escrow.store import names
from escrow.store.interface import Store

FIRST_RETENTION = timedelta(days=1)
"""Longer than any append takes, short enough that a deposit that never came to be is soon swept."""


def complete(desk: Desk, case: CaseId, verify: Callable[[CaseState | None], Statement]) -> None:
    """Make the payload of this statement whole, if the rules and the room would let the statement in.

    A payload of many gigabytes takes as long to hash as it takes, and nobody else's sign-off waits for that:
    the case is not held meanwhile. `prepare` then finds it done, and checks again under the case's lock.
    """
    with desk.journal.looking(case) as found:
        statement = verify(found)
        if found is None:
            raise unknown()
        admitted = admit_verified(found, statement, at=desk.clock())
        if admitted.already is None:
            require_room(desk, found, statement)
    sealed = sealing_in(statement.deed)
    if admitted.already is None and sealed is not None:
        with completing(desk.watch, sealed.body.payload.length):
            _stored(desk, case, sealed.body.payload, statement.author)


def prepare(desk: Desk, case: CaseId, payload: Payload, author: Card) -> None:
    """D1 to D3, first half."""
    name = _stored(desk, case, payload, author)
    keep(desk.store, name, desk.clock() + FIRST_RETENTION)


def _stored(desk: Desk, case: CaseId, payload: Payload, author: Card) -> str:
    """D1 and D2. The payload's name."""
    name = names.payload(case, payload.upload)
    try:
        plan = desk.store.upload_plan(name)
    except NotFoundError:
        plan = None
    if plan is None or plan.owner != author.fingerprint:
        raise RefusedError("payload_not_uploaded", upload=payload.upload)
    if plan.length != payload.length:
        raise _differs("length")
    stored = desk.store.complete_upload(name)
    if stored.length != payload.length:
        raise _differs("length")
    if stored.sha256 != payload.sha256:
        raise _differs("sha256")
    return name


def extend_retention(desk: Desk, case: CaseId, statement: Hash) -> None:
    """D3, second half, for the record that this statement sealed."""
    with desk.journal.reading(case) as state:
        n = state.statements[statement]
        record = next(record for record in reversed(state.records.values()) if record.n == n)
        name = names.payload(case, record.body.payload.upload)
        until = term_end(state, record)
    if until > desk.clock():
        keep(desk.store, name, until)


def term_end(state: CaseState, record: RecordState) -> datetime:
    """Until when the charter under which this record was sealed has its payload kept."""
    days = state.charters[record.charter].charter.retention_days
    return record.received_at + timedelta(days=days)


def keep(store: Store, name: str, until: datetime) -> None:
    """Retain a payload at least until then. Errors as `Store.retain`, except that longer is as well."""
    try:
        store.retain(name, until)
    except RefusedError as error:
        if (
            error.code != "retention_shortened"
        ):  # it stands for longer already: the same statement came before
            raise


def _differs(field: str) -> ForgedError:
    """It names nobody: the words are the author's, but nobody signed the bytes that are stored."""
    return ForgedError("payload_differs", field=field)
