"""Release from storage alone: say what is due, publish what is for everybody, hand a named reader its bundle.

It holds no secret key. What the seats signed off to everybody opens for everybody, so also here; what they
signed off to a named reader opens for that reader alone. Rules, as in README.md:

 P1  Published is only what the ledger shows released by a path for the public, with a date that has come, by
     the storage's clock and by this machine's.
 P2  Nothing is published before bundle and payload have verified and the document has opened, whole.
 P3  Payload, bundle and document first, the manifest last: without it nothing counts. Each is create-only.
 P4  What lies there already is believed by its bytes only. A bundle of other sign-offs will do, if it holds.
 P5  Two who publish one request at once write the same, and so does who goes on after a crash.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from escrow.admin.cases import cases, replay
from escrow.admin.manifest import MAX_MANIFEST, Item, Manifest
from escrow.admin.store_courier import StoreCourier
from escrow.client.fetching import fetch_release
from escrow.client.opening import Opened, open_files, read_bundle
from escrow.client.progress import Progress, silent
from escrow.errors import EscrowError, ForgedError, NotFoundError, RefusedError, SetupError
from escrow.ledger.bundle import MAX_BUNDLE, VerifiedBundle, open_shares
from escrow.ledger.shares import path_of
from escrow.ledger.state import CaseState, RequestState
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.path import AudienceKind
from escrow.model.wire import to_time
from escrow.store import names
from escrow.store.interface import MIB, Bucket, Publisher
from escrow.store.names import Released
from escrow.store.opening import Archive

MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
DOCUMENT_NAME = "document"

Clock = Callable[[], datetime]


class Standing(StrEnum):
    """What there is to do about a released request."""

    TO_PUBLISH = "to publish"
    PUBLISHED = "published"
    TO_HAND = "to hand over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A released request. `readers`: fingerprints of those it names; none if it is for everybody or seats."""

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
    """Every released request of the store, or of one case, one case in memory at a time."""
    for case in cases(archive.store) if only is None else (only,):
        try:
            state = replay(archive.store, case)
            yield from [_due(archive, state, one) for one in state.requests.values() if one.released_at]
        except EscrowError as error:
            yield Damaged(case=case, error=error)


def _due(archive: Archive, state: CaseState, asked: RequestState) -> Due:
    if path_of(state, asked).record_path.terms.audience.kind is not AudienceKind.PUBLIC:
        standing = Standing.TO_HAND
    elif _there(archive.publisher, names.released(state.case, asked.hash, Released.MANIFEST)):
        standing = Standing.PUBLISHED
    else:
        standing = Standing.TO_PUBLISH
    return Due(
        case=state.case,
        record=asked.record,
        request=asked.hash,
        path=asked.path,
        released_at=asked.released_at or asked.received_at,
        readers=tuple(one.card.fingerprint for one in asked.tickets),
        standing=standing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is in the public bucket now. `new`: objects that this run wrote, none if all were there."""

    manifest: Manifest
    new: tuple[Released, ...]


def publish(
    archive: Archive, case: CaseId, request: Hash, work: Path, *, clock: Clock, progress: Progress = silent
) -> Published:
    """Put a release for everybody into the public bucket, with all that checking it takes (P1 to P5).

    `work`: a folder of this request's own, with room for payload and document; what an interrupted run left
    there is gone on with. RefusedError `not_released`, `request_unknown`, `not_for_everybody` (path,
    audience), `publication_too_early` (path, opens_at); SetupError `clocks_differ` (seconds); ForgedError
    that says whose fault it is, or `published_object_differs` (object). Nothing that counts is written then.
    """
    require_clock(archive, clock)
    bundle, payload, verified = _fetched(archive, case, request, work, progress)
    _require_public(verified, clock())
    document = work / DOCUMENT_NAME
    opened = open_files(bundle, payload, case, request, document, overwrite=True, progress=progress)
    return _put(
        archive,
        verified,
        opened,
        {Released.PAYLOAD: payload, Released.BUNDLE: bundle, Released.DOCUMENT: document},
    )


def require_clock(archive: Archive, clock: Clock) -> None:
    """SetupError `clocks_differ` (seconds): one of two clocks is wrong, and dates mean nothing by it."""
    apart = abs(archive.sweeper.now() - clock())
    if apart > MAX_CLOCK_DIFFERENCE:
        raise SetupError("clocks_differ", seconds=int(apart.total_seconds()))


def hand(
    archive: Archive, case: CaseId, request: Hash, folder: Path, *, progress: Progress = silent
) -> VerifiedBundle:
    """Write bundle and payload of a released request into a folder that `escrow open FOLDER` opens.

    Whoever has it can open it only if it is the reader that the request names, or if it is for everybody.
    Errors as `fetch_release`.
    """
    return _fetched(archive, case, request, folder, progress)[2]


def _fetched(
    archive: Archive, case: CaseId, request: Hash, folder: Path, progress: Progress
) -> tuple[Path, Path, VerifiedBundle]:
    fetched = fetch_release(StoreCourier(archive.store), case, request, folder, progress=progress)
    return fetched.bundle, fetched.payload, read_bundle(fetched.bundle.read_bytes(), case, request)


def _require_public(verified: VerifiedBundle, now: datetime) -> None:
    """P1."""
    require_kind(verified)
    opens_at = verified.path.record_path.terms.not_before
    if opens_at is not None and opens_at > now:
        raise RefusedError("publication_too_early", path=verified.request.path, opens_at=to_time(opens_at))


def require_kind(verified: VerifiedBundle) -> None:
    audience = verified.path.record_path.terms.audience.kind
    if audience is not AudienceKind.PUBLIC:
        raise RefusedError("not_for_everybody", path=verified.request.path, audience=audience.value)


def _put(
    archive: Archive, verified: VerifiedBundle, opened: Opened, files: dict[Released, Path]
) -> Published:
    """P3 and P4."""
    case, request = verified.state.case, verified.request.hash
    new: list[Released] = []
    items: dict[Released, Item] = {}
    for item, path in files.items():
        name = names.released(case, request, item)
        items[item] = measure(path)
        if _write(archive.publisher, name, path, items[item].length):
            new.append(item)
            continue
        found = _digest(archive.publisher.published(name))
        if found != items[item]:
            if item is not Released.BUNDLE:
                raise ForgedError("published_object_differs", object=item.value)
            verified = _other_bundle(archive, verified, name)
            items[item] = found
    manifest = made(verified, opened, items)
    raw = manifest.print()
    if archive.publisher.publish(names.released(case, request, Released.MANIFEST), (raw,), length=len(raw)):
        new.append(Released.MANIFEST)
    elif manifest_bytes(archive.store.get, case, request) != raw:
        raise ForgedError("published_object_differs", object=Released.MANIFEST.value)
    return Published(manifest=manifest, new=tuple(new))


def _other_bundle(archive: Archive, verified: VerifiedBundle, name: str) -> VerifiedBundle:
    """P4: it came before, with fewer sign-offs or more. It must open the same record by itself."""
    raw = b"".join(
        archive.publisher.published(name, stop=min(archive.publisher.published_length(name), MAX_BUNDLE))
    )
    try:
        other = read_bundle(raw, verified.state.case, verified.request.hash)
        same = open_shares(other).key == open_shares(verified).key
    except EscrowError as error:
        raise ForgedError("published_object_differs", object=Released.BUNDLE.value) from error
    if not same:
        raise ForgedError("published_object_differs", object=Released.BUNDLE.value)
    return other


def made(verified: VerifiedBundle, opened: Opened, items: dict[Released, Item]) -> Manifest:
    return Manifest(
        case=verified.state.case,
        record=verified.record.body.record,
        request=verified.request.hash,
        path=verified.request.path,
        released_at=opened.released_at,
        depositor=verified.record.author.fingerprint,
        service=verified.state.service.fingerprint,
        signed_off=tuple(sorted(verified.shares)),
        key=open_shares(verified).key,
        title=opened.metadata.title,
        filename=opened.metadata.filename,
        media_type=opened.metadata.media_type,
        payload=items[Released.PAYLOAD],
        bundle=items[Released.BUNDLE],
        document=items[Released.DOCUMENT],
    )


def _write(publisher: Publisher, name: str, path: Path, length: int) -> bool:
    if _there(publisher, name):  # found out before gigabytes are sent
        return False
    with path.open("rb") as source:
        return publisher.publish(name, iter(lambda: source.read(MIB), b""), length=length)


def _there(publisher: Publisher, name: str) -> bool:
    try:
        publisher.published_length(name)
    except NotFoundError:
        return False
    return True


def manifest_bytes(get: Callable[..., bytes], case: CaseId, request: Hash) -> bytes | None:
    try:
        return get(Bucket.PUBLIC, names.released(case, request, Released.MANIFEST), limit=MAX_MANIFEST)
    except NotFoundError:
        return None


def measure(path: Path) -> Item:
    with path.open("rb") as source:
        return _digest(iter(lambda: source.read(MIB), b""))


def _digest(chunks: Iterable[bytes]) -> Item:
    whole, length = hashlib.sha256(), 0
    for chunk in chunks:
        whole.update(chunk)
        length += len(chunk)
    return Item(sha256=whole.hexdigest(), length=length)
