"""Audit one case of a store: its entries, share objects, payloads, index objects and locks.

Rules A1 to A6 are asked by escrow/ledger/audit.py; A7, A8, A10 and A11 are here, numbered as in the READMEs.
Everything is read as it was listed: an entry that comes in meanwhile is the next audit's.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from escrow.admin.ahead import Readers
from escrow.admin.cases import Owners, require_own
from escrow.admin.first_versions import Hidden, hidden, hidden_indexes
from escrow.admin.listings import Found
from escrow.admin.publications import publication_faults
from escrow.errors import ForgedError, NotFoundError, TooLargeError, UnavailableError
from escrow.ledger.audit import AuditReport, Fault, Unreadable, audit
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.state import CaseState, RecordState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Fingerprint, Hash
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.service.deposit import term_end
from escrow.service.gate import INDEX
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.opening import Archive

CLOCKS_DIFFER = timedelta(hours=1)
"""A server dates a version and its lock by readings of its clock that may lie apart."""

Tick = Callable[[int], None]
"""Told of how many entries of the case have been judged."""


class CaseAudit:
    """One case. `found`: all that was listed of it. `term`: for how long the ledger's bucket locks.

    `owners`: cards of the service whose store it is, empty where that is not known.
    """

    def __init__(
        self, archive: Archive, readers: Readers, case: CaseId, found: Sequence[Found], *,
        at: datetime, term: timedelta | None, owners: Owners = (),
    ) -> None:  # fmt: skip
        self._archive, self._store, self._versions = archive, archive.store, archive.versions
        self._readers, self._case, self._at, self._term = readers, case, at, term
        self._owners = owners
        self._found = {one.name: one for one in found}
        self._hidden = {one.name: one for one in self._all_hidden(found)}
        self._unlocked: list[int] = []

    def report(self, known: Head | None, tick: Tick) -> AuditReport:
        found = audit(
            self._entries(tick), self._share, self._payload,
            case=self._case, known=known, each=self._readers.each,
        )  # fmt: skip
        state = found.state
        faults, warnings = [*self._tampered(), *found.faults], [*found.warnings, *self._lock_warnings()]
        if state is not None:
            faults += self._owner_faults(state)
            faults += self._index_faults(state)
            warnings += self._retention_warnings(state)
        for fault, counts in self._publication_faults(state):
            (faults if counts else warnings).append(fault)
        return replace(found, case=self._case, faults=tuple(faults), warnings=tuple(warnings), state=None)

    def report_without_ledger(self, found: AuditReport) -> AuditReport:
        """A9, with what else there is to say of a case that has no entries."""
        published = (fault for fault, _ in self._publication_faults(None))
        return replace(found, faults=(*found.faults, *published))

    def _owner_faults(self, state: CaseState) -> Iterator[Fault]:
        """A16."""
        try:
            require_own(self._owners, state)
        except ForgedError as error:
            yield Fault(code=error.code, n=0, party="", fields=error.fields)

    def _publication_faults(self, state: CaseState | None) -> Iterator[tuple[Fault, bool]]:
        published = [one for one in self._found.values() if one.bucket is Bucket.PUBLIC]
        return publication_faults(self._archive.publisher, self._case, state, published)

    def _all_hidden(self, found: Sequence[Found]) -> Iterator[Hidden]:
        if self._versions is None:
            return
        for one in found:
            covered = hidden(self._versions, one)
            if covered is not None:
                yield covered

    def _tampered(self) -> Iterator[Fault]:
        """A10."""
        for one in self._hidden.values():
            yield tampered(one)

    def _entries(self, tick: Tick) -> Iterator[str | Unreadable]:
        entries = [one for one in self._found.values() if one.bucket is Bucket.LEDGER]
        for done, raw in enumerate(self._readers.each(self._entry, entries), start=1):
            if raw is not None:
                yield raw if isinstance(raw, Unreadable) else raw.decode("ascii", "replace")
            tick(done)

    def _entry(self, found: Found) -> bytes | Unreadable | None:
        """A11 on the way: a version's lock comes with its bytes."""
        locks, first = self._archive.locks, found.first
        if locks is None or self._term is None or first is None:
            return self._object(Bucket.LEDGER, found.name, MAX_ENTRY)
        try:
            seen = locks.get_locked(Bucket.LEDGER, found.name, first.version, limit=MAX_ENTRY)
        except NotFoundError:
            return None
        except (UnavailableError, TooLargeError) as error:
            return Unreadable(reason=error.code)
        if seen.until is None or seen.until < first.written_at + self._term - CLOCKS_DIFFER:
            self._unlocked.append(names.parse_entry(found.name).number)
        return seen.data

    def _lock_warnings(self) -> Iterator[Fault]:
        """A11."""
        if self._unlocked:
            yield Fault(
                code="entries_unlocked",
                n=min(self._unlocked),
                party="",
                fields={"count": len(self._unlocked)},
            )

    def _share(self, name: Hash) -> bytes | Unreadable | None:
        return self._object(Bucket.RECORDS, names.share(self._case, name), MAX_SHARE_OBJECT)

    def _payload(self, record: RecordState) -> tuple[str, int] | Unreadable | None:
        digest, length = hashlib.sha256(), 0
        try:
            for chunk in self._payload_chunks(self._payload_name(record)):
                if self._readers.stopping.is_set():
                    break
                digest.update(chunk)
                length += len(chunk)
        except NotFoundError:
            return None
        except UnavailableError as error:
            return Unreadable(reason=error.code)
        return digest.hexdigest(), length

    def _payload_chunks(self, name: str) -> Iterator[bytes]:
        version = self._first_version(name)
        if version is None or self._versions is None:
            return self._store.payload(name)
        return self._versions.payload_version(name, version)

    def _object(self, bucket: Bucket, name: str, limit: int) -> bytes | Unreadable | None:
        version = self._first_version(name)
        try:
            if version is not None and self._versions is not None:
                return self._versions.get_version(bucket, name, version, limit=limit)
            return self._store.get(bucket, name, limit=limit)
        except NotFoundError:
            return None
        except (UnavailableError, TooLargeError) as error:
            return Unreadable(reason=error.code)

    def _first_version(self, name: str) -> str | None:
        found = self._found.get(name)
        return None if found is None or found.first is None else found.first.version

    def _index_faults(self, state: CaseState) -> Iterator[Fault]:
        """A7; and A10 of an index object that does not say what it must."""
        named = _named(state)
        for (card, n), code in zip(named.items(), self._readers.each(self._index_code, named), strict=True):
            if code is None:
                continue
            covered = self._hidden_index(card)
            if covered is None:
                yield Fault(code=code, n=n, party="", fields={"card": card})
            else:
                yield tampered(covered)

    def _index_code(self, card: Fingerprint) -> str | None:
        found = self._object(Bucket.LEDGER, names.card_index(card, self._case), len(INDEX))
        if found == INDEX:
            return None
        if isinstance(found, Unreadable) and found.reason != "object_too_large":
            return "index_unreadable"
        return "index_missing" if found is None else "index_changed"

    def _hidden_index(self, card: Fingerprint) -> Hidden | None:
        if self._versions is None:
            return None
        return next(hidden_indexes(self._versions, names.card_index(card, self._case)), None)

    def _retention_warnings(self, state: CaseState) -> Iterator[Fault]:
        """A8."""
        terms = ((record, term_end(state, record)) for record in state.records.values())
        due = [(record, until) for record, until in terms if until > self._at]
        for (record, until), kept in zip(due, self._readers.each(self._is_retained, due), strict=True):
            if not kept:
                about = {"record": record.body.record, "until": until.isoformat()}
                yield Fault(code="retention_short", n=record.n, party="", fields=about)

    def _is_retained(self, due: tuple[RecordState, datetime]) -> bool:
        """True also of a payload that is gone or unreadable: that was said before."""
        record, until = due
        name = self._payload_name(record)
        version = self._first_version(name)
        try:
            if version is not None and self._versions is not None:
                standing = self._versions.retained_until(Bucket.RECORDS, name, version)
            else:
                standing = self._store.retention(name)
        except (NotFoundError, UnavailableError):
            return True
        return standing is not None and standing >= until

    def _payload_name(self, record: RecordState) -> str:
        return names.payload(self._case, record.body.payload.upload)


def tampered(one: Hidden) -> Fault:
    entry = names.parse_entry(one.name).number if one.name.startswith(names.CASES) else 0
    about = {"object": one.name, "at": one.at.isoformat()}
    return Fault(code=f"object_{one.how.value}", n=entry, party="", fields=about)


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
