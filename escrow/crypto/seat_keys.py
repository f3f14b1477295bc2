"""The keys that a party holds for one seat of one case, and the proof that goes with their publication.

An opening key x with y = xB, which signs off, and an ML-KEM key, to which a path's p is enclosed. Whoever
accepts a charter publishes y and the ML-KEM key with a proof of knowledge of x that binds both and the
caller's context. That no two seats of a case have one opening key is the ledger's rule; dealing refuses it
once more.
"""

from dataclasses import dataclass, field

from escrow.crypto import proof as proofs
from escrow.crypto.group import Point, Scalar, base_mul
from escrow.crypto.kem import KemSecret
from escrow.crypto.transcript import Label


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeatKeys:
    """`opening` (x, never zero) and `kem` are secret; `opening_key` (y) and `kem_key` follow from them."""

    opening: Scalar
    kem: KemSecret
    opening_key: Point = field(init=False)
    kem_key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "opening_key", base_mul(self.opening.nonzero()))
        object.__setattr__(self, "kem_key", self.kem.public)


def prove_seat_keys(keys: SeatKeys, context: bytes) -> bytes:
    """64 bytes. `context` says which case, seat, statement and card these keys are for."""
    return proofs.prove_log(Label.PROOF_SEAT_KEYS, keys.opening, keys.opening_key, keys.kem_key, context)


def verify_seat_keys(opening_key: Point, kem_key: bytes, proof: bytes, context: bytes) -> None:
    """Return, or ForgedError `seat_keys_proof_false`: borrowed key, other keys beside it, another context."""
    proofs.verify_log(Label.PROOF_SEAT_KEYS, opening_key, proof, "seat_keys_proof_false", kem_key, context)
