"""Audit every case in a folder store, or in a copy of one: no service, no key, nothing is believed or
written.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from escrow.errors import NotFoundError
from escrow.ledger.audit import AuditReport, audit
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.state import RecordState
from escrow.model.ids import CaseId, Hash
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Store


def audit_folder(root: Path, only: str | None) -> list[AuditReport]:
    """One report a case. NotFoundError `case_unknown` when there is none (or not the one asked for)."""
    store = FolderStore(root)
    reports = [_audit(store, case) for case in _cases(store) if only is None or case.startswith(only)]
    if not reports:
        raise NotFoundError("case_unknown")
    return reports


def _audit(store: Store, case: CaseId) -> AuditReport:
    def share(name: Hash) -> bytes | None:
        try:
            return store.get(Bucket.RECORDS, names.share(case, name), limit=MAX_SHARE_OBJECT)
        except NotFoundError:
            return None

    def payload(record: RecordState) -> tuple[str, int] | None:
        digest, length = hashlib.sha256(), 0
        try:
            for chunk in store.payload(names.payload(case, record.body.payload.upload)):
                digest.update(chunk)
                length += len(chunk)
        except NotFoundError:
            return None
        return digest.hexdigest(), length

    return audit(_entries(store, case), share, payload, case=case)


def _cases(store: Store) -> Iterator[CaseId]:
    """Every case that has a folder of entries, found without reading the entries' names."""
    after = ""
    while page := store.names(Bucket.LEDGER, names.CASES, after=after, limit=1):
        case = names.parse_entry(page[0]).case
        yield case
        after = names.after_case(case)


def _entries(store: Store, case: CaseId) -> Iterator[str]:
    after = ""
    while page := store.names(Bucket.LEDGER, names.entries(case), after=after):
        for name in page:
            yield store.get(Bucket.LEDGER, name, limit=MAX_ENTRY).decode("ascii", "replace")
        after = page[-1]
