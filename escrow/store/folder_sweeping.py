"""Remove from a folder what no entry names. That nothing retained goes is asked of the marks beside it."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from escrow.errors import NotFoundError, RefusedError
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
            folder = self._disk.path(_RECORDS, names.part_folder(name))
            for last in entries(folder):
                with suppress(FileNotFoundError):  # another sweep was first
                    os.unlink(f"{folder}/{last}")
            with suppress(FileNotFoundError):
                os.rmdir(folder)
            self._remove(names.upload_plan(name))

    def discard(self, name: str) -> None:
        names.require_discardable(name)
        with self._disk.errors(_RECORDS):
            if names.is_payload(name):
                until = self._retention.latest(name)
                if until is not None and until > self.now():
                    raise RefusedError("object_retained", until=until.isoformat())
                self._retention.forget(name)
            self._remove(name)

    def _remove(self, name: str) -> None:
        path = self._disk.path(_RECORDS, name)
        with suppress(FileNotFoundError):
            os.unlink(path)
            flush_folder(os.path.dirname(path))
