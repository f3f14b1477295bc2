"""A drop-off order: a seat's signed word that the service may seal one plain file for it, and how.

The order is quoted by the sealing statement and lies open on the ledger; what opens its digest (salt, title,
file name, media type, length) stays beside it in the order's file, which goes to the service with the plain
document and to nobody else. Rules (numbered as in README.md):

 O1  An order names the case, the charter, the record's id, the service's card, and the exact terms of 1 to 8
     paths, no name twice.
 O2  It names the length of the sealed payload, which is padded, and not the document's: the ledger shows no
     more of it than of any record.
"""

from dataclasses import dataclass, field

from escrow.crypto.card import Card
from escrow.crypto.drop_off import SALT_BYTES
from escrow.crypto.metadata import MAX_FILENAME_BYTES, MAX_MEDIA_TYPE_BYTES, MAX_TITLE_BYTES, Metadata
from escrow.crypto.padding import MAX_PLAIN_BYTES
from escrow.errors import MalformedError
from escrow.model.case_key import read_sealed
from escrow.model.ids import CASE_BYTES, HASH_BYTES, RECORD_BYTES, CaseId, Hash, RecordId
from escrow.model.path import MAX_CARD_TEXT, MAX_TERMS, PathTerms
from escrow.model.record import MAX_PAYLOAD, MAX_RECORD_PATHS
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64

TYP = "escrow.drop-off-order.v1"
MAX_ORDER = 256 * 1024
"""Characters of the compact form: beside the largest body it still fits into a statement."""
MAX_ORDER_FILE = MAX_ORDER + 16 * 1024
FILE_FORMAT = "escrow.drop-off.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOffOrder:
    """See the rules above. `label` and purposes in the terms are texts under the case key.

    `paths` pairs each path's terms with their exact bytes. `length`: bytes of the sealed payload.
    """

    case: CaseId
    charter: Hash
    record: RecordId
    service: Card
    label: bytes
    replaces: RecordId | None
    paths: tuple[tuple[PathTerms, bytes], ...]
    length: int
    digest: Hash

    def __post_init__(self) -> None:
        names = [terms.name for terms, _ in self.paths]
        if len(set(names)) != len(names):
            raise MalformedError("path_name_twice", field="order.paths")

    @classmethod
    def parse(cls, raw: bytes) -> "DropOffOrder":
        """MalformedError that names the field."""
        fields = Fields(decode_json(raw, limit=MAX_ORDER, field="order"), at="order")
        case = fields.hex("case", size=CASE_BYTES)
        charter = fields.hex("charter", size=HASH_BYTES)
        record = fields.hex("record", size=RECORD_BYTES)
        service = Card.parse(fields.text("service", limit=MAX_CARD_TEXT))
        label = read_sealed(fields, "label")
        replaces = fields.maybe("replaces", lambda key: fields.hex(key, size=RECORD_BYTES))
        raws = [
            Fields({"terms": item}, at=at).data("terms", limit=MAX_TERMS)
            for at, item in fields.items("paths", least=1, most=MAX_RECORD_PATHS)
        ]
        length = fields.integer("length", least=1, most=MAX_PAYLOAD)
        digest = fields.hex("digest", size=HASH_BYTES)
        fields.done()
        return cls(
            case=case,
            charter=charter,
            record=record,
            service=service,
            label=label,
            replaces=replaces,
            paths=tuple((PathTerms.parse(each), each) for each in raws),
            length=length,
            digest=digest,
        )

    def emit(self) -> Json:
        return {
            "case": self.case,
            "charter": self.charter,
            "record": self.record,
            "service": str(self.service),
            "label": to_base64(self.label),
            "replaces": self.replaces,
            "paths": [to_base64(raw) for _, raw in self.paths],
            "length": self.length,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """What goes to the service with the document: the signed order, and what opens its digest.

    `order` in compact form. Whoever has this and guesses the document can tell that it is the one.
    """

    order: str
    salt: bytes = field(repr=False)
    metadata: Metadata = field(repr=False)

    @classmethod
    def load(cls, raw: bytes) -> "OrderFile":
        """MalformedError, TooLargeError; the order itself is not looked into."""
        fields = Fields(decode_json(raw, limit=MAX_ORDER_FILE, field="order"), at="order")
        fields.choice("format", (FILE_FORMAT,))
        order = fields.text("order", limit=MAX_ORDER)
        salt = fields.data("salt", size=SALT_BYTES)
        title = fields.text("title", limit=MAX_TITLE_BYTES)
        filename = fields.text("filename", limit=MAX_FILENAME_BYTES)
        media_type = fields.text("media_type", limit=MAX_MEDIA_TYPE_BYTES)
        length = fields.integer("length", least=0, most=MAX_PLAIN_BYTES)
        fields.done()
        metadata = Metadata(title=title, filename=filename, media_type=media_type, length=length)
        return cls(order=order, salt=salt, metadata=metadata)

    def dump(self) -> bytes:
        return encode_json(
            {
                "format": FILE_FORMAT,
                "order": self.order,
                "salt": to_base64(self.salt),
                "title": self.metadata.title,
                "filename": self.metadata.filename,
                "media_type": self.metadata.media_type,
                "length": self.metadata.length,
            }
        )
