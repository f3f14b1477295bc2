"""Audit every case in a folder store, or a copy of one: no service, no key, nothing is believed or written.

Beside what any audit asks (A1 to A6, escrow/ledger/audit.py), numbered as in the README there:

 A7  Everybody whom a case names finds it: every card of a charter and of a ticket has its index object.
 A8  A payload is retained as long as its charter says: less is a warning, since a copy brings no marks along.
 A9  A case of which something is left, but no entries, is named; it is a fault if the caller remembers it.

What cannot be read is reported, and the rest is audited.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from escrow.errors import NotFoundError, TooLargeError, UnavailableError
from escrow.ledger.audit import AuditReport, Fault, Unreadable, audit
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.state import CaseState, RecordState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Fingerprint, Hash
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.service.gate import INDEX
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Store

Remembered = Mapping[CaseId, Head]
"""A head of each case that the caller has seen before."""


def audit_folder(
    root: Path, only: str | None, *, at: datetime, known: Remembered | None = None
) -> list[AuditReport]:
    """One report a case. `only`: how the id begins of the one that is asked for; `at`: now.

    NotFoundError `case_unknown` when there is none (or not the one asked for).
    """
    store, known = FolderStore(root), known or {}
    kept = list(_cases(store))
    lost = (_traces(store) | set(known)) - set(kept)
    reports = [
        _FolderAudit(store, case, at).report(known.get(case))
        if case in kept
        else _lost(case, known.get(case))
        for case in (*kept, *sorted(lost))
        if only is None or case.startswith(only)
    ]
    if not reports:
        raise NotFoundError("case_unknown")
    return reports


def _lost(case: CaseId, known: Head | None) -> AuditReport:
    """A9. An opening that was refused at the last moment leaves index objects, so it is only a warning."""
    found = (Fault(code="case_without_entries", n=0 if known is None else known.n, party=""),)
    faults, warnings = ((), found) if known is None else (found, ())
    return AuditReport(case=case, head=None, entries=0, records=0, faults=faults, warnings=warnings)


class _FolderAudit:
    """One case in a store."""

    def __init__(self, store: Store, case: CaseId, at: datetime) -> None:
        self._store = store
        self._case = case
        self._at = at

    def report(self, known: Head | None) -> AuditReport:
        found = audit(self._entries(), self._share, self._payload, case=self._case, known=known)
        if found.state is None:
            return replace(found, case=self._case)
        missing, short = self._index_faults(found.state), self._retention_warnings(found.state)
        return replace(found, faults=(*found.faults, *missing), warnings=(*found.warnings, *short))

    def _entries(self) -> Iterator[str | Unreadable]:
        after = ""
        while page := self._store.names(Bucket.LEDGER, names.entries(self._case), after=after):
            for name in page:
                raw = self._object(Bucket.LEDGER, name, MAX_ENTRY)
                if raw is not None:
                    yield raw if isinstance(raw, Unreadable) else raw.decode("ascii", "replace")
            after = page[-1]

    def _share(self, name: Hash) -> bytes | Unreadable | None:
        return self._object(Bucket.RECORDS, names.share(self._case, name), MAX_SHARE_OBJECT)

    def _payload(self, record: RecordState) -> tuple[str, int] | Unreadable | None:
        digest, length = hashlib.sha256(), 0
        try:
            for chunk in self._store.payload(self._payload_name(record)):
                digest.update(chunk)
                length += len(chunk)
        except NotFoundError:
            return None
        except UnavailableError as error:
            return Unreadable(reason=error.code)
        return digest.hexdigest(), length

    def _object(self, bucket: Bucket, name: str, limit: int) -> bytes | Unreadable | None:
        try:
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


def _cases(store: Store) -> Iterator[CaseId]:
    """Every case that has a folder of entries, found without reading the entries' names."""
    after = ""
    while page := store.names(Bucket.LEDGER, names.CASES, after=after, limit=1):
        case = names.parse_entry(page[0]).case
        yield case
        after = names.after_case(case)


def _traces(store: Store) -> set[CaseId]:
    """Every case that something beside its entries speaks of."""
    found = {names.parse_card_index(name).case for name in _every(store, Bucket.LEDGER, names.CARDS)}
    found |= {names.parse_share(name).case for name in _every(store, Bucket.RECORDS, names.SHARES)}
    return found | {names.parse_payload(name).case for name in _every(store, Bucket.RECORDS, names.PAYLOADS)}


def _every(store: Store, bucket: Bucket, prefix: str) -> Iterator[str]:
    after = ""
    while page := store.names(bucket, prefix, after=after):
        yield from page
        after = page[-1]
