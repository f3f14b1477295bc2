"""Remove from a folder what no entry names. That nothing retained goes is asked of the marks beside it.

A payload is hidden first (`discarded/`), in one step, and then its marks are looked at. Whoever marks a
payload looks after that whether it is still there. So a mark is seen here, and the payload put back, or its
setter is told that the payload is unknown. What a crash leaves hidden is put back by `FolderStore.check`, or
the removal is finished by the next one.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from escrow.errors import MalformedError, NotFoundError, RefusedError
from escrow.store import names
from escrow.store.disk import Disk, entries, flush_folder
from escrow.store.folder_retention import FolderRetention
from escrow.store.interface import Bucket

_RECORDS = Bucket.RECORDS


class FolderSweeper:
    """Keeps the contract of escrow/store/interface.py `Sweepable`."""

    def __init__(self, root: Path) -> None:
        self._disk = Disk(root)
        self._retention = FolderRetention(self._disk)

    def now(self) -> datetime:
        """A folder has no clock but this machine's."""
        return datetime.now(UTC)

    def written_at(self, bucket: Bucket, name: str) -> datetime:
        names.require_object(bucket, name)
        try:
            found = os.stat(self._disk.path(bucket, name), follow_symlinks=False)
        except FileNotFoundError as error:
            raise NotFoundError("object_unknown") from error
        return datetime.fromtimestamp(found.st_mtime, UTC)

    def discard_upload(self, name: str) -> None:
        names.parse_payload(name)
        with self._disk.errors(_RECORDS):
            if os.path.lexists(self._disk.path(_RECORDS, name)):
                raise RefusedError("upload_completed")
            if os.path.lexists(self._disk.path(_RECORDS, names.discarded(name))):
                self._discard_payload(name)  # what another sweep has broken off
            self._remove_parts(name)
            if os.path.lexists(self._disk.path(_RECORDS, name)):  # completed of parts that were there before
                raise RefusedError("upload_completed")
            self._remove(names.upload_plan(name))
            self._remove_parts(name)  # sent by somebody who saw the plan

    def discard(self, name: str) -> None:
        names.require_discardable(name)
        with self._disk.errors(_RECORDS):
            if names.is_payload(name):
                self._discard_payload(name)
            else:
                self._remove(name)
            self._tidy(name)

    def _tidy(self, name: str) -> None:
        """Folders into which nobody writes any more, if they are empty: of a minute that is long over, of a
        message, of a closed hook.
        """
        levels = {names.CHANGES: 1, names.HOOKS: 1, names.OUTBOX: 2}.get(f"{name.partition('/')[0]}/", 0)
        folder = self._disk.path(_RECORDS, name)
        with suppress(OSError):  # something lies there
            for _ in range(levels):
                folder = os.path.dirname(folder)
                os.rmdir(folder)

    def _discard_payload(self, name: str) -> None:
        self._require_over(name)
        target = self._disk.path(_RECORDS, name)
        hidden = self._disk.path(_RECORDS, names.discarded(name))
        self._disk.require_folder(os.path.dirname(hidden))
        again = True
        while again:
            with suppress(FileNotFoundError):  # gone, or hidden by another sweep
                os.rename(target, hidden)
            try:
                seen = self._require_over(name)
            except RefusedError:
                put_back(self._disk, name)
                raise
            self._remove(names.discarded(name))
            again = os.path.lexists(target)  # a start of the service has put it back meanwhile
        with suppress(FileNotFoundError):
            flush_folder(os.path.dirname(target))
        self._retention.forget(name, until=seen)

    def _require_over(self, name: str) -> datetime:
        """RefusedError "object_retained" (until); else the time by which no mark stands any more."""
        until, now = self._retention.latest(name), self.now()
        if until is not None and until > now:
            raise RefusedError("object_retained", until=until.isoformat())
        return now

    def _remove_parts(self, name: str) -> None:
        folder = self._disk.path(_RECORDS, names.part_folder(name))
        for last in entries(folder):
            with suppress(FileNotFoundError):  # another sweep was first
                os.unlink(f"{folder}/{last}")
        with suppress(OSError):  # not there; or a part came just now, and whoever sent it is told
            os.rmdir(folder)

    def _remove(self, name: str) -> None:
        path = self._disk.path(_RECORDS, name)
        with suppress(FileNotFoundError):
            os.unlink(path)
            flush_folder(os.path.dirname(path))


def put_back(disk: Disk, name: str) -> None:
    """Undo the hiding of a payload, unless another has its name by now."""
    hidden = disk.path(_RECORDS, names.discarded(name))
    target = disk.path(_RECORDS, name)
    with suppress(FileNotFoundError):  # another was first
        with suppress(FileExistsError):
            os.link(hidden, target)
        flush_folder(os.path.dirname(target))
        os.unlink(hidden)


def put_back_all(disk: Disk) -> None:
    """What removals that a crash broke off have hidden."""
    for last in entries(disk.path(_RECORDS, names.DISCARDED)):
        with suppress(MalformedError):  # not ours
            place = names.parse_part_folder(last)
            put_back(disk, names.payload(place.case, place.upload))
