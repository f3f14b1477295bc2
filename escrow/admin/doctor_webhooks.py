"""The doctor's question about webhooks: does anybody deliver them?

A deliverer notes every half hour how far it has looked (`looked/<minute>`, rule F3 of escrow/webhooks), as
soon as a card has a hook, and is a quarter of an hour behind on purpose.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from escrow.admin.finding import Finding, ok, warning
from escrow.config import Settings
from escrow.errors import SetupError
from escrow.store import hooks, names
from escrow.store.changes import minute_of
from escrow.store.interface import Bucket
from escrow.store.listing import every_name
from escrow.store.opening import open_archive

SILENT: Final = timedelta(minutes=60)
"""A note is up to three quarters of an hour old where all is well."""


def look_at_webhooks(settings: Settings) -> Iterator[Finding]:
    """UnavailableError where the storage cannot be asked."""
    if not settings.hooks_per_card:
        return
    with open_archive(settings.store) as archive:
        store, now = archive.store, minute_of(archive.sweeper.now())
        if all(hooks.listed(store, names.HOOKS).values()):
            yield ok("webhooks", "no card has a hook, so there is nothing to deliver")
            return
        noted = map(names.parse_looked, every_name(store, Bucket.RECORDS, names.LOOKED))
        newest = max((one for one in noted if one <= now), default=None)
    if newest is None:
        yield warning("webhooks", SetupError("doctor_webhooks_never"))
    elif now - newest > SILENT.total_seconds() / 60:
        yield warning("webhooks", SetupError("doctor_webhooks_silent", hours=max(1, (now - newest) // 60)))
    else:
        yield ok("webhooks", f"delivered; noted {now - newest} minutes ago")
