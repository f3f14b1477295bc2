"""Which releases there are in a store, and what is to be done about each: read from the ledger alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from escrow.admin.cases import cases, ends_run, owners_of, replay, require_own
from escrow.errors import EscrowError, NotFoundError
from escrow.ledger.shares import path_of
from escrow.ledger.state import CaseState, RequestState
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.path import AudienceKind
from escrow.store import names
from escrow.store.interface import Publisher
from escrow.store.names import Released
from escrow.store.opening import Archive


class Standing(StrEnum):
    """What there is to do about a released request."""

    TO_PUBLISH = "to publish"
    PUBLISHED = "published"
    TO_HAND = "to hand over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A released request. `readers`: fingerprints of those it names; none if it is for everybody."""

    case: CaseId
    record: RecordId
    request: Hash
    path: str
    released_at: datetime
    readers: tuple[Fingerprint, ...]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A case that could not be read or replayed; `error` says why. The others are gone on with."""

    case: CaseId
    error: EscrowError


def due(archive: Archive, only: CaseId | None = None) -> Iterator[Due | Damaged]:
    """Every released request of the store, or of one case, one case in memory at a time.

    UnavailableError where the whole storage cannot be reached, or the credential may not look.
    """
    owners = owners_of(archive.store)
    for case in cases(archive.store) if only is None else (only,):
        try:
            state = replay(archive.store, case)
            require_own(owners, state)
            found = [_due(archive, state, one, one.released_at) for one in state.requests.values()]
        except EscrowError as error:
            if ends_run(error):
                raise
            yield Damaged(case=case, error=error)
        else:
            yield from (one for one in found if one is not None)


def is_there(publisher: Publisher, name: str) -> bool:
    """Whether a public object has this name; of whose bytes, it does not say."""
    try:
        publisher.published_length(name)
    except NotFoundError:
        return False
    return True


def _due(archive: Archive, state: CaseState, asked: RequestState, at: datetime | None) -> Due | None:
    if at is None:
        return None
    if path_of(state, asked).record_path.terms.audience.kind is not AudienceKind.PUBLIC:
        standing = Standing.TO_HAND
    elif is_there(archive.publisher, names.released(state.case, asked.hash, Released.MANIFEST)):
        standing = Standing.PUBLISHED
    else:
        standing = Standing.TO_PUBLISH
    return Due(
        case=state.case,
        record=asked.record,
        request=asked.hash,
        path=asked.path,
        released_at=at,
        readers=tuple(one.card.fingerprint for one in asked.tickets),
        standing=standing,
    )
