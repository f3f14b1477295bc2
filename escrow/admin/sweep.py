"""Remove what uploads left behind and no entry names, and lengthen what is retained too shortly.

Rules, as in README.md:

 W1  What an entry names is never removed, not even after its charter's term.
 W2  What no entry names is removed once nothing of it was written for `stale`, and no retention stood.
 W3  Right before a removal the ledger is read on and the upload looked at again: whoever came in between
     wins. What comes after that is decided by the storage's lock.
 W4  A case that does not replay, or has entries behind a gap, is left alone, and named.
 W5  Ages are by the storage's clock, which must agree with this machine's.
 W6  Whatever a run that is broken off leaves of an upload, the next one finds.
 W7  A payload that an entry names is retained for its charter's term; who crashed before that is made up for.
 W8  Of a case's snapshots, the newest two of each form stay. Whoever misses one replays entries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from escrow.admin.cases import cases, ends_run, replay
from escrow.admin.listings import case_ids
from escrow.admin.release import Clock
from escrow.admin.remains import (
    Remainder,
    Remains,
    announcements,
    cases_with_uploads,
    look,
    look_again,
    look_announced,
    uploads,
)
from escrow.errors import EscrowError, NotFoundError, RefusedError
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId, UploadId
from escrow.service.deposit import keep, term_end
from escrow.store import names
from escrow.store.clocks import require_clock
from escrow.store.interface import Bucket, Store
from escrow.store.listing import every_name
from escrow.store.opening import Archive

STALE = timedelta(days=7)
"""A deposit over the slowest line takes hours; who is back after a week begins anew."""
SNAPSHOTS_KEPT = 2
"""One that a service is reading just now, and one beside it, should the newest be damaged."""

Progress = Callable[[CaseId], None]


class Named:
    """The uploads that a case's entries name, as far as they have been read. A case without entries: none.

    Errors as `replay`.
    """

    def __init__(self, store: Store, case: CaseId) -> None:
        self._store, self._case = store, case
        self._state: CaseState | None = None
        self.read_on()

    def read_on(self) -> None:
        """What was appended since."""
        try:
            self._state = replay(self._store, self._case, seen=self._state)
        except NotFoundError as error:
            if error.code != "case_unknown":
                raise

    def __contains__(self, upload: UploadId) -> bool:
        return self._state is not None and upload in self._state.uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """W2: what can be removed. `age`: how long nothing happened to it."""

    remains: Remains
    age: timedelta
    named: Named = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """W7. `age` since it was deposited; `until`: how long it must be retained; `length` in bytes."""

    case: CaseId
    upload: UploadId
    length: int
    age: timedelta
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlived:
    """W8. A snapshot after which there are newer ones."""

    case: CaseId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """W4, or one upload of a case, about which storage says what cannot be."""

    case: CaseId
    error: EscrowError
    upload: UploadId = ""


def find_stale(
    archive: Archive, *, clock: Clock, stale: timedelta = STALE, progress: Progress = lambda case: None
) -> Iterator[Leftover | LeftAlone]:
    """What can be removed, case by case; nothing is.

    SetupError `clocks_differ` (W5); UnavailableError where the storage cannot be used at all.
    """
    require_clock(archive.sweeper.now(), clock())
    now = archive.sweeper.now()
    for case in cases_with_uploads(archive.store):
        progress(case)
        try:
            named = Named(archive.store, case)
        except EscrowError as error:
            yield _left_alone(case, error)
            continue
        for upload, deed in _candidates(archive, case):
            if upload in named:
                continue
            try:
                remains = deed()
            except EscrowError as error:
                yield _left_alone(case, error, upload)
                continue
            if remains is not None and now - remains.last > stale:
                yield Leftover(remains=remains, age=now - remains.last, named=named)


def find_short(
    archive: Archive, *, clock: Clock, progress: Progress = lambda case: None
) -> Iterator[Short | LeftAlone]:
    """W7: payloads that entries name and that are retained for less than their charter says."""
    require_clock(archive.sweeper.now(), clock())
    now = archive.sweeper.now()
    for case in cases(archive.store):
        progress(case)
        try:
            yield from _short(archive, replay(archive.store, case), now)
        except EscrowError as error:
            yield _left_alone(case, error)


def find_outlived(archive: Archive, *, progress: Progress = lambda case: None) -> Iterator[Outlived]:
    """W8: what can be removed, case by case; nothing is."""
    for case in case_ids(archive.store, Bucket.RECORDS, names.SNAPSHOTS):
        progress(case)
        listed = every_name(archive.store, Bucket.RECORDS, names.snapshots(case))
        for _, group in groupby(listed, key=lambda name: names.parse_snapshot(name).form):
            for name in list(group)[:-SNAPSHOTS_KEPT]:
                yield Outlived(case=case, name=name)


def remove_outlived(archive: Archive, found: Outlived) -> None:
    """Harmless to repeat."""
    archive.sweeper.discard(found.name)


def remove(archive: Archive, found: Leftover) -> bool:
    """Do it. False: not any more, since somebody came in between (W3). Harmless to repeat.

    The payload goes first: the server refuses that while a deposit retains it, and then nothing else goes.
    """
    remains, sweeper = found.remains, archive.sweeper
    found.named.read_on()
    if remains.upload in found.named or look_again(archive, remains) != remains:
        return False
    try:
        match remains.what:
            case Remainder.PAYLOAD:
                sweeper.discard(remains.name)
            case Remainder.OPEN:
                sweeper.discard_upload(remains.name)
            case Remainder.NOTES:
                pass
    except RefusedError as error:
        if error.code not in ("object_retained", "upload_completed"):
            raise
        return False
    sweeper.discard(names.upload_stored(remains.name))
    if remains.owner:
        sweeper.discard(names.staged(remains.case, remains.owner, remains.upload))
    sweeper.discard(names.upload_plan(remains.name))
    return True


def mend(archive: Archive, found: Short) -> None:
    """Needs a credential that may lengthen a retention, which no credential that may delete has."""
    keep(archive.store, names.payload(found.case, found.upload), found.until)


def _candidates(archive: Archive, case: CaseId) -> Iterator[tuple[UploadId, Callable[[], Remains | None]]]:
    for upload in uploads(archive.store, case):
        yield upload, lambda upload=upload: look(archive, case, upload)  # type: ignore[misc]
    for name in announcements(archive.store, case):
        yield names.parse_staged(name).upload, lambda name=name: look_announced(archive, name)  # type: ignore[misc]


def _short(archive: Archive, state: CaseState, now: datetime) -> Iterator[Short]:
    for record in state.records.values():
        upload, until = record.body.payload.upload, term_end(state, record)
        try:
            standing = archive.store.retention(names.payload(state.case, upload))
        except NotFoundError:  # the auditor says so; nothing can be retained
            continue
        if until > now and (standing is None or standing < until):
            yield Short(
                case=state.case, upload=upload, length=record.body.payload.length,
                age=now - record.received_at, until=until,
            )  # fmt: skip


def _left_alone(case: CaseId, error: EscrowError, upload: UploadId = "") -> LeftAlone:
    if ends_run(error):
        raise error
    return LeftAlone(case=case, error=error, upload=upload)
