"""A reader's one-time keys for one record, path and dealing, as the payload of a token signed by the reader's
card.
"""

from dataclasses import dataclass

from escrow.crypto.card import Card
from escrow.crypto.group import Point
from escrow.crypto.kem import check_public
from escrow.crypto.ticket import TicketKeys, prove_ticket, verify_ticket
from escrow.crypto.transcript import Label, digest
from escrow.model.ids import CASE_BYTES, HASH_BYTES, RECORD_BYTES, CaseId, Hash, RecordId
from escrow.model.path import MAX_CARD_TEXT, check_path_name
from escrow.model.record import PROOF_BYTES
from escrow.model.wire import Fields, Json, to_base64

TYP = "escrow.ticket.v1"
NONCE_BYTES = 32
KEM_KEY_BYTES = 1184
MAX_TICKET = 8 * 1024
"""Compact form: an ML-KEM key of 1,184 bytes, twice in base64url, and about 900 characters beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Made by the reader's own client from a seat's introduction. `dealing` is the dealing's digest, hex."""

    card: Card
    case: CaseId
    record: RecordId
    path: str
    dealing: Hash
    nonce: bytes
    Q: Point
    kem_key: bytes
    proof: bytes

    @classmethod
    def make(
        cls,
        *,
        card: Card,
        case: CaseId,
        record: RecordId,
        path: str,
        dealing: Hash,
        nonce: bytes,
        keys: TicketKeys,
    ) -> "Ticket":
        context = ticket_context(card, case, record, path, dealing, nonce)
        return cls(
            card=card,
            case=case,
            record=record,
            path=path,
            dealing=dealing,
            nonce=nonce,
            Q=keys.Q,
            kem_key=keys.kem_key,
            proof=prove_ticket(keys, context),
        )

    @classmethod
    def read(cls, fields: Fields) -> "Ticket":
        card = Card.parse(fields.text("card", limit=MAX_CARD_TEXT))
        case = fields.hex("case", size=CASE_BYTES)
        record = fields.hex("record", size=RECORD_BYTES)
        path = check_path_name(fields.text("path", limit=40), field=fields.name("path"))
        dealing = fields.hex("dealing", size=HASH_BYTES)
        nonce = fields.data("nonce", size=NONCE_BYTES)
        Q = Point.decode(fields.data("Q", size=32), field=fields.name("Q"))
        kem_key = check_public(fields.data("kem_key", size=KEM_KEY_BYTES), field=fields.name("kem_key"))
        proof = fields.data("proof", size=PROOF_BYTES)
        fields.done()
        return cls(
            card=card,
            case=case,
            record=record,
            path=path,
            dealing=dealing,
            nonce=nonce,
            Q=Q,
            kem_key=kem_key,
            proof=proof,
        )

    def emit(self) -> Json:
        return {
            "card": str(self.card),
            "case": self.case,
            "record": self.record,
            "path": self.path,
            "dealing": self.dealing,
            "nonce": to_base64(self.nonce),
            "Q": to_base64(self.Q.encode()),
            "kem_key": to_base64(self.kem_key),
            "proof": to_base64(self.proof),
        }

    def require_proof(self) -> None:
        """ForgedError("ticket_proof_false"): whoever made this ticket does not know q, or made it for another
        place.
        """
        context = ticket_context(self.card, self.case, self.record, self.path, self.dealing, self.nonce)
        verify_ticket(self.Q, self.kem_key, self.proof, context)


def ticket_context(
    card: Card, case: CaseId, record: RecordId, path: str, dealing: Hash, nonce: bytes
) -> bytes:
    """32 bytes to which a ticket's proof is bound: it fits one reader, record, path and dealing alone."""
    return digest(
        Label.CONTEXT_TICKET,
        card.public,
        bytes.fromhex(case),
        bytes.fromhex(record),
        path.encode(),
        bytes.fromhex(dealing),
        nonce,
    )
