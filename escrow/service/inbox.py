"""What waits for a party in all its cases: to accept, to check, to sign off, to open.

Rule I1: an item comes from one entry and stays until the ledger says it is done. The service cannot know
that somebody checked an envelope and found it good, or opened a release, so those items stay; the client
remembers what it has seen.

Rule I2: a case whose entries are no true chain is an item too, `damaged`, and hides nothing of the others. A
storage that fails is told as that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from escrow.errors import NotFoundError, UnavailableError
from escrow.ledger.state import CaseState, CharterStatus, RecordState, RequestState
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.wire import MAX_INTEGER
from escrow.policy.verdict import assess_date
from escrow.service.desk import Desk
from escrow.service.gate import require_index
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.journal import is_damage

CASES_AT_ONCE = 50
CASES_PER_ANSWER = 200
"""Replaying cases is the cost of an answer, so it is bounded by cases too, and not by items alone."""


class Kind(StrEnum):
    ACCEPT = "accept"
    CHECK_ENVELOPE = "check-envelope"
    SIGN_OFF = "sign-off"
    OPEN = "open"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do. `n`: the entry it comes from; `seats`: those of the caller that it concerns."""

    kind: Kind
    case: CaseId
    n: int
    seats: tuple[str, ...] = ()
    proposal: Hash | None = None
    record: RecordId | None = None
    path: str | None = None
    request: Hash | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything of `case` up to entry `n` was shown."""

    case: CaseId
    n: int


def read_inbox(
    desk: Desk, caller: Fingerprint, after: Cursor | None, limit: int
) -> tuple[tuple[Item, ...], Cursor | None]:
    """Up to `limit` items, by case and entry, and where to go on if there may be more."""
    found: list[Item] = []
    for count, case in enumerate(_cases(desk, caller, after), start=1):
        items = _items_of(desk, caller, case)
        if after is not None and case == after.case:
            items = [item for item in items if item.n > after.n]
        for item in items:
            if len(found) == limit:
                return tuple(found), Cursor(case=found[-1].case, n=found[-1].n)
            found.append(item)
        if count == CASES_PER_ANSWER:
            return tuple(found), Cursor(case=case, n=MAX_INTEGER)
    return tuple(found), None


def _cases(desk: Desk, caller: Fingerprint, after: Cursor | None) -> Iterator[CaseId]:
    """The caller's cases, that of the cursor first, since it may hold more."""
    prefix = names.card_indexes(caller)
    last = ""
    if after is not None:
        require_index(desk, after.case, caller)
        yield after.case
        last = names.card_index(caller, after.case)
    while True:
        page = desk.store.names(Bucket.LEDGER, prefix, after=last, limit=CASES_AT_ONCE)
        for name in page:
            yield names.parse_card_index(name).case
        if len(page) < CASES_AT_ONCE:
            return
        last = page[-1]


def _items_of(desk: Desk, caller: Fingerprint, case: CaseId) -> list[Item]:
    try:
        with desk.journal.reading(case) as state:
            items = [*_accept(state, caller), *_check(state, caller), *_release(state, caller, desk.clock())]
    except NotFoundError:
        return []  # an index whose append never happened
    except UnavailableError as error:
        if not is_damage(error):
            raise
        return [Item(kind=Kind.DAMAGED, case=case, n=0)]
    return sorted(items, key=lambda item: item.n)


def _accept(state: CaseState, caller: Fingerprint) -> Iterator[Item]:
    for charter in state.charters.values():
        seats = tuple(seat for seat, fingerprint in charter.missing if fingerprint == caller)
        if seats and charter.status is CharterStatus.PENDING:
            yield Item(kind=Kind.ACCEPT, case=state.case, n=charter.n, seats=seats, proposal=charter.proposal)


def _check(state: CaseState, caller: Fingerprint) -> Iterator[Item]:
    for record in state.records.values():
        reported = {(path, seat) for path, seat, _ in record.reports}
        seats = tuple(
            dict.fromkeys(
                seat
                for path in record.paths
                for seat in _held(record, path, caller)
                if (path, seat) not in reported
            )
        )
        if seats and record.author.fingerprint != caller:
            yield Item(
                kind=Kind.CHECK_ENVELOPE, case=state.case, n=record.n, seats=seats, record=record.body.record
            )


def _release(state: CaseState, caller: Fingerprint, at: datetime) -> Iterator[Item]:
    for asked in state.requests.values():
        item = (
            _sign_off(state, asked, caller, at) if asked.released_at is None else _open(state, asked, caller)
        )
        if item is not None:
            yield item


def _sign_off(state: CaseState, asked: RequestState, caller: Fingerprint, at: datetime) -> Item | None:
    record = state.record(asked.record)
    date = record.path(asked.path).record_path.terms.not_before
    if date is not None and not assess_date(date, at).met:
        return None
    seats = tuple(seat for seat in _held(record, asked.path, caller) if seat not in asked.sign_offs)
    if not seats:
        return None
    return Item(
        kind=Kind.SIGN_OFF, case=state.case, n=asked.n, seats=seats, record=asked.record, path=asked.path,
        request=asked.hash,
    )  # fmt: skip


def _open(state: CaseState, asked: RequestState, caller: Fingerprint) -> Item | None:
    if not any(card.fingerprint == caller for card in state.readers_of(asked.hash)):
        return None
    return Item(
        kind=Kind.OPEN, case=state.case, n=asked.n, record=asked.record, path=asked.path, request=asked.hash
    )


def _held(record: RecordState, path: str, caller: Fingerprint) -> tuple[str, ...]:
    """Seats of a record's path that this card holds, as sealed."""
    return tuple(seat.seat for seat in record.path(path).seats if seat.fingerprint == caller)
