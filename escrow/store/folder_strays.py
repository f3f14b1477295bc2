"""What lies in a store's folder, or in a copy of buckets, and is no object of ours: by its name or its kind.

Nothing is followed, opened or sorted. A folder in which no object of ours can lie is named, not entered.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from escrow.store import names
from escrow.store.disk import Disk
from escrow.store.interface import Bucket, Stray, StrayKind


class FolderStrays:
    """Keeps the contract of escrow/store/interface.py `Strays`."""

    def __init__(self, root: Path) -> None:
        self._disk = Disk(root)

    def strays(self, bucket: Bucket) -> Iterator[Stray]:
        return self._walk(bucket, "")

    def _walk(self, bucket: Bucket, folder: str) -> Iterator[Stray]:
        """`folder` is empty, or ends in "/"; names of folders are at most four deep."""
        try:
            found = os.scandir(self._disk.path(bucket, folder))
        except FileNotFoundError:
            return
        except OSError:
            yield Stray(name=folder, kind=StrayKind.UNREADABLE)
            return
        with found:
            for item in found:
                with suppress(FileNotFoundError):  # a living service's writing is over
                    yield from self._look(bucket, folder + item.name, item)

    def _look(self, bucket: Bucket, name: str, item: os.DirEntry[str]) -> Iterator[Stray]:
        if item.is_dir(follow_symlinks=False):
            if names.is_folder(bucket, f"{name}/"):
                yield from self._walk(bucket, f"{name}/")
            else:
                yield Stray(name=f"{name}/", kind=StrayKind.FOLDER)
        elif item.is_symlink():
            yield Stray(name=name, kind=StrayKind.LINK)
        elif not item.is_file(follow_symlinks=False):
            yield Stray(name=name, kind=StrayKind.SPECIAL)
        elif not names.is_object(bucket, name) and not names.is_working_file(bucket, name):
            yield Stray(name=name, kind=StrayKind.NAME)
