"""What one person hands another outside the service: an invitation to a seat, an introduction to a reader.

Both are small JSON files. An invitation holds the case key: whoever has it reads labels, prose and purposes
of the case (no record), so it is handed over privately. An introduction holds nothing secret, but a reader
trusts it for the case's id: it should come by a way on which nobody could have changed it.
"""

from dataclasses import dataclass

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
from escrow.model.path import MAX_CARD_TEXT, check_path_name
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64
from escrow.policy.tree import Seat

MAX_HANDOUT = 4096
"""Bytes of either file; both are below 1,200."""


def _read_service(fields: Fields) -> Service:
    inner = fields.inner("service")
    url = inner.text("url", limit=MAX_URL)
    card = Card.parse(inner.text("card", limit=MAX_CARD_TEXT))
    inner.done()
    return Service(url=url, card=card)


def _emit_service(service: Service) -> Json:
    return {"url": service.url, "card": str(service.card)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """For the holder of one seat. `proposal` is the hash of the opening or proposing statement to be
    accepted.
    """

    service: Service
    case: CaseId
    seat: str
    proposal: Hash
    case_key: CaseKey

    def dump(self) -> bytes:
        return encode_json(
            {
                "format": "escrow.invitation.v1",
                "service": _emit_service(self.service),
                "case": self.case,
                "seat": self.seat,
                "proposal": self.proposal,
                "case_key": to_base64(self.case_key.raw),
            }
        )

    @classmethod
    def load(cls, raw: bytes) -> "Invitation":
        """Read what `dump` wrote. MalformedError names the field."""
        fields = Fields(decode_json(raw, limit=MAX_HANDOUT, field="invitation"), at="invitation")
        fields.choice("format", ("escrow.invitation.v1",))
        service = _read_service(fields)
        case = fields.hex("case", size=CASE_BYTES)
        seat = Seat(fields.text("seat", limit=40)).name
        proposal = fields.hex("proposal", size=HASH_BYTES)
        case_key = CaseKey(raw=fields.data("case_key", size=KEY_BYTES))
        fields.done()
        return cls(service=service, case=case, seat=seat, proposal=proposal, case_key=case_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """For a reader who makes a ticket: which record, by which path. `dealing` is the dealing's digest.

    `convenor` and `introduced_by` are fingerprints (64 hex digits), to be compared aloud.
    """

    service: Service
    case: CaseId
    record: RecordId
    path: str
    dealing: Hash
    convenor: Fingerprint
    introduced_by: Fingerprint

    def dump(self) -> bytes:
        return encode_json(
            {
                "format": "escrow.introduction.v1",
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
    def load(cls, raw: bytes) -> "Introduction":
        """Read what `dump` wrote. MalformedError names the field."""
        fields = Fields(decode_json(raw, limit=MAX_HANDOUT, field="introduction"), at="introduction")
        fields.choice("format", ("escrow.introduction.v1",))
        service = _read_service(fields)
        case = fields.hex("case", size=CASE_BYTES)
        record = fields.hex("record", size=RECORD_BYTES)
        path = check_path_name(fields.text("path", limit=40), field="introduction.path")
        dealing = fields.hex("dealing", size=HASH_BYTES)
        convenor = fields.hex("convenor", size=FINGERPRINT_BYTES)
        introduced_by = fields.hex("from", size=FINGERPRINT_BYTES)
        fields.done()
        return cls(
            service=service, case=case, record=record, path=path, dealing=dealing, convenor=convenor,
            introduced_by=introduced_by,
        )  # fmt: skip
