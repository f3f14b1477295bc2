"""Drop-offs by hand: an order, the form that carries it, and the deed that a service makes of it."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from support import build
from support.parties import CASE_KEY, SERVICE, bytes_of

from escrow.crypto.drop_off import ordered_digest, seal_salt
from escrow.crypto.identity import Identity
from escrow.crypto.metadata import Metadata
from escrow.crypto.payload import new_key, seal_payload, sealed_length
from escrow.ledger.order import sign_order
from escrow.ledger.state import CaseState
from escrow.model.case_key import Place, place
from escrow.model.charter import Charter
from escrow.model.deeds import RecordDroppedOff
from escrow.model.drop_off import DropOffOrder, OrderFile
from escrow.model.path import PathTerms
from escrow.model.record import Payload
from escrow.model.sealing import Frame, seal_record

BOUNDARY = "a-boundary-of-the-tests"
KIND = f"multipart/form-data; boundary={BOUNDARY}"
DOCUMENT = b"What we agreed on in the last night, and who pays.\n" * 30


def charter(**options: object) -> Charter:
    """The charter of build.py, with drop-offs."""
    return replace(build.charter(**options), drop_off=True)  # type: ignore[arg-type]


def case_with_drop_offs(chain: build.Chain | None = None) -> build.Case:
    case = build.Case() if chain is None else build.Case(chain=chain)
    return case.open(charter(seats=case.seats, convenor=case.convenor)).accept_all()


def order_of(
    state: CaseState,
    document: bytes = DOCUMENT,
    *,
    name: str = "record",
    title: str = "The last night",
    filename: str = "night.txt",
    paths: Sequence[PathTerms] | None = None,
) -> tuple[DropOffOrder, bytes, Metadata]:
    """An order that is not signed yet, and its salt and metadata. `name` draws the record's id."""
    record, salt = bytes_of(f"record {name}", 16).hex(), bytes_of(f"salt {name}")
    metadata = Metadata(title=title, filename=filename, media_type="text/plain", length=len(document))
    chosen = paths or [build.terms(state, template.name) for template in state.current.charter.paths]
    order = DropOffOrder(
        case=state.case,
        charter=state.current.proposal,
        record=record,
        service=state.service,
        label=CASE_KEY.seal_text(name, place(Place.LABEL, state.case, record)),
        replaces=None,
        paths=tuple((one, one.encode()) for one in chosen),
        length=sealed_length(len(document)),
        digest=ordered_digest(salt, metadata, hashlib.sha256(document).digest()).hex(),
    )
    return order, salt, metadata


def order_file(
    state: CaseState, who: Identity, document: bytes = DOCUMENT, *, name: str = "record", **changed: object
) -> OrderFile:
    """A signed order for this document, with fields changed before it is signed."""
    order, salt, metadata = order_of(state, document, name=name)
    signed = sign_order(who, replace(order, **changed))  # type: ignore[arg-type]
    return OrderFile(order=signed, salt=salt, metadata=metadata)


def form(order: bytes, document: bytes = DOCUMENT, *, boundary: str = BOUNDARY) -> bytes:
    """What curl sends with `-F order=@... -F document=@...`."""

    def part(name: str, data: bytes) -> bytes:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        return head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"

    return part("order", order) + part("document", document) + f"--{boundary}--\r\n".encode()


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A drop-off as an honest service states it, before it is signed, and its ciphertext and key."""

    deed: RecordDroppedOff
    key: bytes
    sealed: bytes
    frame: Frame


def dropped(
    state: CaseState,
    depositor: Identity,
    *,
    name: str = "record",
    service: Identity = SERVICE,
    ordered: bytes = DOCUMENT,
    document: bytes = DOCUMENT,
    title: str | None = None,
    changed: dict[str, object] | None = None,
    quoted: dict[str, object] | None = None,
    raw: str | None = None,
    salt: bytes | None = None,
) -> Dropped:
    """What the service states. A lying one seals another `document`, `title` or `salt` than was ordered, or
    quotes another order than it followed (`quoted`, or `raw`). `changed`: of the order that it follows.
    """
    order, true_salt, metadata = order_of(state, ordered, name=name)
    order = replace(order, **(changed or {}))  # type: ignore[arg-type]
    signed = raw or sign_order(depositor, replace(order, **(quoted or {})))  # type: ignore[arg-type]
    said = replace(metadata, length=len(document), title=title or metadata.title)
    file = OrderFile(order=signed, salt=true_salt if salt is None else salt, metadata=said)
    return carry_out(state, file, order, document, service=service)


def carry_out(
    state: CaseState, file: OrderFile, order: DropOffOrder, document: bytes, *, service: Identity = SERVICE
) -> Dropped:
    """Seal this document by this order, and quote the one in the file."""
    held = state.current
    frame = Frame(
        author=service.card.fingerprint,
        case=state.case,
        charter=held.proposal,
        record=order.record,
        label=order.label,
        replaces=order.replaces,
        paths=[(one, text, held.seats_public(one.policy.seats)) for one, text in order.paths],
    )
    key, sink = new_key(), io.BytesIO()
    made = seal_payload(io.BytesIO(document), sink, key)
    upload = bytes_of(f"upload of {order.record}", 16).hex()
    payload = Payload(sha256=made.sha256.hex(), length=made.length, upload=upload)
    deed = RecordDroppedOff(
        sealed=seal_record(frame, key, payload, file.metadata),
        order=file.order,
        salt=seal_salt(key, frame.r, file.salt),
    )
    return Dropped(deed=deed, key=key, sealed=sink.getvalue(), frame=frame)
