"""A reader's one-time keys for one record and path.

q masks the shares that seats send (Q = qB is added to the dealing's E before a seat answers), the ML-KEM key
receives p. The proof of knowledge of q is what keeps a reader from naming Q = E' - E and being handed shares
of another record. Tickets are signed statements; this file knows their keys only.
"""

from dataclasses import dataclass, field

from escrow.crypto import proof as proofs
from escrow.crypto.group import Point, Scalar, base_mul
from escrow.crypto.kem import KemSecret
from escrow.crypto.transcript import Label

NONCE_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TicketKeys:
    """`q` (never zero) and `kem` are secret; `Q` and `kem_key` (1184 bytes) follow from them."""

    q: Scalar
    kem: KemSecret
    Q: Point = field(init=False)
    kem_key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "Q", base_mul(self.q.nonzero()))
        object.__setattr__(self, "kem_key", self.kem.public)


def prove_ticket(keys: TicketKeys, context: bytes) -> bytes:
    """64 bytes. `context` says which case, record, path, dealing, nonce and card the ticket is for."""
    return proofs.prove_log(Label.PROOF_TICKET, keys.q, keys.Q, keys.kem_key, context)


def verify_ticket(Q: Point, kem_key: bytes, proof: bytes, context: bytes) -> None:
    """Return, or ForgedError `ticket_proof_false`: a borrowed Q, another ML-KEM key, or another context."""
    proofs.verify_log(Label.PROOF_TICKET, Q, proof, "ticket_proof_false", kem_key, context)
