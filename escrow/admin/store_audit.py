"""Audit every case in a store, or a copy of one: no service, no key, nothing is believed or written.

Beside what any audit asks (A1 to A6, escrow/ledger/audit.py), numbered as in the READMEs:

 A7  Everybody whom a case names finds it: every card of a charter and of a ticket has its index object.
 A8  A payload is retained as long as its charter says: less is a warning, since a copy brings no marks along.
 A9  A case of which something is left, but no entries, is named; it is a fault if the caller remembers it.
 A10 Where the store keeps versions, an object that somebody overwrote or deleted is named, and the case is
     audited by its first version, which is the evidence.
 A11 Where the ledger's bucket locks what comes in, every entry's first version has its lock: less is a
     warning, as in A8.
 A12 to A14, of what was published, stand in publications.py.
 A15 What lies there and is no object is named: a warning in ledger and records, a fault in the public bucket.
 A16 Every case was kept by the service whose store it is. What says so is audited by its first version too.

What cannot be read is reported, and the rest is audited. Listings are merged as they come, in order of the
cases' ids; one case is in memory at a time, and of the bucket nothing else.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from heapq import merge
from itertools import groupby, islice, takewhile
from operator import attrgetter

from escrow.admin.ahead import Readers
from escrow.admin.case_audit import CaseAudit, tampered
from escrow.admin.cases import MAX_OWNER, Owners, owners_of, read_owner, with_later
from escrow.admin.first_versions import KINDS, hidden, service_note
from escrow.admin.listings import Found, found_in
from escrow.errors import NotFoundError, TooLargeError
from escrow.ledger.audit import AuditReport, Fault
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.listing import every_name
from escrow.store.opening import Archive

Remembered = Mapping[CaseId, Head]
"""A head of each case that the caller has seen before."""

Progress = Callable[[CaseId, int], None]
"""Told of the case at hand, and of how many of its entries have been judged."""

_EVERYTHING = (*KINDS, (Bucket.PUBLIC, names.RELEASES))
_REMEMBERED = 4096
"""Cases that are asked for once only, though many index objects lead to them."""
_STRAYS_TOGETHER = 100


def audit_store(
    archive: Archive,
    only: str | None = None,
    *,
    at: datetime,
    known: Remembered | None = None,
    start: str = "",
    progress: Progress = lambda case, entries: None,
) -> Iterator[AuditReport]:
    """One report a case, as it is made, in order of their ids; at the end, without a case, what is strange.

    `only`: how the ids begin of those that are asked for; then nothing is said of strange objects. `start`:
    the id, or how it begins, of the case to go on with. `at`: now.

    NotFoundError `storage_holds_no_case`; `case_unknown` when none was found of those asked for.
    """
    run = _StoreAudit(archive, _Wanted(only or "", start), at, known or {}, progress)
    with Readers(ahead=archive.versions is not None) as readers:
        yield from run.cases(readers)
        yield from run.only_indexed()
        if not only:
            yield from _hidden_note(archive)
            yield from _strange(archive)
    if not run.seen:
        if only or start:
            raise NotFoundError("case_unknown")
        raise NotFoundError("storage_holds_no_case")


class _Wanted:
    """Which cases are asked for."""

    def __init__(self, only: str, start: str) -> None:
        self._only, self.start = only, max(only, start)

    def __contains__(self, case: CaseId) -> bool:
        return case >= self.start and case.startswith(self._only)

    def until_past(self, found: Iterator[Found]) -> Iterator[Found]:
        return takewhile(lambda one: one.case.startswith(self._only), found)


class _StoreAudit:
    """See `audit_store`. `seen`: whether there was any case."""

    def __init__(
        self, archive: Archive, wanted: _Wanted, at: datetime, known: Remembered, progress: Progress
    ) -> None:
        self._archive, self._wanted, self._at = archive, wanted, at
        self._known, self._progress = known, progress
        self._term = None if archive.locks is None else archive.locks.term(Bucket.LEDGER)
        self._owners = _owners(archive)
        self._met: OrderedDict[CaseId, None] = OrderedDict()
        self.seen = False

    def cases(self, readers: Readers) -> Iterator[AuditReport]:
        """Of which there is more than index objects, or which are remembered."""
        listed = [
            self._wanted.until_past(found_in(self._archive, bucket, prefix, start=self._wanted.start))
            for bucket, prefix in _EVERYTHING
        ]
        remembered = (_nothing(case) for case in sorted(self._known) if case in self._wanted)
        for case, group in groupby(merge(*listed, remembered, key=_BY_CASE), key=_BY_CASE):
            self._meet(case)
            self._progress(case, 0)
            found = [one for one in group if one.name]
            yield self._audited(readers, case, found)

    def only_indexed(self) -> Iterator[AuditReport]:
        """A9: cases to which nothing but index objects leads any more."""
        for name in every_name(self._archive.store, Bucket.LEDGER, names.CARDS):
            case = names.parse_card_index(name).case
            if case in self._wanted and not self._meet(case) and not _is_left(self._archive, case):
                yield _lost(case, self._known.get(case))

    def _audited(self, readers: Readers, case: CaseId, found: list[Found]) -> AuditReport:
        work = CaseAudit(
            self._archive, readers, case, found, at=self._at, term=self._term, owners=self._owners
        )
        known = self._known.get(case)
        if any(one.bucket is Bucket.LEDGER for one in found):
            return work.report(known, lambda entries: self._progress(case, entries))
        return work.report_without_ledger(_lost(case, known))

    def _meet(self, case: CaseId) -> bool:
        """Whether it was met not long ago."""
        self.seen = True
        met = case in self._met
        self._met[case] = None
        if len(self._met) > _REMEMBERED:
            self._met.popitem(last=False)
        return met


_BY_CASE = attrgetter("case")


def _nothing(case: CaseId) -> Found:
    """In the place of a case of which perhaps nothing is left."""
    return Found(case=case, bucket=Bucket.LEDGER, name="")


def _lost(case: CaseId, known: Head | None) -> AuditReport:
    """A9. An opening that was refused at the last moment leaves index objects, so it is only a warning."""
    found = (Fault(code="case_without_entries", n=0 if known is None else known.n, party=""),)
    faults, warnings = ((), found) if known is None else (found, ())
    return AuditReport(case=case, head=None, entries=0, records=0, faults=faults, warnings=warnings)


def _is_left(archive: Archive, case: CaseId) -> bool:
    """Whether anything of it lies elsewhere, or was deleted and is below, so that it was met before."""
    for bucket, prefix in _EVERYTHING:
        folder = f"{prefix}{case}/"
        if archive.store.names(bucket, folder, limit=1):
            return True
        if archive.versions is not None and next(archive.versions.versions(bucket, folder), None) is not None:
            return True
    return False


def _owners(archive: Archive) -> Owners:
    """Whose store it is, by the first version of what says so where versions are kept (A10, A16)."""
    first = None if archive.versions is None else service_note(archive.versions).first
    if archive.versions is None or first is None:
        return owners_of(archive.store)
    try:
        raw = archive.versions.get_version(Bucket.LEDGER, names.SERVICE, first.version, limit=MAX_OWNER)
    except TooLargeError:
        raw = b""
    return with_later(archive.store, read_owner(raw))


def _hidden_note(archive: Archive) -> Iterator[AuditReport]:
    if archive.versions is None:
        return
    covered = hidden(archive.versions, service_note(archive.versions))
    if covered is not None:
        yield AuditReport(
            case=None, head=None, entries=0, records=0, faults=(tampered(covered),), warnings=()
        )


def _strange(archive: Archive) -> Iterator[AuditReport]:
    """A15, some at a time."""
    for bucket in Bucket:
        strays = archive.strays.strays(bucket)
        while some := tuple(islice(strays, _STRAYS_TOGETHER)):
            found = tuple(
                Fault(
                    code="object_foreign", n=0, party="",
                    fields={"bucket": bucket.value, "object": one.name, "kind": one.kind.value},
                )
                for one in some
            )  # fmt: skip
            faults, warnings = (found, ()) if bucket is Bucket.PUBLIC else ((), found)
            yield AuditReport(case=None, head=None, entries=0, records=0, faults=faults, warnings=warnings)
