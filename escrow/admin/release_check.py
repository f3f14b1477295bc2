"""Check what was published with nothing but the public bucket, or a copy of it: it proves itself.

C1  The bundle is the manifest's, and verifies from the case's id up; the release is one for everybody.
C2  The record's key opens from it, and is the one that the depositor committed to.
C3  The payload is the signed one, and opens to the document, byte for byte.
C4  The manifest says what these say, and nothing else.
"""

from functools import partial

from escrow.admin.manifest import MAX_MANIFEST, Item, Manifest, make_manifest
from escrow.admin.passing import ChunkSource, measure, pulled
from escrow.admin.public_copy import Public
from escrow.admin.release import read_published, require_kind
from escrow.client.opening import read_bundle
from escrow.client.progress import Progress, silent
from escrow.client.unlocking import BY_AUTHOR, Unlocked, open_into, unlock
from escrow.crypto.outlet import Sink
from escrow.errors import ForgedError, NotFoundError
from escrow.ledger.bundle import MAX_BUNDLE, VerifiedBundle
from escrow.model.ids import CaseId, Hash
from escrow.store import names
from escrow.store.names import Released


def check(public: Public, case: CaseId, request: Hash, *, progress: Progress = silent) -> Manifest:
    """The manifest, once all that it says has been made again from bundle and payload (C1 to C4).

    From the case's id on nothing is believed, and nothing is written. NotFoundError `not_published`;
    ForgedError `published_object_differs` (object), and what opening refuses; MalformedError.
    """
    return checked_release(public, case, request, progress=progress)[0]


def checked_release(
    public: Public, case: CaseId, request: Hash, *, progress: Progress = silent
) -> tuple[Manifest, VerifiedBundle]:
    """As `check`, with the bundle that bears it out."""
    return _Check(public, case, request, progress).run()


class _Check:
    def __init__(self, public: Public, case: CaseId, request: Hash, progress: Progress) -> None:
        self._public, self._case, self._request, self._progress = public, case, request, progress

    def run(self) -> tuple[Manifest, VerifiedBundle]:
        try:
            raw = read_published(self._public, self._name(Released.MANIFEST), limit=MAX_MANIFEST)
        except NotFoundError:
            raise NotFoundError("not_published") from None
        manifest = Manifest.parse(raw)
        bundle = self._small(Released.BUNDLE, MAX_BUNDLE)
        if measure((bundle,)) != manifest.bundle:
            raise _differs(Released.BUNDLE)
        verified = read_bundle(bundle, self._case, self._request)
        require_kind(verified)
        unlocked = unlock(verified)
        document = self._document(unlocked)
        signed = verified.record.body.payload
        made = make_manifest(
            verified, unlocked.key, unlocked.metadata, document=document,
            payload=Item(sha256=signed.sha256, length=signed.length), bundle=manifest.bundle,
        )  # fmt: skip
        if made.print() != raw:
            raise _differs(Released.MANIFEST)
        return manifest, verified

    def _document(self, unlocked: Unlocked) -> Item:
        """C3."""
        try:
            opened = measure(pulled(partial(self._open, unlocked)))
        except ForgedError as error:
            if error.code in BY_AUTHOR:
                raise
            raise _differs(Released.PAYLOAD) from error
        name = self._name(Released.DOCUMENT)
        try:  # one of another length, which may be any, is not read
            same = self._public.published_length(name) == opened.length
            same = same and measure(self._public.published(name)) == opened
        except NotFoundError:
            same = False
        if not same:
            raise _differs(Released.DOCUMENT)
        return opened

    def _open(self, unlocked: Unlocked, sink: Sink) -> None:
        try:
            chunks = self._public.published(self._name(Released.PAYLOAD))
        except NotFoundError:
            raise _differs(Released.PAYLOAD) from None
        open_into(unlocked, ChunkSource(chunks), sink, progress=self._progress)

    def _small(self, item: Released, limit: int) -> bytes:
        try:
            return read_published(self._public, self._name(item), limit=limit)
        except NotFoundError:
            raise _differs(item) from None

    def _name(self, item: Released) -> str:
        return names.released(self._case, self._request, item)


def _differs(item: Released) -> ForgedError:
    return ForgedError("published_object_differs", object=item.value)
