"""Bring a sealed payload to the service: numbered parts over one connection, only those that are not there
yet.

The service is asked first what it has; a part counts as there only if length and SHA-256 are those of the
file. The whole file's digest is compared with the signed statement on the way, so that a file changed since
sealing is found here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from escrow.client.courier import Courier, Part, Upload
from escrow.client.disk import open_source, renamed
from escrow.client.progress import Progress, Stage
from escrow.crypto.transcript import Sha256
from escrow.errors import MalformedError, SetupError, UnavailableError
from escrow.model.ids import CaseId
from escrow.model.record import Payload

PART_BYTES = 8 * 1024 * 1024
MAX_PART_BYTES = 64 * 1024 * 1024
MAX_PARTS = 10_000
TRIES = 3
"""A part whose digest comes back wrong was damaged on the way: it is sent again, this often in all."""


def upload_payload(
    courier: Courier, case: CaseId, payload: Payload, sealed: Path, progress: Progress
) -> None:
    """Upload the file of a deposit. Harmless to repeat.

    SetupError `sealed_file_differs`: not the file that the statement was signed for. UnavailableError
    `part_damaged`.
    """
    with open_source(sealed) as source:
        with renamed("file_unreadable"):
            length = sealed.stat().st_size
        if length != payload.length:
            raise SetupError("sealed_file_differs", file=str(sealed))
        plan = courier.begin_upload(case, payload.upload, length=length, part_size=_part_size(length))
        _require_plan(plan, payload)
        if plan.completed:
            progress(Stage.UPLOAD, length, length)
            return
        _send_parts(courier, case, plan, payload, sealed, source, progress)


def _send_parts(
    courier: Courier,
    case: CaseId,
    plan: Upload,
    payload: Payload,
    sealed: Path,
    source: BinaryIO,
    progress: Progress,
) -> None:
    there = {part.number: part for part in plan.parts}
    whole = Sha256()
    done = 0
    progress(Stage.UPLOAD, done, payload.length)
    for number, data in _parts(source, plan.part_size):
        whole.update(data)
        part = _part(number, data)
        if there.get(number) != part:
            _send_part(courier, case, plan, part, data)
        done += len(data)
        progress(Stage.UPLOAD, done, payload.length)
    if whole.digest().hex() != payload.sha256:
        raise SetupError("sealed_file_differs", file=str(sealed))


def _send_part(courier: Courier, case: CaseId, plan: Upload, part: Part, data: bytes) -> None:
    for _ in range(TRIES):
        if courier.put_part(case, plan.upload, part.number, data) == part:
            return
    raise UnavailableError("part_damaged", number=part.number)


def _parts(source: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    number = 1
    while True:
        with renamed("file_unreadable"):
            data = source.read(size)
        if not data:
            return
        yield number, data
        number += 1


def _part(number: int, data: bytes) -> Part:
    digest = Sha256()
    digest.update(data)
    return Part(number=number, length=len(data), sha256=digest.digest().hex())


def _part_size(length: int) -> int:
    """8 MiB, or more where that would make too many parts."""
    return min(max(PART_BYTES, -(-length // MAX_PARTS)), MAX_PART_BYTES)


def _require_plan(plan: Upload, payload: Payload) -> None:
    """An earlier plan for this upload may have had another part size; one that no client makes is refused."""
    count = -(-plan.length // plan.part_size)
    if plan.length != payload.length or plan.part_size > MAX_PART_BYTES or count > MAX_PARTS:
        raise MalformedError("answer_malformed", field="answer.part_size")
