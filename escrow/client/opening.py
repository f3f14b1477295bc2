"""Open a released record: as the reader that a ticket names, or as anybody where it was released to the
public; from its service, or from a bundle and a payload alone.

Numbered as in README.md. Steps 1 to 5 need nothing but the bundle and the case's id; nothing is written
before they hold.

 O1  The bundle verifies from the case's id up (escrow/ledger/bundle.py); where this party knows the chain, no
     entry of the bundle differs from it.
 O2  The reader's own ticket is in the request, and it is the one given, if one was.
 O3  Verified shares are combined; each seat that sent something false is named.
 O4  The key unwraps and is the one that the record commits to.
 O5  The metadata opens under it; its file name is a bare one. Metadata that its depositor made useless keeps
     nobody from the document: it gets a name of ours, and the depositor is named. Where no true length is to
     be had, zeros stay behind it.
 O6  The payload is streamed, decrypted and checked against length and digest; the file appears, whole, under
     its name at the very end. One that is there already stays, unless `overwrite`.
 O7  Where the service sealed the record by a drop-off order, document and metadata are those that the order
     promises; else the service is named, and no file appears.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from escrow.client.courier import Courier, ReleaseCourier
from escrow.client.disk import renamed
from escrow.client.downloading import PayloadReader
from escrow.client.progress import Progress, silent
from escrow.client.unlocking import Fault, open_into, unlock
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.landing import landing
from escrow.crypto.padding import Source
from escrow.crypto.payload import Metadata
from escrow.errors import Field, ForgedError, NotFoundError, RefusedError, UnauthorizedError
from escrow.ledger.bundle import MAX_BUNDLE, Bundle, VerifiedBundle
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.model.wire import to_time

Payload = Callable[[VerifiedBundle], AbstractContextManager[Source]]
"""Where the ciphertext comes from, once it is known which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Where the plain file is, what its depositor said of it, and who sent something false on the way."""

    path: Path
    case: CaseId
    record: RecordId
    request: Hash
    depositor: Card
    metadata: Metadata
    released_at: datetime
    faults: tuple[Fault, ...]


def open_release(
    courier: Courier,
    case: CaseId,
    request: Hash,
    out: Path,
    *,
    identity: Identity | None = None,
    ticket: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    known: CaseState | None = None,
) -> Opened:
    """Fetch bundle and payload of a released request, verify all of it, and write the plain file (rules O1 to
    O6).

    `out` is a file, or a folder to put the file in under the depositor's name for it. `identity`: the reader
    that a ticket names; None for a public release. `ticket`: the reader's own, which the request must then
    carry (ForgedError `request_without_ticket`). `known`: the case's state, for who can follow its chain.
    RefusedError `file_exists` unless `overwrite`; RefusedError `reader_not_named`, `shares_below_quorum`,
    `p_missing`; RefusedError `not_released` (have, need, missing, and opens_at while the date is ahead) for a
    member or a named reader who comes too early; NotFoundError `not_found` for everybody else.
    """
    verified = read_bundle(ask_bundle(courier, case, request), case, request)
    if known is not None:
        _require_known(verified, known)

    def arriving(bundle: VerifiedBundle) -> AbstractContextManager[Source]:
        body = bundle.record.body
        return PayloadReader(courier, case, body.record, body.payload.length)

    return _open(verified, arriving, out, identity, ticket, overwrite=overwrite, progress=progress)


def open_files(
    bundle: Path,
    payload: Path,
    case: CaseId,
    request: Hash,
    out: Path,
    *,
    identity: Identity | None = None,
    ticket: str | None = None,
    progress: Progress = silent,
    overwrite: bool = False,
    known: CaseState | None = None,
) -> Opened:
    """Open a released record from two files, as `fetch_release` writes them: without its service, for ever.

    Everything is verified as in `open_release`, `known` too, from `case` up: it matters who told you its id.
    Errors too are the same; SetupError `file_unreadable`, MalformedError where the bundle is none.
    """
    with renamed("file_unreadable"), bundle.open("rb") as file:
        raw = file.read(MAX_BUNDLE + 1)

    @contextmanager
    def lying_there(_: VerifiedBundle) -> Iterator[Source]:
        with renamed("file_unreadable"), payload.open("rb") as source:
            yield source

    verified = read_bundle(raw, case, request)
    if known is not None:
        _require_known(verified, known)
    return _open(verified, lying_there, out, identity, ticket, overwrite=overwrite, progress=progress)


def ask_bundle(courier: ReleaseCourier, case: CaseId, request: Hash) -> bytes:
    """The bundle, unverified; or why there is none, as far as the service tells this caller (see
    `open_release`).
    """
    try:
        return courier.bundle(case, request)
    except NotFoundError as error:
        try:
            asked = courier.request(case, request)
        except (NotFoundError, UnauthorizedError):
            raise error from None
        if asked.released:
            raise
        date: dict[str, Field] = {} if asked.opens_at is None else {"opens_at": to_time(asked.opens_at)}
        raise RefusedError(
            "not_released", request=request, have=asked.have, need=asked.need, missing=asked.missing, **date
        ) from error


def read_bundle(raw: bytes, case: CaseId, request: Hash) -> VerifiedBundle:
    """O1, as far as the bundle alone can say."""
    return Bundle.parse(raw).verify(case, request)


def _require_known(verified: VerifiedBundle, known: CaseState) -> None:
    """O1, for who has followed the chain."""
    for n, entry in verified.state.entries.items():
        if known.entries.get(n, entry) != entry:
            raise ForgedError("ledger_forked", n=n)


def _open(
    verified: VerifiedBundle,
    payload: Payload,
    out: Path,
    identity: Identity | None,
    ticket: str | None,
    *,
    overwrite: bool,
    progress: Progress,
) -> Opened:
    """O2 to O6, wherever the bytes come from."""
    unlocked = unlock(verified, identity, ticket)
    path = _target(out, unlocked.metadata.filename, overwrite=overwrite)
    with payload(verified) as source, landing(path, overwrite=overwrite) as sink:
        open_into(unlocked, source, sink, progress=progress)
    return Opened(
        path=path,
        case=verified.state.case,
        record=verified.record.body.record,
        request=verified.request.hash,
        depositor=verified.record.depositor,
        metadata=unlocked.metadata,
        released_at=released_at(verified),
        faults=unlocked.faults,
    )


def released_at(verified: VerifiedBundle) -> datetime:
    """When its policy was met, aware UTC."""
    at = verified.request.released_at
    if at is None:
        raise ValueError("a verified bundle is of a released request")
    return at


def _target(out: Path, filename: str, *, overwrite: bool) -> Path:
    """O5: where the file goes. Metadata refuses any name that is more than a bare one."""
    path = out / filename if out.is_dir() else out
    if os.path.lexists(path) and not overwrite:
        raise RefusedError("file_exists", file=path.name)
    return path
