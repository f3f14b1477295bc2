"""What lies in storage of uploads: which cases have any, which uploads, and what remains of each.

Everything is listed page by page, so memory does not grow with a bucket. A crash of a service or of a sweep
leaves any part of an upload without the rest, so each of its objects is asked for by itself.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import groupby

from escrow.admin.listings import case_ids
from escrow.errors import NotFoundError
from escrow.model.ids import CaseId, UploadId
from escrow.store import names
from escrow.store.interface import Bucket, Store
from escrow.store.listing import every_name
from escrow.store.opening import Archive

_RECORDS = Bucket.RECORDS
_KINDS = (names.UPLOADS, names.PAYLOADS, names.STAGED)


class Remainder(StrEnum):
    """How far an upload came."""

    PAYLOAD = "payload"
    OPEN = "upload"
    NOTES = "notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is there of one upload.

    `owner`: fingerprint of who announced it, empty where nothing says so. `length` in bytes, 0 where nothing
    says it. `last`: when something of it was last written, or the end of its retention if that is later.
    """

    case: CaseId
    upload: UploadId
    what: Remainder
    owner: str
    length: int
    last: datetime

    @property
    def name(self) -> str:
        return names.payload(self.case, self.upload)


def cases_with_uploads(store: Store) -> Iterator[CaseId]:
    """In order of their ids, without listing what is in them."""
    for case, _ in groupby(merge(*(case_ids(store, _RECORDS, prefix) for prefix in _KINDS))):
        yield case


def uploads(store: Store, case: CaseId) -> Iterator[UploadId]:
    """Uploads of a case of which there is a payload, a plan or the note that it is stored; in order."""
    noted = (
        names.parse_upload_note(name).upload for name in every_name(store, _RECORDS, names.uploads(case))
    )
    whole = (names.parse_payload(name).upload for name in every_name(store, _RECORDS, names.payloads(case)))
    for upload, _ in groupby(merge(noted, whole)):
        yield upload


def announcements(store: Store, case: CaseId) -> Iterator[str]:
    """Names of the objects that say who announced what."""
    return every_name(store, _RECORDS, names.staged_in(case))


def look(archive: Archive, case: CaseId, upload: UploadId) -> Remains | None:
    """What remains of an upload that is not only announced; None if nothing does.

    UnavailableError `storage_failed` (reason `note_damaged`) where its plan cannot be read.
    """
    there = list(_times(archive, case, upload))
    if not there:
        return None
    name = names.payload(case, upload)
    what, owner, length = Remainder.NOTES, "", 0
    with suppress(NotFoundError):
        announced = archive.store.upload_plan(name)
        what, owner, length = Remainder.OPEN, announced.owner, announced.length
    with suppress(NotFoundError):
        length = archive.store.payload_length(name)
        what = Remainder.PAYLOAD
        there += [until for until in (archive.store.retention(name),) if until is not None]
    return Remains(case=case, upload=upload, what=what, owner=owner, length=length, last=max(there))


def look_announced(archive: Archive, announcement: str) -> Remains | None:
    """What remains of an upload of which nothing is left but who announced it; None if there is more."""
    place = names.parse_staged(announcement)
    last = _written(archive, announcement)
    if last is None or any(_times(archive, place.case, place.upload)):
        return None
    return Remains(
        case=place.case, upload=place.upload, what=Remainder.NOTES,
        owner=names.parse_announcer(announcement), length=0, last=last,
    )  # fmt: skip


def look_again(archive: Archive, remains: Remains) -> Remains | None:
    """The same upload as it is now."""
    found = look(archive, remains.case, remains.upload)
    if found is None and remains.owner:
        return look_announced(archive, names.staged(remains.case, remains.owner, remains.upload))
    return found


def _times(archive: Archive, case: CaseId, upload: UploadId) -> Iterator[datetime]:
    """When plan, note and payload were written, of those that are there."""
    name = names.payload(case, upload)
    for one in (names.upload_plan(name), names.upload_stored(name), name):
        at = _written(archive, one)
        if at is not None:
            yield at


def _written(archive: Archive, name: str) -> datetime | None:
    try:
        return archive.sweeper.written_at(_RECORDS, name)
    except NotFoundError:
        return None
