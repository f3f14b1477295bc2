"""One seat's answer to one request: its share, masked for one reader, with a proof that it is the right one.

For a reader's ticket the seat answers W = x (E + Q), for the public W = x E, and proves log_B y = log_(E+Q)
W. Whoever knows q takes the mask off: A = C - (W - q y) = aB. Nobody else learns anything from W. Numbered as
in the README:

O1 E + Q is not the identity; O2 the proof holds for this seat's key, this mask and this context.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from escrow.crypto import proof as proofs
from escrow.crypto.group import Point, Scalar, mul, weighted_sum
from escrow.crypto.seat_keys import SeatKeys
from escrow.crypto.sharing import Shape, combine_weights
from escrow.crypto.transcript import Label
from escrow.errors import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`W` and its 64-byte proof. It hands the share over for good: to whoever knows q, or to everyone."""

    W: Point
    proof: bytes


def mask(E: Point, Q: Point | None) -> Point:
    """What a seat multiplies: E + Q for a reader, E for the public; RefusedError `ticket_cancels_dealing`."""
    masked = E if Q is None else E + Q
    if masked.is_identity():
        raise RefusedError("ticket_cancels_dealing")
    return masked


def answer(keys: SeatKeys, masked: Point, context: bytes) -> Answer:
    """The seat's share. `context` names case, dealing, signed request, seat and fingerprint."""
    W = mul(keys.opening, masked)
    proof = proofs.prove_equal_logs(Label.PROOF_SIGN_OFF, keys.opening, keys.opening_key, masked, W, context)
    return Answer(W=W, proof=proof)


def verify_answer(opening_key: Point, masked: Point, a: Answer, context: bytes) -> None:
    """Return, or ForgedError `share_false` (O2): another key's, another mask's, another request's share."""
    proofs.verify_equal_logs(Label.PROOF_SIGN_OFF, opening_key, masked, a.W, a.proof, "share_false", context)


def opened_share(C_i: Point, W_i: Point, opening_key: Point, q: Scalar | None) -> Point:
    """A_i = C_i - (W_i - q y_i) from a *verified* answer; q is None for the public. The identity is fine."""
    own = W_i if q is None else W_i - mul(q, opening_key)
    return C_i - own


def recombine(shape: Shape, shares: Mapping[int, Point]) -> Point:
    """S from opened shares by leaf (0-based), a smallest quorum of them; or RefusedError `quorum_not_met`."""
    weights = combine_weights(shape, frozenset(shares))
    return weighted_sum(list(weights.values()), [shares[leaf] for leaf in weights])
