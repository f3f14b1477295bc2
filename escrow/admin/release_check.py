"""Check what was published with nothing but the public bucket, or a copy of it: it proves itself."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from escrow.admin.manifest import Item, Manifest
from escrow.admin.release import made, manifest_bytes, measure, require_kind
from escrow.client.opening import open_files, read_bundle
from escrow.errors import ForgedError, NotFoundError
from escrow.model.ids import CaseId, Hash
from escrow.store import names
from escrow.store.names import Released
from escrow.store.opening import Archive

_BESIDE = (Released.PAYLOAD, Released.BUNDLE, Released.DOCUMENT)


def check(archive: Archive, case: CaseId, request: Hash, work: Path) -> Manifest:
    """The manifest, once everything that it says has been made again from the bundle and the payload.

    From the case's id on nothing is believed. `work`: a folder with room for the payload and twice the
    document. NotFoundError `not_published`; ForgedError `published_object_differs` (object), and what opening
    refuses.
    """
    raw = manifest_bytes(archive.store.get, case, request)
    if raw is None:
        raise NotFoundError("not_published")
    manifest = Manifest.parse(raw)
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {item: _copied(archive, manifest, case, request, item, work / item.value) for item in _BESIDE}
    again = work / "opened-again"
    opened = open_files(found[Released.BUNDLE], found[Released.PAYLOAD], case, request, again, overwrite=True)
    verified = read_bundle(found[Released.BUNDLE].read_bytes(), case, request)
    require_kind(verified)
    items = {item: measure(path) for item, path in found.items()} | {Released.DOCUMENT: measure(again)}
    if made(verified, opened, items) != manifest:
        raise ForgedError("published_object_differs", object=Released.MANIFEST.value)
    return manifest


def _copied(
    archive: Archive, manifest: Manifest, case: CaseId, request: Hash, item: Released, path: Path
) -> Path:
    try:
        chunks = archive.publisher.published(names.released(case, request, item))
    except NotFoundError:
        raise ForgedError("published_object_differs", object=item.value) from None
    if _save(chunks, path) != getattr(manifest, item.value):
        raise ForgedError("published_object_differs", object=item.value)
    return path


def _save(chunks: Iterable[bytes], path: Path) -> Item:
    whole, length = hashlib.sha256(), 0
    with path.open("wb") as sink:
        for chunk in chunks:
            sink.write(chunk)
            whole.update(chunk)
            length += len(chunk)
    return Item(sha256=whole.hexdigest(), length=length)
