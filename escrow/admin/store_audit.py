"""Audit every case in a store, or a copy of one: no service, no key, nothing is believed or written.

Beside what any audit asks (A1 to A6, escrow/ledger/audit.py), numbered as in the README there:

 A7  Everybody whom a case names finds it: every card of a charter and of a ticket has its index object.
 A8  A payload is retained as long as its charter says: less is a warning, since a copy brings no marks along.
 A9  A case of which something is left, but no entries, is named; it is a fault if the caller remembers it.
 A10 Where the store keeps versions, an object that somebody overwrote or deleted is named, and the case is
     audited by its first version, which is the evidence.

What cannot be read is reported, and the rest is audited. One case is in memory at a time.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge

from escrow.admin.cases import cases
from escrow.admin.first_versions import Tampering, hidden_objects
from escrow.errors import NotFoundError, TooLargeError, UnavailableError
from escrow.ledger.audit import AuditReport, Fault, Unreadable, audit
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.state import CaseState, RecordState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Fingerprint, Hash
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.service.gate import INDEX
from escrow.store import names
from escrow.store.interface import Bucket, Store
from escrow.store.opening import Archive

Remembered = Mapping[CaseId, Head]
"""A head of each case that the caller has seen before."""


def audit_store(
    archive: Archive, only: str | None, *, at: datetime, known: Remembered | None = None
) -> Iterator[AuditReport]:
    """One report a case, as it is made. `only`: how the id begins of the one that is asked for; `at`: now.

    NotFoundError `case_unknown` when there is none (or not the one asked for).
    """
    known, seen = known or {}, 0
    for case in _every_case(archive.store, set(known)):
        if only is not None and not case.startswith(only):
            continue
        seen += 1
        if _is_kept(archive.store, case) or _is_hidden(archive, case):
            yield _StoreAudit(archive, case, at).report(known.get(case))
        else:
            yield _lost(case, known.get(case))
    if not seen:
        raise NotFoundError("case_unknown")


def _lost(case: CaseId, known: Head | None) -> AuditReport:
    """A9. An opening that was refused at the last moment leaves index objects, so it is only a warning."""
    found = (Fault(code="case_without_entries", n=0 if known is None else known.n, party=""),)
    faults, warnings = ((), found) if known is None else (found, ())
    return AuditReport(case=case, head=None, entries=0, records=0, faults=faults, warnings=warnings)


class _StoreAudit:
    """One case in a store."""

    def __init__(self, archive: Archive, case: CaseId, at: datetime) -> None:
        self._store = archive.store
        self._versions = archive.versions
        self._case = case
        self._at = at
        found = [] if self._versions is None else hidden_objects(self._versions, case)
        self._hidden = {one.name: one for one in found}

    def report(self, known: Head | None) -> AuditReport:
        found = audit(self._entries(), self._share, self._payload, case=self._case, known=known)
        if found.state is None:
            return replace(found, case=self._case)
        missing, short = self._index_faults(found.state), self._retention_warnings(found.state)
        tampered = self._tampered()
        return replace(found, faults=(*tampered, *found.faults, *missing), warnings=(*found.warnings, *short))

    def _tampered(self) -> Iterator[Fault]:
        """A10."""
        for one in self._hidden.values():
            entry = names.parse_entry(one.name).number if one.bucket is Bucket.LEDGER else 0
            about = {"object": one.name, "at": one.at.isoformat()}
            yield Fault(code=f"object_{one.how.value}", n=entry, party="", fields=about)

    def _entries(self) -> Iterator[str | Unreadable]:
        deleted = sorted(one.name for one in self._hidden.values() if one.how is Tampering.DELETED)
        there = _every(self._store, Bucket.LEDGER, names.entries(self._case))
        prefix = names.entries(self._case)
        for name in merge(there, (one for one in deleted if one.startswith(prefix))):
            raw = self._object(Bucket.LEDGER, name, MAX_ENTRY)
            if raw is not None:
                yield raw if isinstance(raw, Unreadable) else raw.decode("ascii", "replace")

    def _share(self, name: Hash) -> bytes | Unreadable | None:
        return self._object(Bucket.RECORDS, names.share(self._case, name), MAX_SHARE_OBJECT)

    def _payload(self, record: RecordState) -> tuple[str, int] | Unreadable | None:
        digest, length = hashlib.sha256(), 0
        try:
            for chunk in self._payload_chunks(self._payload_name(record)):
                digest.update(chunk)
                length += len(chunk)
        except NotFoundError:
            return None
        except UnavailableError as error:
            return Unreadable(reason=error.code)
        return digest.hexdigest(), length

    def _payload_chunks(self, name: str) -> Iterator[bytes]:
        first = self._hidden.get(name)
        if first is None or self._versions is None:
            return self._store.payload(name)
        return self._versions.payload_version(name, first.version)

    def _object(self, bucket: Bucket, name: str, limit: int) -> bytes | Unreadable | None:
        first = self._hidden.get(name)
        try:
            if first is not None and self._versions is not None:
                return self._versions.get_version(bucket, name, first.version, limit=limit)
            return self._store.get(bucket, name, limit=limit)
        except NotFoundError:
            return None
        except (UnavailableError, TooLargeError) as error:
            return Unreadable(reason=error.code)

    def _index_faults(self, state: CaseState) -> Iterator[Fault]:
        """A7."""
        for card, n in _named(state).items():
            found = self._object(Bucket.LEDGER, names.card_index(card, self._case), len(INDEX))
            if found == INDEX:
                continue
            code = "index_missing" if found is None else "index_changed"
            if isinstance(found, Unreadable) and found.reason != "object_too_large":
                code = "index_unreadable"
            yield Fault(code=code, n=n, party="", fields={"card": card})

    def _retention_warnings(self, state: CaseState) -> Iterator[Fault]:
        """A8."""
        for record in state.records.values():
            days = state.charters[record.charter].charter.retention_days
            until = record.received_at + timedelta(days=days)
            if until > self._at and not self._is_retained(record, until):
                about = {"record": record.body.record, "until": until.isoformat()}
                yield Fault(code="retention_short", n=record.n, party="", fields=about)

    def _is_retained(self, record: RecordState, until: datetime) -> bool:
        """True also of a payload that is gone or unreadable: that was said before."""
        try:
            standing = self._store.retention(self._payload_name(record))
        except (NotFoundError, UnavailableError):
            return True
        return standing is not None and standing >= until

    def _payload_name(self, record: RecordState) -> str:
        return names.payload(self._case, record.body.payload.upload)


def _named(state: CaseState) -> dict[Fingerprint, int]:
    """Everybody who must find the case, and the entry that first named them."""
    found: dict[Fingerprint, int] = {}
    for charter in state.charters.values():
        for card in (charter.charter.convenor, *charter.charter.seats.values()):
            found.setdefault(card.fingerprint, charter.n)
    for request in state.requests.values():
        for card in state.readers_of(request.hash):
            found.setdefault(card.fingerprint, request.n)
    return found


def _every_case(store: Store, known: set[CaseId]) -> Iterator[CaseId]:
    """Every case that has entries, or that something else speaks of, sorted; ids only are in memory."""
    found = set(cases(store)) | known
    found |= {names.parse_card_index(name).case for name in _every(store, Bucket.LEDGER, names.CARDS)}
    found |= {names.parse_share(name).case for name in _every(store, Bucket.RECORDS, names.SHARES)}
    found |= {names.parse_payload(name).case for name in _every(store, Bucket.RECORDS, names.PAYLOADS)}
    yield from sorted(found)


def _is_kept(store: Store, case: CaseId) -> bool:
    return bool(store.names(Bucket.LEDGER, names.entries(case), limit=1))


def _is_hidden(archive: Archive, case: CaseId) -> bool:
    """All its entries were deleted, and are below."""
    if archive.versions is None:
        return False
    return next(archive.versions.versions(Bucket.LEDGER, names.entries(case)), None) is not None


def _every(store: Store, bucket: Bucket, prefix: str) -> Iterator[str]:
    after = ""
    while page := store.names(bucket, prefix, after=after):
        yield from page
        after = page[-1]
