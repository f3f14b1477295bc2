"""How long payloads are retained, in a folder: one empty file for every time ever set, and the latest stands.

Nothing is ever rewritten, so two processes that set different times at once cannot shorten each other's.
Whoever sets a mark or removes the payload holds the payload's lock (flock) meanwhile: either the mark is
seen, or the payload is gone. The kernel drops the lock of a process that dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime

from escrow.errors import NotFoundError, RefusedError
from escrow.store import names
from escrow.store.disk import Disk, entries, opened
from escrow.store.interface import Bucket
from escrow.store.retention import whole_second


class FolderRetention:
    """Marks in the records folder; escrow/store/interface.py says what each call decides."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def extend(self, name: str, until: datetime) -> None:
        """Set a time that is not before the one that stands."""
        wanted = whole_second(until)
        with self.held(name):
            standing = self.latest(name)
            if standing is not None and wanted < standing:
                raise RefusedError("retention_shortened", until=standing.isoformat())
            self._disk.create(Bucket.RECORDS, names.retention(name, wanted), b"")

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """No mark is set and the payload is not removed meanwhile. NotFoundError `object_unknown`."""
        path = self._disk.path(Bucket.RECORDS, name)
        with ExitStack() as until_done:
            try:
                # NFS grants an exclusive lock only on a file open for writing
                payload = until_done.enter_context(opened(path, os.O_RDWR))
                fcntl.flock(payload, fcntl.LOCK_EX)
                there = os.stat(path, follow_symlinks=False)
            except FileNotFoundError as error:
                raise NotFoundError("object_unknown") from error
            if not os.path.samestat(os.fstat(payload), there):  # removed while we waited; this is another
                raise NotFoundError("object_unknown")
            yield

    def forget(self, name: str) -> None:
        """Remove the marks of a payload that is about to go."""
        folder = self._disk.path(Bucket.RECORDS, names.retention_folder(name))
        for last in entries(folder):
            with suppress(FileNotFoundError):
                os.unlink(f"{folder}/{last}")
        with suppress(OSError):
            os.rmdir(folder)

    def latest(self, name: str) -> datetime | None:
        """The time that stands."""
        folder = self._disk.path(Bucket.RECORDS, names.retention_folder(name))
        marks = (last for last in entries(folder) if names.is_retention(last))
        return max(map(names.parse_retention, marks), default=None)
