"""Open a released record, as a named reader or as anybody. (Bodies follow.)"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from escrow.client.courier import Courier
from escrow.client.progress import Progress, silent
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.payload import Metadata
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
) -> Opened:
    """Fetch bundle and payload of a released request, verify all of it from the case's id up, and write the
    plain file.

    `out` is a file, or a folder to put the file in under the depositor's name for it. `identity`: the reader
    that a ticket names; None for a public release. `ticket`: the reader's own, which the request must then
    carry (ForgedError `request_without_ticket`). RefusedError `out_exists` unless `overwrite`.
    """
    raise NotImplementedError
