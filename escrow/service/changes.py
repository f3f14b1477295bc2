"""Which of the caller's cases may have grown since a cursor: a thousand are followed without asking each.

Rules (numbered as in README.md):
 C1  Only cases in which the caller is a member or a named reader are told; of others neither that they are
     there nor that they changed. A card with no case is answered without looking at changes at all.
 C2  No change is lost to who polls by `next`: not by services whose clocks differ, nor by a pause between two
     pages. The same case may be told again, with the same head.
 C3  A cursor older than what is kept is refused, for what came in between would be missed in silence.
 C4  An answer is bounded: cases by `limit`, changes looked through by SCAN and the minute it ends in.
"""

from dataclasses import dataclass
from datetime import timedelta

from escrow.errors import MalformedError, NotFoundError, UnavailableError
from escrow.model.ids import CaseId, Fingerprint
from escrow.model.wire import to_time
from escrow.service.desk import Desk
from escrow.service.reading import belongs
from escrow.store import names
from escrow.store.changes import KEPT, OVERLAP_MINUTES, changes, minute_of, time_of
from escrow.store.interface import Bucket
from escrow.store.journal import is_damage
from escrow.store.listing import every_name

SCAN = 10_000
"""Changes of anybody that one answer looks through; ten listings."""
OLDEST = KEPT - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place among the changes: all before `minute` were read, and of that minute those up to `case`.

    `back`: the minute from which the next round reads, where this one is not over; else None.
    """

    minute: int
    case: CaseId = ""
    back: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A case that may have grown. `n`: the number of its last entry; None: it cannot be read now."""

    case: CaseId
    n: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesView:
    """`next` is where to go on, always; at once if there is `more`."""

    cases: tuple[Changed, ...]
    next: Cursor
    more: bool


def read_changes(desk: Desk, caller: Fingerprint, after: Cursor | None, limit: int) -> ChangesView:
    """Up to `limit` of the caller's cases, each once. `after` None: none, and the cursor to begin with.

    MalformedError `cursor_too_old` (C3).
    """
    now = minute_of(desk.clock())
    start = max(0, now - OVERLAP_MINUTES)
    if after is None:
        return ChangesView(cases=(), next=Cursor(minute=start), more=False)
    _require_kept(desk, after)
    back = start if after.back is None else min(start, after.back)
    return _read(desk, caller, after, back, limit)


def _require_kept(desk: Desk, after: Cursor) -> None:
    """C3."""
    oldest = minute_of(desk.clock() - OLDEST)
    if after.minute < oldest:
        raise MalformedError("cursor_too_old", field="after", oldest=to_time(time_of(oldest)))


def _read(desk: Desk, caller: Fingerprint, after: Cursor, back: int, limit: int) -> ChangesView:
    """`back`: where the next round begins, once this one is over (C2)."""
    found: dict[CaseId, Changed] = {}
    mine = _indexed(desk, caller)
    place, looked = after, 0
    for one in changes(desk.store, _name(after)) if mine else ():
        if looked >= SCAN and one.minute != place.minute:  # a cursor within a minute names one of C1
            return ChangesView(
                cases=tuple(found.values()), next=Cursor(minute=one.minute, back=back), more=True
            )
        looked += 1
        place = Cursor(minute=one.minute, case=one.case, back=back)
        if one.case not in mine or one.case in found:
            continue
        changed = _look(desk, caller, one.case)
        if changed is not None:
            found[one.case] = changed
        if len(found) == limit:
            return ChangesView(cases=tuple(found.values()), next=place, more=True)
    return ChangesView(cases=tuple(found.values()), next=Cursor(minute=back), more=False)


def _indexed(desk: Desk, caller: Fingerprint) -> frozenset[CaseId]:
    """Cases for which the caller has an index object: one listing for each thousand."""
    found = every_name(desk.store, Bucket.LEDGER, names.card_indexes(caller))
    return frozenset(names.parse_card_index(name).case for name in found)


def _look(desk: Desk, caller: Fingerprint, case: CaseId) -> Changed | None:
    """C1: None where it is none of the caller's business (any more), or never came to be."""
    try:
        with desk.journal.reading(case) as state:
            return Changed(case=case, n=state.head.n) if belongs(state, caller) else None
    except NotFoundError:
        return None
    except UnavailableError as error:
        if not is_damage(error):
            raise
        return Changed(case=case, n=None)


def _name(place: Cursor) -> str:
    return names.change(place.minute, place.case) if place.case else names.changes_in(place.minute)
