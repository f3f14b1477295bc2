"""Remove what the changes feed has kept for long enough (rule W9, as in README.md).

Changes are removed once they are older than `KEPT` by the storage's clock, whatever they say: they lead to
cases, and nothing counts by them. Who polls with an older cursor is refused before (C3 of the service).
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile

from escrow.admin.release import Clock
from escrow.store import names
from escrow.store.changes import KEPT, minute_of
from escrow.store.clocks import require_clock
from escrow.store.interface import Bucket
from escrow.store.listing import every_name
from escrow.store.opening import Archive


def old_changes(archive: Archive, *, clock: Clock, kept: timedelta = KEPT) -> Iterator[str]:
    """Names of changes that may go, oldest first. SetupError `clocks_differ` (W5)."""
    require_clock(archive.sweeper.now(), clock())
    limit = names.changes_in(max(0, minute_of(archive.sweeper.now() - kept)))
    return takewhile(lambda name: name < limit, every_name(archive.store, Bucket.RECORDS, names.CHANGES))
