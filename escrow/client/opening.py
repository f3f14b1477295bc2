"""Open a released record: as the reader that a ticket names, or as anybody where it was released to the
public.

Numbered as in README.md. Steps 1 to 5 need nothing but the bundle and the case's id; nothing is written
before they hold.

 O1  The bundle verifies from the case's id up (escrow/ledger/bundle.py); where this party knows the chain, no
     entry of the bundle differs from it.
 O2  The reader's own ticket is in the request, and it is the one given, if one was.
 O3  Verified shares are combined; each seat that sent something false is named.
 O4  The key unwraps and is the one that the record commits to.
 O5  The metadata opens under it; its file name is a bare one, or the metadata is refused.
 O6  The payload is streamed, decrypted and checked against length and digest; the file appears, whole, under
     its name at the very end. One that is there already stays, unless `overwrite`.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from escrow.client.courier import Courier
from escrow.client.downloading import PayloadReader
from escrow.client.progress import Progress, Stage, silent
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.payload import Metadata, open_file, open_metadata
from escrow.crypto.ticket import TicketKeys
from escrow.errors import ForgedError, RefusedError
from escrow.ledger.bundle import Bundle, OpenedKey, VerifiedBundle, open_shares
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId, Hash, RecordId


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A seat whose sign-off was no help: `code` says how. The record opened with others'."""

    seat: str
    code: str


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
    `p_missing`; NotFoundError `not_found` where the request is unknown, or not released to this reader.
    """
    verified = _fetch_bundle(courier, case, request, known)
    card, keys = _reader(verified, identity, ticket)
    opened = open_shares(verified, ticket_keys=keys, card=card)
    record = verified.record
    metadata = open_metadata(opened.key, record.r, record.body.metadata)
    path = _target(out, metadata.filename, overwrite=overwrite)
    _write(courier, verified, opened.key, metadata.length, path, overwrite, progress)
    return _opened(verified, opened, metadata, path)


def _opened(verified: VerifiedBundle, opened: OpenedKey, metadata: Metadata, path: Path) -> Opened:
    released_at = verified.request.released_at
    if released_at is None:  # a verified bundle is of a released request
        raise RefusedError("not_released", request=verified.request.hash)
    faults = [*verified.bad, *((seat, "p_false") for seat in opened.named)]
    return Opened(
        path=path,
        case=verified.state.case,
        record=verified.record.body.record,
        request=verified.request.hash,
        depositor=verified.record.author,
        metadata=metadata,
        released_at=released_at,
        faults=tuple(Fault(seat=seat, code=code) for seat, code in faults),
    )


def _fetch_bundle(courier: Courier, case: CaseId, request: Hash, known: CaseState | None) -> VerifiedBundle:
    """O1."""
    verified = Bundle.parse(courier.bundle(case, request)).verify(case, request)
    if known is not None:
        for n, entry in verified.state.entries.items():
            if known.entries.get(n, entry) != entry:
                raise ForgedError("ledger_forked", n=n)
    return verified


def _reader(
    verified: VerifiedBundle, identity: Identity | None, ticket: str | None
) -> tuple[Card | None, TicketKeys | None]:
    """O2. Keys follow from the reader's seed and the words of its own ticket in the request."""
    if ticket is not None and ticket not in verified.request.tickets_raw:
        raise ForgedError("request_without_ticket", request=verified.request.hash)
    if identity is None or not verified.request.tickets:
        return None, None
    own = verified.ticket_of(identity.card)
    keys = identity.ticket_keys(own.case, own.record, own.path, bytes.fromhex(own.dealing), own.nonce)
    return identity.card, keys


def _target(out: Path, filename: str, *, overwrite: bool) -> Path:
    """O5: where the file goes. Metadata refuses any name that is more than a bare one."""
    path = out / filename if out.is_dir() else out
    if os.path.lexists(path) and not overwrite:
        raise RefusedError("file_exists", file=path.name)
    return path


def _write(
    courier: Courier,
    verified: VerifiedBundle,
    key: bytes,
    plain_length: int,
    path: Path,
    overwrite: bool,
    progress: Progress,
) -> None:
    """O6."""
    body = verified.record.body
    payload = body.payload
    with PayloadReader(courier, verified.state.case, body.record, payload.length) as reader:
        open_file(
            reader,
            path,
            key,
            plain_length=plain_length,
            sealed_length=payload.length,
            sha256=bytes.fromhex(payload.sha256),
            overwrite=overwrite,
            progress=lambda done: progress(Stage.OPEN, done, plain_length),
        )
