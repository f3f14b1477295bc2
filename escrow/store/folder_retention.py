"""How long payloads are retained, in a folder: one empty file for every time ever set, and the latest stands.

Nothing is ever rewritten, so two processes that set different times at once cannot shorten each other's.
"""

import os
from contextlib import suppress
from datetime import datetime

from escrow.errors import RefusedError
from escrow.store import names
from escrow.store.disk import Disk, entries
from escrow.store.interface import Bucket
from escrow.store.retention import whole_second


class FolderRetention:
    """Marks in the records folder; escrow/store/interface.py says what each call decides."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def extend(self, name: str, until: datetime) -> None:
        """Set a time that is not before the one that stands."""
        wanted = whole_second(until)
        standing = self.latest(name)
        if standing is not None and wanted < standing:
            raise RefusedError("retention_shortened", until=standing.isoformat())
        self._disk.create(Bucket.RECORDS, names.retention(name, wanted), b"")

    def forget(self, name: str, *, until: datetime) -> None:
        """Remove the marks of a payload that is gone; none of a later time, which somebody is setting now."""
        folder = self._folder(name)
        for last in self._marks(name):
            if names.parse_retention(last) <= until:
                with suppress(FileNotFoundError):
                    os.unlink(f"{folder}/{last}")
        with suppress(OSError):
            os.rmdir(folder)

    def latest(self, name: str) -> datetime | None:
        """The time that stands."""
        return max(map(names.parse_retention, self._marks(name)), default=None)

    def _marks(self, name: str) -> list[str]:
        return [last for last in entries(self._folder(name)) if names.is_retention(last)]

    def _folder(self, name: str) -> str:
        return self._disk.path(Bucket.RECORDS, names.retention_folder(name))
