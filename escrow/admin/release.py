"""Release from storage alone: publish what is for everybody, hand a named reader its bundle.

It holds no secret key. What the seats signed off to everybody opens for everybody, so also here; what they
signed off to a named reader opens for that reader alone. Rules, as in README.md:

 P1  Published is only what the ledger shows released by a path for the public, with a date that has come, by
     the storage's clock and by this machine's.
 P2  Nothing is published before the bundle has verified and the record's key has opened. Payload and document
     are checked to the last byte as they pass; the document goes first, since passing it checks all of both.
 P3  The manifest comes last: without it nothing counts. Each object is create-only, and whole or not there.
 P4  What lies there already is believed by its bytes only. A bundle of other sign-offs will do, if it holds.
 P5  Two who publish one request at once write the same, and so does who goes on after a crash.
 P6  Plain bytes pass through memory, a few at a time, and are written nowhere but to the public bucket.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from escrow.admin.due import is_there
from escrow.admin.manifest import MAX_MANIFEST, Item, Manifest, make_manifest
from escrow.admin.passing import Measured, checked, measure, pulled
from escrow.admin.public_copy import Public
from escrow.admin.store_courier import StoreCourier
from escrow.client.downloading import PayloadReader
from escrow.client.fetching import fetch_release
from escrow.client.opening import read_bundle
from escrow.client.progress import Progress, Stage, silent
from escrow.client.unlocking import Fault, Unlocked, open_into, unlock
from escrow.crypto.outlet import Sink
from escrow.errors import EscrowError, ForgedError, RefusedError
from escrow.ledger.bundle import MAX_BUNDLE, VerifiedBundle
from escrow.model.ids import CaseId, Hash
from escrow.model.path import AudienceKind
from escrow.model.wire import to_time
from escrow.store import names
from escrow.store.clocks import require_clock
from escrow.store.names import Released
from escrow.store.opening import Archive

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What publishing would do. `lengths`: bytes of each object but the manifest; `there`: what is there."""

    unlocked: Unlocked
    bundle: bytes
    lengths: dict[Released, int]
    there: tuple[Released, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is in the public bucket now. `new`: objects that this run wrote, none if all were there.

    `faults`: sign-offs that were no help, and who made them so; it opened all the same.
    """

    manifest: Manifest
    new: tuple[Released, ...]
    faults: tuple[Fault, ...]


def plan(archive: Archive, case: CaseId, request: Hash, *, clock: Clock) -> Plan:
    """P1 and P2, as far as they can be asked without reading the payload. Nothing is written.

    RefusedError `not_released`, `request_unknown`, `not_for_everybody` (path, audience),
    `publication_too_early` (path, opens_at), `shares_below_quorum` (missing, bad, lost), `p_missing`;
    SetupError `clocks_differ` (seconds); ForgedError that says whose fault it is.
    """
    require_clock(archive.sweeper.now(), clock())
    raw = StoreCourier(archive.store).bundle(case, request)
    verified = read_bundle(raw, case, request)
    _require_public(verified, clock())
    unlocked = unlock(verified)
    payload, document = verified.record.body.payload.length, unlocked.metadata.length
    lengths = {Released.DOCUMENT: document, Released.PAYLOAD: payload, Released.BUNDLE: len(raw)}
    there = tuple(item for item in Released if is_there(archive.publisher, _name(verified, item)))
    return Plan(unlocked=unlocked, bundle=raw, lengths=lengths, there=there)


def publish(
    archive: Archive, case: CaseId, request: Hash, *, clock: Clock, progress: Progress = silent
) -> Published:
    """Put a release for everybody into the public bucket, with all that checking it takes (P1 to P6).

    Errors as `plan`; ForgedError `payload_digest_false` and others of `open_payload`;
    `published_object_differs` (object). Without a manifest nothing that was written before counts.
    """
    return _Publication(archive, plan(archive, case, request, clock=clock), progress).put()


def require_kind(verified: VerifiedBundle) -> None:
    """P1: RefusedError `not_for_everybody` (path, audience)."""
    audience = verified.path.record_path.terms.audience.kind
    if audience is not AudienceKind.PUBLIC:
        raise RefusedError("not_for_everybody", path=verified.request.path, audience=audience.value)


def hand(
    archive: Archive, case: CaseId, request: Hash, folder: Path, *, progress: Progress = silent
) -> VerifiedBundle:
    """Write bundle and payload of a released request into a folder that `escrow open FOLDER` opens.

    Whoever has it can open it only if it is the reader that the request names, or if it is for everybody.
    Errors as `fetch_release`.
    """
    fetched = fetch_release(StoreCourier(archive.store), case, request, folder, progress=progress)
    return read_bundle(fetched.bundle.read_bytes(), case, request)


def read_published(public: Public, name: str, *, limit: int) -> bytes:
    """A small public object. More than `limit` bytes are cut off, which no parser of ours takes for whole."""
    stop = min(public.published_length(name), limit + 1)
    return b"".join(public.published(name, stop=stop))


class _Publication:
    """One release on its way into the public bucket."""

    def __init__(self, archive: Archive, planned: Plan, progress: Progress) -> None:
        self._archive, self._publisher = archive, archive.publisher
        self._plan, self._unlocked = planned, planned.unlocked
        self._verified = planned.unlocked.verified
        self._progress = progress
        self._new: list[Released] = []

    def put(self) -> Published:
        """P3: the document first, the manifest last."""
        document, payload = self._put_document(), self._put_payload()
        shown, bundle = self._put_bundle()
        manifest = make_manifest(
            shown,
            self._unlocked.key,
            self._unlocked.metadata,
            document=document,
            payload=payload,
            bundle=bundle,
        )
        self._put_manifest(manifest.print())
        return Published(manifest=manifest, new=tuple(self._new), faults=self._unlocked.faults)

    def _put_document(self) -> Item:
        item, length = Released.DOCUMENT, self._plan.lengths[Released.DOCUMENT]
        if item not in self._plan.there:
            passing = Measured(pulled(self._open))
            if self._publish(item, passing, length):
                return passing.item
        return self._require_same(item, measure(pulled(self._open)))

    def _put_payload(self) -> Item:
        body, item = self._verified.record.body, Released.PAYLOAD
        signed = Item(sha256=body.payload.sha256, length=body.payload.length)
        if item not in self._plan.there:
            with self._payload() as source:
                arriving = iter(partial(source.read, 1024 * 1024), b"")
                passing = _watched(checked(arriving, signed), self._progress, signed.length)
                if self._publish(item, passing, signed.length):
                    return signed
        return self._require_same(item, signed)

    def _put_bundle(self) -> tuple[VerifiedBundle, Item]:
        """The bundle that lies there in the end, and of which the manifest speaks."""
        item, raw = Released.BUNDLE, self._plan.bundle
        ours = measure((raw,))
        if item not in self._plan.there and self._publish(item, (raw,), len(raw)):
            return self._verified, ours
        found = read_published(self._publisher, self._name(item), limit=MAX_BUNDLE)
        if found == raw:
            return self._verified, ours
        return self._other_bundle(found), measure((found,))

    def _other_bundle(self, raw: bytes) -> VerifiedBundle:
        """P4: it came before, with fewer sign-offs or more. It must open the same record by itself."""
        try:
            other = read_bundle(raw, self._verified.state.case, self._verified.request.hash)
            same = unlock(other).key == self._unlocked.key
        except EscrowError as error:
            raise ForgedError("published_object_differs", object=Released.BUNDLE.value) from error
        if not same:
            raise ForgedError("published_object_differs", object=Released.BUNDLE.value)
        return other

    def _put_manifest(self, raw: bytes) -> None:
        item = Released.MANIFEST
        if item not in self._plan.there and self._publish(item, (raw,), len(raw)):
            return
        if read_published(self._publisher, self._name(item), limit=MAX_MANIFEST) != raw:
            raise ForgedError("published_object_differs", object=item.value)

    def _publish(self, item: Released, chunks: Iterable[bytes], length: int) -> bool:
        written = self._publisher.publish(self._name(item), chunks, length=length)
        if written:
            self._new.append(item)
        return written

    def _require_same(self, item: Released, expected: Item) -> Item:
        """P4. One of another length, which may be any, is not read."""
        name = self._name(item)
        there = self._publisher.published_length(name)
        if there != expected.length or measure(self._publisher.published(name)) != expected:
            raise ForgedError("published_object_differs", object=item.value)
        return expected

    def _open(self, sink: Sink) -> None:
        with self._payload() as source:
            open_into(self._unlocked, source, sink, progress=self._progress)

    def _payload(self) -> PayloadReader:
        body, case = self._verified.record.body, self._verified.state.case
        courier = StoreCourier(self._archive.store, upload=body.payload.upload)
        return PayloadReader(courier, case, body.record, body.payload.length)

    def _name(self, item: Released) -> str:
        return _name(self._verified, item)


def _name(verified: VerifiedBundle, item: Released) -> str:
    return names.released(verified.state.case, verified.request.hash, item)


def _watched(chunks: Iterator[bytes], progress: Progress, total: int) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        done += len(chunk)
        progress(Stage.UPLOAD, done, total)
        yield chunk


def _require_public(verified: VerifiedBundle, now: datetime) -> None:
    """P1."""
    require_kind(verified)
    opens_at = verified.path.record_path.terms.not_before
    if opens_at is not None and opens_at > now:
        raise RefusedError("publication_too_early", path=verified.request.path, opens_at=to_time(opens_at))
