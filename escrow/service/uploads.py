"""Staged uploads: opaque bytes in numbered parts, which count for nothing until a deposit names them.

Rules (numbered as in README.md):
 U1  Who holds a seat of the case may announce uploads, and nobody else.
 U2  An upload is at most `upload_bytes` long.
 U3  Only the card that announced an upload sends its parts, sees how far it is, and names it in a deposit; to
     everybody else it does not exist.
 U4  In one case a card has at most `open_uploads_per_card` uploads, of `staged_bytes_per_card` bytes in all,
     that no record names. They are counted when another is announced, from the names that say who announced
     what, so nothing else of the case or the store is looked at. What the service staged for an order that
     has entered by another upload is not counted: nobody sent it on purpose.
 U5  A payload in one body is announced with the plan's length, and completed only if its digest is the one
     announced beside it.
 U6  Addresses of parts are given to whom U3 lets send them, a page at a time, for a bounded time. What came
     by them is read back and hashed before a deposit counts (D2).
 U7  A part is at most `part_bytes` long, or 8 MiB if that is more, or what a payload of 10,000 parts needs:
     over S3 a worker holds two in memory for each body under way.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

from escrow.config import MIB, S3Settings, Settings
from escrow.errors import MalformedError, NotFoundError, RefusedError, TooLargeError
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId, Fingerprint, Hash, UploadId, new_upload_id
from escrow.service.desk import Desk
from escrow.service.gate import create, require_index, unknown
from escrow.store import names
from escrow.store.interface import (
    MAX_PAGE,
    MAX_PARTS,
    MIN_PART_BYTES,
    Bucket,
    PartReceipt,
    StoredPayload,
    UploadPlan,
)

_SIGN = 16
"""Digits of an order's hash in the id of an upload for it: of 32, and the rest is drawn."""
_STAGED = b"escrow.staged.v1\n"
"""What the object holds that says who announced an upload; its name says the rest."""
CLIENTS_PART = 8 * MIB
"""What clients send, whatever the service suggests."""
ADDRESS_VALID_S = 900
"""How long an address may be used, by whoever has it: a page of them takes less, and new ones cost little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadView:
    """How far an upload is. `completed`: it has become a payload, and takes no more parts."""

    upload: UploadId
    length: int
    part_size: int
    completed: bool
    parts: tuple[PartReceipt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressView:
    """Where one part may be sent to, by HTTP PUT. Whoever has the URL may."""

    number: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressesView:
    """`valid_s`: for how many seconds from now on. `next`: what to ask for parts after; None at the end."""

    addresses: tuple[AddressView, ...]
    valid_s: int
    next: int | None


def begin(
    desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId, plan: UploadPlan
) -> UploadView:
    """Announce an upload; the same again says how far it is.

    RefusedError: `upload_plan_differs`, `uploads_open_limit`, `upload_quota`. TooLargeError:
    `upload_too_large`. MalformedError: `part_size_out_of_range` (U7).
    """
    require_index(desk, case, caller)
    name = names.payload(case, upload)
    with desk.journal.reading(case) as state:  # held, so that announcements are counted one by one
        owner = _seat_holder(state, caller)
        if plan.length > desk.settings.upload_bytes:
            raise TooLargeError("upload_too_large", field="length", limit=desk.settings.upload_bytes)
        if not _is_announced(desk, name):
            _require_part_size(desk.settings, plan)
            _require_quota(desk, state, owner, plan.length)
            create(desk, Bucket.RECORDS, names.staged(case, owner, upload), _STAGED)
        desk.store.begin_upload(name, replace(plan, owner=owner))
    return _view(desk, case, upload)


def upload_for(order: Hash) -> UploadId:
    """A fresh id of an upload that says, by its first half, for which drop-off order it is (U4)."""
    return _sign_of(order) + new_upload_id()[_SIGN:]


def _sign_of(order: Hash) -> str:
    return order[:_SIGN]


def begin_for(desk: Desk, case: CaseId, depositor: Fingerprint, upload: UploadId, length: int) -> str:
    """The same for what the service seals itself, by a drop-off order; the payload's name.

    It counts among the depositor's (U4), and nobody but the service can send any of it (U3).
    """
    name = names.payload(case, upload)
    with desk.journal.reading(case) as state:
        if length > desk.settings.upload_bytes:
            raise TooLargeError("upload_too_large", field="length", limit=desk.settings.upload_bytes)
        _require_quota(desk, state, depositor, length)
        create(desk, Bucket.RECORDS, names.staged(case, depositor, upload), _STAGED)
        part_size = min(length, max(desk.settings.part_bytes, -(-length // MAX_PARTS)))
        service = state.service.fingerprint
        desk.store.begin_upload(name, UploadPlan(length=length, part_size=part_size, owner=service))
    return name


def progress(desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId) -> UploadView:
    _require_owner(desk, caller, case, upload)
    return _view(desk, case, upload)


def put_part(
    desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId, number: int, body: BinaryIO
) -> PartReceipt:
    """Take one part, whole or not at all."""
    _require_owner(desk, caller, case, upload)
    return desk.store.put_part(names.payload(case, upload), number, body)


def put_payload(
    desk: Desk,
    caller: Fingerprint | None,
    case: CaseId,
    upload: UploadId,
    *,
    length: int,
    sha256: str | None,
    body: BinaryIO,
) -> StoredPayload:
    """U3 and U5: take the whole payload in one body of so many bytes, and complete it.

    MalformedError `payload_length_announced` (expected, found); UnavailableError `payload_damaged`;
    RefusedError `upload_completed`, also where other bytes completed it meanwhile. Where the body breaks off,
    its whole parts count, and the rest may come by `put_part`.
    """
    plan = _require_owner(desk, caller, case, upload)
    if length != plan.length:
        raise MalformedError(
            "payload_length_announced", field="Content-Length", expected=plan.length, found=length
        )
    stored = desk.store.put_payload(names.payload(case, upload), body, sha256=sha256)
    if sha256 is not None and stored.sha256 != sha256:
        raise RefusedError("upload_completed")
    return stored


def addresses(
    desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId, *, after: int, limit: int
) -> AddressesView:
    """U3 and U6: where storage itself takes the parts after number `after`, at most `limit` of them.

    RefusedError `addresses_not_offered`, `upload_completed`.
    """
    plan = _require_owner(desk, caller, case, upload)
    last = min(plan.part_count, after + limit)
    numbers = range(after + 1, last + 1)
    found = desk.store.part_addresses(names.payload(case, upload), numbers, valid_s=ADDRESS_VALID_S)
    if found is None:
        raise RefusedError("addresses_not_offered")
    return AddressesView(
        addresses=tuple(
            AddressView(number=number, url=url) for number, url in zip(numbers, found, strict=True)
        ),
        valid_s=ADDRESS_VALID_S,
        next=last if last < plan.part_count else None,
    )


def offers_addresses(settings: Settings) -> bool:
    """Parties reach the storage by an address of its own."""
    return isinstance(settings.store, S3Settings) and settings.store.public_endpoint is not None


def _seat_holder(state: CaseState, caller: Fingerprint | None) -> Fingerprint:
    """U1."""
    if caller is None or not state.seats_of(caller):
        raise unknown()
    return caller


def _require_owner(desk: Desk, caller: Fingerprint | None, case: CaseId, upload: UploadId) -> UploadPlan:
    """U1 and U3. The plan that the caller announced."""
    require_index(desk, case, caller)
    with desk.journal.reading(case) as state:
        owner = _seat_holder(state, caller)
    try:
        plan = desk.store.upload_plan(names.payload(case, upload))
    except NotFoundError:
        raise unknown() from None
    if plan.owner != owner:
        raise unknown()
    return plan


def _is_announced(desk: Desk, name: str) -> bool:
    try:
        desk.store.upload_plan(name)
    except NotFoundError:
        return False
    return True


def largest_part(settings: Settings, length: int) -> int:
    """U7: the largest part of a payload of this length that a worker takes, and holds in memory twice."""
    return max(settings.part_bytes, CLIENTS_PART, -(-length // MAX_PARTS))


def _require_part_size(settings: Settings, plan: UploadPlan) -> None:
    most = largest_part(settings, plan.length)
    if min(plan.part_size, plan.length) > most:
        raise MalformedError(
            "part_size_out_of_range", field="part_size", least=MIN_PART_BYTES, most=most, parts=MAX_PARTS
        )


def _require_quota(desk: Desk, state: CaseState, owner: Fingerprint, length: int) -> None:
    """U4, if one of this length comes to those that are open."""
    settings = desk.settings
    entered = {_sign_of(one.ordered.hash) for one in state.records.values() if one.ordered is not None}
    count, staged = 0, length
    for upload in _announced_by(desk, state, owner):
        with suppress(NotFoundError):  # a crash came between the name and the plan
            plan = desk.store.upload_plan(names.payload(state.case, upload))
            if plan.owner != owner and upload[:_SIGN] in entered:  # the service's own, and no seat's trick
                continue
            staged += plan.length
        count += 1
        if count >= settings.open_uploads_per_card:
            raise RefusedError("uploads_open_limit", limit=settings.open_uploads_per_card)
    if staged > settings.staged_bytes_per_card:
        raise RefusedError("upload_quota", limit=settings.staged_bytes_per_card)


def _announced_by(desk: Desk, state: CaseState, owner: Fingerprint) -> Iterator[UploadId]:
    """Uploads that this card announced and no record names."""
    prefix = names.staged_by(state.case, owner)
    after = ""
    while True:
        page = desk.store.names(Bucket.RECORDS, prefix, after=after)
        for name in page:
            upload = names.parse_staged(name).upload
            if upload not in state.uploads:
                yield upload
        if len(page) < MAX_PAGE:
            return
        after = page[-1]


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
