"""Two small files that people hand each other outside the service: an invitation, and an introduction.

Neither is signed: whoever receives one trusts the person and the channel it came by, and compares
fingerprints aloud. From then on everything is checked against what it says: the case's id is the hash of its
opening statement.

Rules (numbered as in README.md):
 H1  An invitation holds the case key: it goes to one party, by a private channel. The key is checked against
     the charter's hash before anything else.
 H2  An introduction holds no secret. It names the dealing: a ticket made from it serves for that alone.
"""

import json
from dataclasses import dataclass
from typing import ClassVar, Self

from escrow.crypto.card import Card
from escrow.model.case_key import KEY_BYTES, CaseKey
from escrow.model.charter import MAX_URL, Service
from escrow.model.ids import (
    CASE_BYTES,
    FINGERPRINT_BYTES,
    HASH_BYTES,
    RECORD_BYTES,
    CaseId,
    Fingerprint,
    Hash,
    RecordId,
)
from escrow.model.path import MAX_CARD_TEXT, check_path_name, read_seat
from escrow.model.wire import Fields, Json, check_hex, decode_json, to_base64
from escrow.policy.tree import Seat

MAX_HANDOVER = 4096
"""Bytes. A URL of 500 characters, and short names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What the convenor hands the party that is to hold `seat`. `proposal`: hash of the opening or proposing
    statement that it is asked to accept. Secret: it carries the case key.
    """

    FORMAT: ClassVar[str] = "escrow.invitation.v1"
    service: Service
    case: CaseId
    seat: str
    proposal: Hash
    case_key: CaseKey

    def __post_init__(self) -> None:
        check_hex(self.case, size=CASE_BYTES, field="case")
        Seat(self.seat)
        check_hex(self.proposal, size=HASH_BYTES, field="proposal")

    def dump(self) -> bytes:
        """The file, UTF-8 JSON."""
        return _dump(
            {
                "format": self.FORMAT,
                "service": _emit_service(self.service),
                "case": self.case,
                "seat": self.seat,
                "proposal": self.proposal,
                "case_key": to_base64(self.case_key.encode()),
            }
        )

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """MalformedError that names the field; `field_not_a_choice` for `format` where it is another file."""
        fields = _load(raw, cls.FORMAT, "invitation")
        service = _read_service(fields)
        case = fields.hex("case", size=CASE_BYTES)
        seat = read_seat(fields)
        proposal = fields.hex("proposal", size=HASH_BYTES)
        case_key = CaseKey(raw=fields.data("case_key", size=KEY_BYTES))
        fields.done()
        return cls(service=service, case=case, seat=seat, proposal=proposal, case_key=case_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a seat hands a reader, who makes a ticket from it. `dealing`: the digest of the path's dealing.

    `convenor` and `introduced_by` (`from` in the file) are fingerprints, for the reader to compare.
    """

    FORMAT: ClassVar[str] = "escrow.introduction.v1"
    service: Service
    case: CaseId
    record: RecordId
    path: str
    dealing: Hash
    convenor: Fingerprint
    introduced_by: Fingerprint

    def __post_init__(self) -> None:
        check_hex(self.case, size=CASE_BYTES, field="case")
        check_hex(self.record, size=RECORD_BYTES, field="record")
        check_path_name(self.path, field="path")
        check_hex(self.dealing, size=HASH_BYTES, field="dealing")
        check_hex(self.convenor, size=FINGERPRINT_BYTES, field="convenor")
        check_hex(self.introduced_by, size=FINGERPRINT_BYTES, field="from")

    def dump(self) -> bytes:
        """The file, UTF-8 JSON."""
        return _dump(
            {
                "format": self.FORMAT,
                "service": _emit_service(self.service),
                "case": self.case,
                "record": self.record,
                "path": self.path,
                "dealing": self.dealing,
                "convenor": self.convenor,
                "from": self.introduced_by,
            }
        )

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """MalformedError that names the field; `field_not_a_choice` for `format` where it is another file."""
        fields = _load(raw, cls.FORMAT, "introduction")
        service = _read_service(fields)
        case = fields.hex("case", size=CASE_BYTES)
        record = fields.hex("record", size=RECORD_BYTES)
        path = fields.text("path", limit=40)
        dealing = fields.hex("dealing", size=HASH_BYTES)
        convenor = fields.hex("convenor", size=FINGERPRINT_BYTES)
        introduced_by = fields.hex("from", size=FINGERPRINT_BYTES)
        fields.done()
        return cls(
            service=service,
            case=case,
            record=record,
            path=path,
            dealing=dealing,
            convenor=convenor,
            introduced_by=introduced_by,
        )


def _load(raw: bytes, form: str, field: str) -> Fields:
    fields = Fields(decode_json(raw, limit=MAX_HANDOVER, field=field), at=field)
    fields.choice("format", (form,))
    return fields


def _dump(value: Json) -> bytes:
    """Indented, since people look into such files. Everything in it is ASCII by its own rules."""
    return (json.dumps(value, indent=2) + "\n").encode()


def _read_service(fields: Fields) -> Service:
    inner = fields.inner("service")
    service = Service(
        url=inner.text("url", limit=MAX_URL), card=Card.parse(inner.text("card", limit=MAX_CARD_TEXT))
    )
    inner.done()
    return service


def _emit_service(service: Service) -> Json:
    return {"url": service.url, "card": str(service.card)}
