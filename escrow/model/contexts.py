"""What the proofs in a seat's statements are bound to, besides what they prove. For tickets: ticket.py."""

from escrow.crypto.card import Card
from escrow.crypto.transcript import Label, digest
from escrow.model.ids import CaseId, Hash


def seat_keys_context(case: CaseId, seat: str, proposal: Hash, card: Card) -> bytes:
    """What the proof of knowledge of a seat's opening key is bound to, besides the keys themselves."""
    return digest(
        Label.CONTEXT_SEAT_KEYS, bytes.fromhex(case), seat.encode(), bytes.fromhex(proposal), card.public
    )


def sign_off_context(case: CaseId, dealing: Hash, request: Hash, seat: str, fingerprint: str) -> bytes:
    """What a share's proof is bound to: these very readers, for this very purpose, by this very seat."""
    return digest(
        Label.CONTEXT_SIGN_OFF,
        bytes.fromhex(case),
        bytes.fromhex(dealing),
        bytes.fromhex(request),
        seat.encode(),
        bytes.fromhex(fingerprint),
    )
