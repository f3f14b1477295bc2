"""Staged uploads: opaque bytes in numbered parts, which count for nothing until a deposit names them.

Rule U1: only who holds a seat of the case may send any. Rule U2: at most `upload_bytes` in all.
"""

from dataclasses import dataclass
from typing import BinaryIO

from escrow.errors import NotFoundError, RefusedError, TooLargeError
from escrow.model.ids import CaseId, Fingerprint, UploadId
from escrow.service.desk import Desk
from escrow.service.gate import require_index, unknown
from escrow.store import names
from escrow.store.interface import PartReceipt, UploadPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadView:
    """How far an upload is. `completed`: it has become a payload, and takes no more parts."""

    upload: UploadId
    length: int
    part_size: int
    completed: bool
    parts: tuple[PartReceipt, ...]


def begin(
    desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId, plan: UploadPlan
) -> UploadView:
    """Announce an upload; the same again says how far it is. RefusedError `upload_plan_differs`."""
    _require_seat(desk, caller, case)
    if plan.length > desk.settings.upload_bytes:
        raise TooLargeError("upload_too_large", field="length", limit=desk.settings.upload_bytes)
    desk.store.begin_upload(names.payload(case, upload), plan)
    return _view(desk, case, upload)


def progress(desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId) -> UploadView:
    _require_seat(desk, caller, case)
    return _view(desk, case, upload)


def put_part(
    desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId, number: int, body: BinaryIO
) -> PartReceipt:
    """Take one part, whole or not at all."""
    _require_seat(desk, caller, case)
    try:
        return desk.store.put_part(names.payload(case, upload), number, body)
    except NotFoundError:
        raise unknown() from None


def _require_seat(desk: Desk, caller: Fingerprint | None, case: CaseId) -> None:
    """U1."""
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        if caller is None or not state.seats_of(caller):
            raise unknown()


def _view(desk: Desk, case: CaseId, upload: UploadId) -> UploadView:
    name = names.payload(case, upload)
    plan = desk.store.upload_plan(name)
    completed = False
    parts: tuple[PartReceipt, ...] = ()
    try:
        parts = tuple(desk.store.parts(name))
    except RefusedError as error:
        if error.code != "upload_completed":
            raise
        completed = True
    return UploadView(
        upload=upload, length=plan.length, part_size=plan.part_size, completed=completed, parts=parts
    )
