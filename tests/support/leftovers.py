"""Uploads as a service leaves them, for tests of the sweep: over the one case that is kept for ever."""

import io
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from support.kept import CASE, now

from escrow.admin.remains import Remains
from escrow.admin.sweep import Leftover, find_stale, remove
from escrow.store import names
from escrow.store.interface import Bucket, Store, UploadPlan
from escrow.store.opening import Archive

OWNER, DATA = "ab" * 32, b"ciphertext"
AT_ONCE = timedelta(seconds=-10)
"""As `stale`: whatever is not retained goes, however young; S3 servers tell times in whole seconds."""


def upload(store: Store, number: int, *, case: str = CASE, whole: bool = False) -> str:
    """Announced as the service does it, with one part, and completed if `whole`; the payload's name."""
    name = names.payload(case, f"{number:032x}")
    store.create(Bucket.RECORDS, names.staged(case, OWNER, f"{number:032x}"), b"escrow.staged.v1\n")
    store.begin_upload(name, UploadPlan(length=len(DATA), part_size=len(DATA), owner=OWNER))
    store.put_part(name, 1, io.BytesIO(DATA))
    if whole:
        store.complete_upload(name)
    return name


def objects_of(name: str) -> tuple[str, ...]:
    """Every object of an upload of OWNER's."""
    place = names.parse_payload(name)
    staged = names.staged(place.case, OWNER, place.upload)
    return name, names.upload_stored(name), names.upload_plan(name), staged


def grow_old(root: Path, name: str, days: float = 8) -> None:
    """All that is there of an upload was written so long ago."""
    then = time.time() - days * 86400
    for one in objects_of(name):
        if (root / "records" / one).exists():
            os.utime(root / "records" / one, (then, then))


def leftovers(archive: Archive, stale: timedelta = timedelta(days=7)) -> Iterator[Leftover]:
    """What a sweep finds, where no case is left alone."""
    for one in find_stale(archive, clock=now, stale=stale):
        assert isinstance(one, Leftover), one
        yield one


def sweep(archive: Archive, stale: timedelta = timedelta(days=7)) -> list[Remains]:
    """What a sweep has removed."""
    return [one.remains for one in leftovers(archive, stale) if remove(archive, one)]


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
