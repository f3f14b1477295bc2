"""Fetch a released record to keep: `bundle.json` and `payload`, all that opening it will ever need beside the
reader's identity (opening.open_files), with a label that says of what (carrying.py).

Numbered as in README.md.

 K1  The bundle is written once it has verified, for this case and request, and its shares suffice to open it.
     One that is there is replaced only by another of the same request that has all of its shares: later
     sign-offs come to it, and nothing that was kept is lost again.
 K2  The payload gathers in `payload.part`, and gets its name once length and SHA-256 are those of the signed
     statement. What an interruption left is hashed again and gone on with; if that was not the beginning of
     this payload, it is fetched anew.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from escrow.client.carrying import BUNDLE_NAME, PAYLOAD_NAME, Release, write_label
from escrow.client.courier import ReleaseCourier
from escrow.client.disk import renamed
from escrow.client.downloading import PayloadReader
from escrow.client.opening import ask_bundle, read_bundle
from escrow.client.progress import Progress, Stage, silent
from escrow.client.unlocking import reader_keys
from escrow.crypto.identity import Identity
from escrow.crypto.landing import landing
from escrow.crypto.transcript import Sha256
from escrow.errors import EscrowError, ForgedError, RefusedError
from escrow.ledger.bundle import MAX_BUNDLE, VerifiedBundle, require_quorum
from escrow.model.ids import CaseId, Hash
from escrow.model.record import RecordBody

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The two files, verified. `length` is that of the payload, in bytes."""

    bundle: Path
    payload: Path
    length: int


def fetch_release(
    courier: ReleaseCourier,
    case: CaseId,
    request: Hash,
    folder: Path,
    identity: Identity | None = None,
    *,
    progress: Progress = silent,
) -> Fetched:
    """Fetch a released request into `folder`, which `escrow open FOLDER` then opens without the service.

    Writes bundle, payload and label. Harmless to repeat: it goes on.

    `identity`: insist, before anything is written, that the request names this reader (RefusedError
    `reader_not_named`). RefusedError `not_released` and `shares_below_quorum`, and NotFoundError `not_found`,
    as in `opening.open_release`; RefusedError `file_exists` where another file has one of the names;
    ForgedError `payload_digest_false`, `payload_truncated`, `payload_too_long`; SetupError
    `file_not_written`.
    """
    raw = ask_bundle(courier, case, request)
    verified = read_bundle(raw, case, request)
    require_quorum(verified)
    if identity is not None:
        reader_keys(verified, identity, None)
    with renamed("file_not_written"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_label(folder, Release(service=courier.url, case=case, request=request))
    bundle, payload = folder / BUNDLE_NAME, folder / PAYLOAD_NAME
    _keep_bundle(raw, verified, bundle)
    body = verified.record.body
    if os.path.lexists(payload):
        _require_same(payload, body)
    else:
        _fetch_payload(courier, case, body, payload, progress)
    return Fetched(bundle=bundle, payload=payload, length=body.payload.length)


def _keep_bundle(raw: bytes, verified: VerifiedBundle, path: Path) -> None:
    """K1."""
    replaces = os.path.lexists(path)
    if replaces:
        with renamed("file_unreadable"), path.open("rb") as file:
            kept = file.read(MAX_BUNDLE + 1)
        try:
            standing = read_bundle(kept, verified.state.case, verified.request.hash)
        except EscrowError:
            raise RefusedError("file_exists", file=path.name) from None
        if not standing.shares.keys() <= verified.shares.keys():
            return
    left = memoryview(raw)
    with landing(path, overwrite=replaces) as sink:
        while left:  # a disk that fills up takes a part, and refuses only then
            left = left[sink.write(left) :]


def _require_same(path: Path, body: RecordBody) -> None:
    with renamed("file_unreadable"), path.open("rb") as file:
        if _hash(file, Sha256(), body.payload.length + 1) != body.payload.sha256:
            raise RefusedError("file_exists", file=path.name)


def _fetch_payload(
    courier: ReleaseCourier, case: CaseId, body: RecordBody, path: Path, progress: Progress
) -> None:
    """K2."""
    part = path.with_name(f"{path.name}.part")
    with renamed("file_not_written"):
        resumed = part.exists() and part.stat().st_size > 0
    found = _gather(courier, case, body, part, progress)
    if found != body.payload.sha256 and resumed:
        _remove(part)
        found = _gather(courier, case, body, part, progress)
    if found != body.payload.sha256:
        _remove(part)
        raise ForgedError("payload_digest_false", expected=body.payload.sha256, found=found)
    with renamed("file_not_written"):
        os.replace(part, path)


def _remove(part: Path) -> None:
    with renamed("file_not_written"):
        part.unlink(missing_ok=True)


def _gather(courier: ReleaseCourier, case: CaseId, body: RecordBody, part: Path, progress: Progress) -> str:
    """Bring the part to its full length; its SHA-256."""
    total = body.payload.length
    digest = Sha256()
    with renamed("file_not_written"), os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        _hash(file, digest, total)
        done = file.tell()
        file.truncate(done)
        progress(Stage.FETCH, done, total)
        if done == total:
            return digest.digest().hex()
        with PayloadReader(courier, case, body.record, total, start=done) as reader:
            while piece := reader.read(CHUNK):
                done += len(piece)
                if done > total:
                    raise ForgedError("payload_too_long", expected=total)
                digest.update(piece)
                file.write(piece)
                progress(Stage.FETCH, done, total)
    if done < total:
        raise ForgedError("payload_truncated", expected=total, found=done)
    return digest.digest().hex()


def _hash(file: BinaryIO, digest: Sha256, limit: int) -> str:
    """Of the first `limit` bytes, or of all there are."""
    while piece := file.read(min(CHUNK, limit)):
        digest.update(piece)
        limit -= len(piece)
    return digest.digest().hex()
