"""The store in a local folder: three folders, one for each bucket, in which an object's name is its path.

Good for one machine, and for a network filesystem that has hard links and locks; any number of threads and
processes may share it. How a file comes to be is in disk.py, how a payload comes to be in folder_uploads.py.
It decides who was first and knows nothing of what it keeps. Retention is written down here, not enforced:
whoever may write the folder may delete from it.
"""

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from escrow.errors import MalformedError, SetupError, UnavailableError
from escrow.store import names
from escrow.store.canary import require_create_only
from escrow.store.disk import Disk
from escrow.store.folder_listing import Listings
from escrow.store.folder_retention import FolderRetention
from escrow.store.folder_sweeping import put_back_all
from escrow.store.folder_uploads import FolderUploads
from escrow.store.interface import MAX_PAGE, Bucket, Outcome, PartReceipt, StoredPayload, UploadPlan

_RECORDS = Bucket.RECORDS


class FolderStore:
    """Keeps the contract of escrow/store/interface.py `Store` in the folder `root`. Makes it at first use."""

    def __init__(self, root: Path) -> None:
        self._disk = Disk(root)
        self._uploads = FolderUploads(self._disk)
        self._retention = FolderRetention(self._disk)
        self._listings = Listings()

    def check(self) -> None:
        try:
            for bucket in Bucket:
                with self._disk.errors(bucket):
                    self._disk.sweep(bucket)
            require_create_only(self)
            with self._disk.errors(_RECORDS):
                put_back_all(self._disk)
                self._uploads.sweep()
        except UnavailableError as error:
            if error.code != "storage_failed":
                raise
            raise SetupError("store_unusable", **error.fields) from error  # at start-up, a wrong setting

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        names.require_object(bucket, name)
        with self._disk.errors(bucket):
            return self._disk.create(bucket, name, data)

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        names.require_object(bucket, name)
        with self._disk.errors(bucket):
            return self._disk.read(bucket, name, limit=limit)

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = MAX_PAGE) -> list[str]:
        names.require_prefix(prefix)
        if not 1 <= limit <= MAX_PAGE:
            raise MalformedError("page_limit_out_of_range", field="limit", limit=MAX_PAGE)
        page: list[str] = []
        with self._disk.errors(bucket):
            for name in self._walk(bucket, prefix, after):
                page.append(name)
                if len(page) == limit:
                    break
        return page

    def begin_upload(self, name: str, plan: UploadPlan) -> None:
        with self._disk.errors(_RECORDS):
            self._uploads.begin(name, plan)

    def upload_plan(self, name: str) -> UploadPlan:
        with self._disk.errors(_RECORDS):
            return self._uploads.plan(name)

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        with self._disk.errors(_RECORDS):
            return self._uploads.put_part(name, number, body)

    def put_payload(self, name: str, body: BinaryIO, *, sha256: str | None = None) -> StoredPayload:
        with self._disk.errors(_RECORDS):
            return self._uploads.put_payload(name, body, sha256)

    def part_addresses(self, name: str, numbers: Sequence[int], *, valid_s: int) -> list[str] | None:
        return None  # whoever reaches the folder is the service

    def parts(self, name: str) -> list[PartReceipt]:
        with self._disk.errors(_RECORDS):
            return self._uploads.parts(name)

    def complete_upload(self, name: str) -> StoredPayload:
        with self._disk.errors(_RECORDS):
            return self._uploads.complete(name)

    def payload(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        with self._disk.errors(_RECORDS):
            return self._uploads.payload(name, start, stop)

    def payload_length(self, name: str) -> int:
        with self._disk.errors(_RECORDS):
            return self._uploads.length(name)

    def retain(self, name: str, until: datetime) -> None:
        with self._disk.errors(_RECORDS):
            self._uploads.length(name)
            self._retention.extend(name, until)
            self._uploads.length(name)  # a sweep that did not see the mark has hidden the payload by now

    def retention(self, name: str) -> datetime | None:
        with self._disk.errors(_RECORDS):
            self._uploads.length(name)
            return self._retention.latest(name)

    def _walk(self, bucket: Bucket, folder: str, after: str) -> Iterator[str]:
        """Object names under `folder` (empty, or ending in "/"), in order.

        No folder that lies wholly before `after` is entered: a page costs the folders on its way, no more.
        """
        for name in self._after(bucket, folder, after):
            if name.endswith("/"):
                if names.is_prefix(name):
                    yield from self._walk(bucket, name, after)
            elif names.is_object(bucket, name):
                yield name

    def _after(self, bucket: Bucket, folder: str, after: str) -> Iterator[str]:
        """What a folder holds and `after` has not passed.

        Of a card's cases, which are read page by page, listings are kept; who sweeps or audits reads anew.
        """
        path = self._disk.path(bucket, folder)
        if not folder.startswith(names.CARDS):
            found = _listing(path, folder)
        else:
            found = self._listings.of(path, lambda: _listing(path, folder))
        first = bisect_left(found, after) if after.startswith(folder) else 0
        if first and after.startswith(found[first - 1]):  # a folder that `after` is in
            first -= 1
        for name in islice(found, first, None):
            if name > after or (name[-1] == "/" and after.startswith(name)):
                yield name


def _listing(path: str, folder: str) -> list[str]:
    """Sorted full names of what a folder holds; those of folders end in "/"."""
    try:
        with os.scandir(path) as found:
            every = [
                f"{folder}{item.name}/" if item.is_dir(follow_symlinks=False) else folder + item.name
                for item in found
            ]
    except FileNotFoundError:
        return []
    return sorted(every)
