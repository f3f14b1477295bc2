"""What was released to everybody, in one small file: which record, by which request, its key and digests.

Canonical JSON, and nothing in it depends on who made it or when: two administrators write the same bytes.
"""

from dataclasses import dataclass, field
from datetime import datetime

from escrow.client.opening import released_at
from escrow.crypto.payload import Metadata
from escrow.ledger.bundle import VerifiedBundle
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.wire import Fields, decode_json, encode_json, to_base64, to_time

FORMAT = "escrow.publication.v1"
MAX_MANIFEST = 64 * 1024
KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object beside the manifest: its lowercase hex SHA-256 and its length in bytes."""

    sha256: Hash
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A seat whose share is in the bundle and holds, and the fingerprint of the card that held it."""

    seat: str
    card: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`key` opens `payload` into `document`; `bundle` proves that it is the key.

    What the depositor said of the document (title, name, media type) was sealed with it, and is now for
    everybody.
    """

    case: CaseId
    record: RecordId
    request: Hash
    path: str
    released_at: datetime
    depositor: Fingerprint
    depositor_seats: tuple[str, ...]
    service: Fingerprint
    signed_off: tuple[Signer, ...]
    key: bytes = field(repr=False)
    title: str = field(repr=False)
    filename: str = field(repr=False)
    media_type: str
    payload: Item
    bundle: Item
    document: Item

    def print(self) -> bytes:
        """The bytes that are published."""
        items = {name: getattr(self, name) for name in ("payload", "bundle", "document")}
        return encode_json(
            {
                "format": FORMAT,
                "case": self.case,
                "record": self.record,
                "request": self.request,
                "path": self.path,
                "released_at": to_time(self.released_at),
                "depositor": self.depositor,
                "depositor_seats": list(self.depositor_seats),
                "service": self.service,
                "signed_off": [{"seat": one.seat, "card": one.card} for one in self.signed_off],
                "key": to_base64(self.key),
                "title": self.title,
                "filename": self.filename,
                "media_type": self.media_type,
                **{name: {"sha256": item.sha256, "length": item.length} for name, item in items.items()},
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> "Manifest":
        """MalformedError that names the field; TooLargeError."""
        fields = Fields(decode_json(raw, limit=MAX_MANIFEST, field="manifest"), at="manifest")
        fields.choice("format", (FORMAT,))
        found = cls(
            case=fields.hex("case", size=32),
            record=fields.hex("record", size=16),
            request=fields.hex("request", size=32),
            path=fields.text("path", limit=64),
            released_at=fields.time("released_at"),
            depositor=fields.hex("depositor", size=32),
            depositor_seats=fields.texts("depositor_seats", least=0, most=256, limit=64),
            service=fields.hex("service", size=32),
            signed_off=tuple(
                _signer(Fields(value, at=at)) for at, value in fields.items("signed_off", least=1, most=256)
            ),
            key=fields.data("key", size=KEY_BYTES),
            title=fields.text("title", limit=4096),
            filename=fields.text("filename", limit=1024),
            media_type=fields.text("media_type", limit=256),
            payload=_item(fields.inner("payload")),
            bundle=_item(fields.inner("bundle")),
            document=_item(fields.inner("document")),
        )
        fields.done()
        return found


def make_manifest(
    verified: VerifiedBundle, key: bytes, metadata: Metadata, *, payload: Item, bundle: Item, document: Item
) -> Manifest:
    """What there is to say of this release, from its verified bundle and what opened by it; nothing else."""
    path, record = verified.path, verified.record
    return Manifest(
        case=verified.state.case,
        record=record.body.record,
        request=verified.request.hash,
        path=verified.request.path,
        released_at=released_at(verified),
        depositor=record.depositor.fingerprint,
        depositor_seats=record.author_seats,
        service=verified.state.service.fingerprint,
        signed_off=tuple(
            Signer(seat=seat, card=path.seat(seat).fingerprint) for seat in sorted(verified.shares)
        ),
        key=key,
        title=metadata.title,
        filename=metadata.filename,
        media_type=metadata.media_type,
        payload=payload,
        bundle=bundle,
        document=document,
    )


def _signer(fields: Fields) -> Signer:
    found = Signer(seat=fields.text("seat", limit=64), card=fields.hex("card", size=32))
    fields.done()
    return found


def _item(fields: Fields) -> Item:
    found = Item(sha256=fields.hex("sha256", size=32), length=fields.integer("length", least=0, most=2**53))
    fields.done()
    return found
