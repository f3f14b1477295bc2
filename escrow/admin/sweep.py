"""Remove what uploads left behind and no entry names, and lengthen what is retained too shortly.

Rules, as in README.md:

 W1  What an entry names is never removed, not even after its charter's term.
 W2  An open upload is removed once it is older than `stale`; a finished payload once it is, too, and its
     retention (a day, set before every append) has passed. While that stands, a deposit may be under way, and
     the storage's lock refuses.
 W3  A case that does not replay is left alone, and named.
 W4  Ages are by the storage's clock, which must agree with this machine's.
 W5  A run that is broken off is gone on with by the next: the plan, by which an upload is found, goes last.
 W6  A payload that an entry names is retained for its charter's term; who crashed before that is made up for.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from escrow.admin.cases import cases, replay
from escrow.admin.release import Clock, require_clock
from escrow.errors import EscrowError, NotFoundError, RefusedError
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId, UploadId
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.opening import Archive

STALE = timedelta(days=7)
"""A deposit over the slowest line takes hours; who is back after a week begins anew."""


class Deed(StrEnum):
    """What there is to do about one upload."""

    DISCARD_UPLOAD = "discard an open upload"
    DISCARD_PAYLOAD = "discard a payload that no entry names"
    MEND = "lengthen a retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`age` since it was announced; `length` in bytes; `until`: for MEND, how long it must be retained."""

    deed: Deed
    case: CaseId
    upload: UploadId
    length: int
    age: timedelta
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """W3."""

    case: CaseId
    error: EscrowError


def find_stale(archive: Archive, *, clock: Clock, stale: timedelta = STALE) -> Iterator[Found | LeftAlone]:
    """What can be removed, case by case; nothing is. SetupError `clocks_differ` (W4)."""
    require_clock(archive, clock)
    now = archive.sweeper.now()
    for case, uploads in groupby(_announced(archive), key=lambda place: place.case):
        try:
            named = _named(archive, case)
        except EscrowError as error:
            yield LeftAlone(case=case, error=error)
            continue
        for place in uploads:
            if place.upload not in named:
                found = _stale(archive, names.payload(case, place.upload), place, now, stale)
                if found is not None:
                    yield found


def find_short(archive: Archive, *, clock: Clock) -> Iterator[Found | LeftAlone]:
    """W6: payloads that entries name and that are retained for less than their charter says."""
    require_clock(archive, clock)
    now = archive.sweeper.now()
    for case in cases(archive.store):
        try:
            state = replay(archive.store, case)
            yield from _short(archive, state, now)
        except EscrowError as error:
            yield LeftAlone(case=case, error=error)


def carry_out(archive: Archive, found: Found) -> bool:
    """Do it. False: not any more, since a deposit came in between. Harmless to repeat."""
    name = names.payload(found.case, found.upload)
    if found.deed is Deed.MEND and found.until is not None:
        archive.store.retain(name, found.until)
        return True
    try:
        owner = archive.store.upload_plan(name).owner
    except NotFoundError:
        return False
    try:
        if found.deed is Deed.DISCARD_PAYLOAD:
            archive.sweeper.discard(name)
            archive.sweeper.discard(names.upload_stored(name))
        if owner:
            archive.sweeper.discard(names.staged(found.case, owner, found.upload))
        if found.deed is Deed.DISCARD_PAYLOAD:
            archive.sweeper.discard(names.upload_plan(name))
        else:
            archive.sweeper.discard_upload(name)
    except RefusedError as error:
        if error.code not in ("object_retained", "upload_completed"):
            raise
        return False
    return True


def _announced(archive: Archive) -> Iterator[names.PayloadName]:
    """Every upload that has a plan, by case: none is read, only listed."""
    after = ""
    while page := archive.store.names(Bucket.RECORDS, names.UPLOADS, after=after):
        for name in page:
            with suppress(EscrowError):  # a note that it is stored
                yield names.parse_upload_plan(name)
        after = page[-1]


def _named(archive: Archive, case: CaseId) -> frozenset[UploadId]:
    """W1. A case without entries names nothing."""
    try:
        return frozenset(replay(archive.store, case).uploads)
    except NotFoundError as error:
        if error.code != "case_unknown":
            raise
        return frozenset()


def _stale(
    archive: Archive, name: str, place: names.PayloadName, now: datetime, stale: timedelta
) -> Found | None:
    """W2."""
    try:
        age = now - archive.sweeper.written_at(Bucket.RECORDS, names.upload_plan(name))
        length = archive.store.upload_plan(name).length
    except NotFoundError:  # somebody else sweeps too
        return None
    if age <= stale:
        return None
    deed = Deed.DISCARD_PAYLOAD
    try:
        until = archive.store.retention(name)
    except NotFoundError:
        deed, until = Deed.DISCARD_UPLOAD, None
    if until is not None and until > now:
        return None
    return Found(deed=deed, case=place.case, upload=place.upload, length=length, age=age)


def _short(archive: Archive, state: CaseState, now: datetime) -> Iterator[Found]:
    for record in state.records.values():
        days = state.charters[record.charter].charter.retention_days
        until = record.received_at + timedelta(days=days)
        upload, length = record.body.payload.upload, record.body.payload.length
        try:
            standing = archive.store.retention(names.payload(state.case, upload))
        except NotFoundError:  # the auditor says so; nothing can be retained
            continue
        if until > now and (standing is None or standing < until):
            age = now - record.received_at
            yield Found(deed=Deed.MEND, case=state.case, upload=upload, length=length, age=age, until=until)
