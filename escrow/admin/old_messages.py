"""Remove what webhooks have left (rule W10, as in README.md).

Of a message nothing is removed while it may still be tried. Once it was delivered or given up, or its hook is
closed or gone, all that is known of it goes `KEPT` after the newest of it: the message first, since
without it the marks say nothing, while a message without its marks would be delivered again. A closed hook
goes likewise, what opened it first. Of the notes how far everybody has looked, the newest two stay.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from escrow.admin.release import Clock
from escrow.store import hooks, names
from escrow.store.changes import minute_of
from escrow.store.clocks import require_clock
from escrow.store.interface import Bucket
from escrow.store.listing import every_name
from escrow.store.names import OutboxName, Sent
from escrow.store.opening import Archive
from escrow.webhooks import outbox

KEPT: Final = timedelta(days=30)
"""Who misses a message asks within that time; a deliverer that comes back later repeats some."""
LOOKED_KEPT: Final = 2
_RECORDS: Final = Bucket.RECORDS


def old_messages(archive: Archive, *, clock: Clock, kept: timedelta = KEPT) -> Iterator[str]:
    """Names that may go, in the order in which they must. SetupError `clocks_differ` (W5)."""
    require_clock(archive.sweeper.now(), clock())
    now = archive.sweeper.now()
    standing = hooks.listed(archive.store, names.HOOKS)
    every = hooks.outbox(archive.store, names.OUTBOX)
    for hook, marks in groupby(every, key=lambda one: (one.fingerprint, one.hook)):
        is_open = not standing.get(hook, True)
        for _, group in groupby(marks, key=lambda one: (one.minute, one.message)):
            yield from _outlived(list(group), minute_of(now - kept), is_open=is_open)
    for (owner, hook_id), closed in standing.items():
        if closed:
            yield from _closed(archive, owner, hook_id, now - kept)
    yield from list(every_name(archive.store, _RECORDS, names.LOOKED))[:-LOOKED_KEPT]


def _outlived(known: list[OutboxName], limit: int, *, is_open: bool) -> Iterator[str]:
    """`limit`: the minute before which the newest must be."""
    (found,) = outbox.read(known)
    newest = max([found.place.minute, *(one.at for one in known if one.at is not None)])
    if newest < limit and not (is_open and found.is_open):
        for one in sorted(known, key=lambda one: one.what is not Sent.MESSAGE):
            yield names.outbox(one)


def _closed(archive: Archive, owner: str, hook: str, limit: datetime) -> Iterator[str]:
    if archive.sweeper.written_at(_RECORDS, names.hook_closed(owner, hook)) < limit:
        yield names.hook_opened(owner, hook)
        yield names.hook_closed(owner, hook)
