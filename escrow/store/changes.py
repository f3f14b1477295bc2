"""The changes feed: which cases may have grown, by the minute, so that nobody has to ask every case.

Before an entry is written, an object `changes/<minute>/<case>` is, by the clock of whichever service writes
it. Its name says all. It costs one call for each case, minute and process; what follows in the same minute
costs none. A crash between change and entry leaves a change that leads to a case as it was: no harm.

A reader who has come to a minute looks again from `OVERLAP_MINUTES` before its own clock on: a service whose
clock is behind writes into minutes that are over, and an entry comes a moment after its change.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import Bucket, Store
from escrow.store.listing import every_name
from escrow.store.names import ChangeName

CHANGE: Final = b"escrow.change.v1\n"
OVERLAP_MINUTES: Final = 15
"""Ten by which clocks of two services differ at most (each starts within five of the storage's, and J7 asks
the same of entries), and five that an append may take after its change was written.
"""
KEPT: Final = timedelta(days=90)
"""A sweep may remove changes that are older."""
_REMEMBERED: Final = 100_000
"""Cases of one minute that a process remembers to have noted; beyond that it notes some twice."""
_MINUTE: Final = timedelta(minutes=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def minute_of(at: datetime) -> int:
    """Whole minutes from 1970 to an aware time."""
    return (at - _EPOCH) // _MINUTE


def time_of(minute: int) -> datetime:
    """When a minute begins, aware UTC."""
    return _EPOCH + minute * _MINUTE


class ChangeNotes:
    """What one process has noted, shared by its threads. `clock` gives aware times."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._guard = Lock()
        self._minute = -1
        self._noted: set[CaseId] = set()

    def note(self, case: CaseId, *, not_before: datetime | None = None) -> None:
        """Say that this case is about to grow. Called right before each attempt to append.

        `not_before`: when the case last grew, by the ledger; a clock behind that is known to be wrong.
        UnavailableError `storage_failed`, `storage_full`: then nothing may be appended either.
        """
        now = self._clock()
        minute = minute_of(now if not_before is None else max(now, not_before))
        with self._guard:
            if minute != self._minute or len(self._noted) >= _REMEMBERED:
                self._minute, self._noted = minute, set()
            if case in self._noted:
                return
        self._store.create(Bucket.RECORDS, names.change(minute, case), CHANGE)
        with self._guard:
            if minute == self._minute:
                self._noted.add(case)


def changes(store: Store, after: str) -> Iterator[ChangeName]:
    """Every change whose name comes after this text (`names.changes_in`, `names.change`), in order.

    One store call for each thousand.
    """
    for name in every_name(store, Bucket.RECORDS, names.CHANGES, after=after):
        yield names.parse_change(name)
