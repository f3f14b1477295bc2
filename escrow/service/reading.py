"""Who may read what.

Rules (numbered as in README.md):
 V1  A member (the convenor; who holds a seat in the opening charter, in one that is or was in force, or in a
     proposal while it is pending) reads the whole chain, the state, the payloads, and what was released.
 V2  A reader whom a request names reads that request; once it is released, its bundle and the record's
     payload too.
 V3  Anybody reads the bundle and the payload of a request that was released to the public.
 V4  A share object is its author's until the release, and every member's after it.
 V5  Whatever a caller may not read looks as if it did not exist: `not_found`. The gate (G1) stands before
     V1 and V2; V3 needs no card, so there the case itself is asked for, whoever asks.
 V6  A case whose entries are no true chain is listed as damaged, and hides no other. A storage that fails is
     told as that.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from escrow.errors import MalformedError, NotFoundError, UnavailableError
from escrow.ledger import bundle
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.state import CaseState, RequestState
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.service.desk import Desk
from escrow.service.gate import require_index, require_member, unknown
from escrow.service.views import (
    CaseSummary,
    CaseView,
    RecordView,
    RequestView,
    case_of,
    record_of,
    request_of,
    summary_of,
)
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.journal import is_damage

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadView:
    """A record's ciphertext: `length` bytes with this SHA-256 (hex)."""

    desk: Desk
    name: str
    length: int
    sha256: str

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes from `start` up to `stop`, both within the length. UnavailableError `payload_missing`."""
        try:
            return self.desk.store.payload(self.name, start=start, stop=stop)
        except (NotFoundError, MalformedError):  # gone, or shorter than it was when it was deposited
            raise UnavailableError("payload_missing", object=self.name) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleView:
    """A bundle's bytes, and a tag that changes when they do."""

    raw: bytes
    tag: str


def list_cases(
    desk: Desk, caller: Fingerprint, after: CaseId, limit: int
) -> tuple[tuple[CaseSummary, ...], CaseId | None]:
    """Cases that the caller has an index object for, in the order of their ids, and where to go on."""
    prefix = names.card_indexes(caller)
    found = desk.store.names(Bucket.LEDGER, prefix, after=prefix + after if after else "", limit=limit)
    cases = [names.parse_card_index(name).case for name in found]
    summaries = []
    for case in cases:
        try:
            with desk.journal.reading(case) as state:
                if belongs(state, caller):
                    summaries.append(summary_of(state, caller))
        except NotFoundError:
            continue  # an index whose append never happened
        except UnavailableError as error:
            if not is_damage(error):
                raise
            summaries.append(CaseSummary(case=case, head=None, status="damaged", seats=()))
    return tuple(summaries), cases[-1] if len(cases) == limit else None


def read_case(desk: Desk, caller: Fingerprint | None, case: CaseId) -> CaseView:
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        require_member(state, caller)
        return case_of(state)


def read_entries(
    desk: Desk, caller: Fingerprint | None, case: CaseId, after: int, limit: int
) -> tuple[tuple[str, ...], int | None]:
    """Up to `limit` entries after number `after`, fewer where they are long, and the number to go on after.

    None: there are no more.
    """
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        require_member(state, caller)
        head = state.head.n
    found = desk.journal.entries(case, after=after, limit=limit)
    last = after + len(found)
    return tuple(found), last if found and last < head else None


def list_records(
    desk: Desk, caller: Fingerprint | None, case: CaseId, after: int, limit: int
) -> tuple[tuple[RecordView, ...], int | None]:
    """Records sealed by entries after number `after`, in that order."""
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        require_member(state, caller)
        later = [record for record in state.records.values() if record.n > after]
        page = tuple(record_of(state, record, desk.clock()) for record in later[:limit])
    return page, page[-1].n if len(later) > limit else None


def read_record(desk: Desk, caller: Fingerprint | None, case: CaseId, record: RecordId) -> RecordView:
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        require_member(state, caller)
        return record_of(state, _known(state.records, record), desk.clock())


def list_requests(
    desk: Desk, caller: Fingerprint | None, case: CaseId, after: int, limit: int
) -> tuple[tuple[RequestView, ...], int | None]:
    """Requests made by entries after number `after`, in order: all for a member, its own for a reader."""
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        later = [
            asked for asked in state.requests.values() if asked.n > after and _may_see(state, caller, asked)
        ]
        if not later and not belongs(state, caller):
            raise unknown()
        page = tuple(request_of(state, asked, desk.clock()) for asked in later[:limit])
    return page, page[-1].n if len(later) > limit else None


def read_request(desk: Desk, caller: Fingerprint | None, case: CaseId, request: Hash) -> RequestView:
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        asked = _known(state.requests, request)
        if not _may_see(state, caller, asked):
            raise unknown()
        return request_of(state, asked, desk.clock())


def read_payload(desk: Desk, caller: Fingerprint | None, case: CaseId, record: RecordId) -> PayloadView:
    """V1 to V3."""
    with desk.journal.reading(case) as state:
        found = _known(state.records, record)
        member = caller is not None and state.is_member(caller)
        if not member and not state.may_open(caller, record):
            raise unknown()
        payload = found.body.payload
    name = names.payload(case, payload.upload)
    return PayloadView(desk=desk, name=name, length=payload.length, sha256=payload.sha256)


def read_bundle(desk: Desk, caller: Fingerprint | None, case: CaseId, request: Hash) -> BundleView:
    """V1 to V3, once released. Share objects that are lost are left out.

    Who opens finds and names the seat.
    """
    with desk.journal.reading(case) as state:
        asked = _known(state.requests, request)
        may = _may_see(state, caller, asked) or state.is_public(request)
        if not may or asked.released_at is None:
            raise unknown()
        parts = bundle.select(state, request)
    entries = [_entry(desk, case, n) for n in parts.entries]
    shares = {each: raw for each in parts.shares if (raw := _share(desk, case, each)) is not None}
    raw = bundle.compose(entries, shares)
    return BundleView(raw=raw, tag=hashlib.sha256(raw).hexdigest())


def read_share(desk: Desk, caller: Fingerprint | None, case: CaseId, shares: Hash) -> bytes:
    """V4."""
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        if caller is None or not _may_see_share(state, caller, shares):
            raise unknown()
    raw = _share(desk, case, shares)
    if raw is None:
        raise UnavailableError("share_object_missing", shares=shares)
    return raw


def _known(table: Mapping[str, T], key: str) -> T:
    found = table.get(key)
    if found is None:
        raise unknown()
    return found


def _may_see(state: CaseState, caller: Fingerprint | None, asked: RequestState) -> bool:
    if caller is None:
        return False
    return state.is_member(caller) or any(ticket.card.fingerprint == caller for ticket in asked.tickets)


def _reads_any(state: CaseState, caller: Fingerprint) -> bool:
    return any(_may_see(state, caller, asked) for asked in state.requests.values())


def belongs(state: CaseState, caller: Fingerprint | None) -> bool:
    """V1 and V2: a member, or a reader whom some request names."""
    return caller is not None and (state.is_member(caller) or _reads_any(state, caller))


def _may_see_share(state: CaseState, caller: Fingerprint, shares: Hash) -> bool:
    for asked in state.requests.values():
        for seat, given in asked.sign_offs.items():
            if any(each.shares == shares for each in given):
                author = state.record(asked.record).path(asked.path).seat(seat).fingerprint
                return caller == author or (asked.released_at is not None and state.is_member(caller))
    return False


def _entry(desk: Desk, case: CaseId, n: int) -> str:
    return desk.store.get(Bucket.LEDGER, names.entry(case, n), limit=MAX_ENTRY).decode("ascii")


def _share(desk: Desk, case: CaseId, shares: Hash) -> bytes | None:
    try:
        return desk.store.get(Bucket.RECORDS, names.share(case, shares), limit=MAX_SHARE_OBJECT)
    except NotFoundError:
        return None
