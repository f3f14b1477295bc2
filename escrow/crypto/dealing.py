"""A dealing: one secret point, spread over the seats of a path so that anybody can check the spreading.

Publicly verifiable secret sharing after DHPVSS (Cascudo, David, Garms, Konring, "YOLO YOSO", ASIACRYPT 2022),
here for any nesting of k-of-n. E = eB; leaf i, whose seat has the opening key y_i, gets C_i = a_i B + e y_i;
the secret is the point S = sB, where the a_i share s. A dual word w turns "the C_i hide a sharing" into one
equality of logarithms: with U = sum w_i y_i and V = sum w_i C_i, log_B E = log_U V. Where U happens to be the
identity, that is the claim that V is too, and the proof proves it like any other. Checks of `verify_dealing`,
numbered as in the README:

D1 as many keys and C_i as leaves; D2 keys pairwise different; D3 the proof.

A verified dealing says that every quorum opens the same S. It does not say that S unwraps anything good.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from escrow.crypto import proof as proofs
from escrow.crypto import sharing
from escrow.crypto.group import Point, Scalar, base_mul, mul
from escrow.crypto.proof import WeightedSum
from escrow.crypto.sharing import Shape
from escrow.crypto.transcript import Label, digest
from escrow.errors import MalformedError, RefusedError

FALSE = "dealing_proof_false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """What is published: `E`, never twice in a case, and one point of `C` for each leaf, in their order."""

    E: Point
    C: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DealingSecret:
    """What the dealer knows: `e`, which proves the dealing and opens every share, and the secret `S`."""

    e: Scalar
    S: Point


def deal(shape: Shape, keys: Sequence[Point]) -> tuple[DealingSecret, Dealing]:
    """Deal a fresh random secret over the leaves, whose opening keys are `keys` in the order of leaves."""
    _require_keys(shape, keys)
    s, e = Scalar.random(), Scalar.random().nonzero()
    C = tuple(base_mul(a) + mul(e, y) for a, y in zip(sharing.deal_values(shape, s), keys, strict=True))
    return DealingSecret(e=e, S=base_mul(s)), Dealing(E=base_mul(e), C=C)


def prove_dealing(shape: Shape, keys: Sequence[Point], dealing: Dealing, e: Scalar, digest: bytes) -> bytes:
    """64 bytes. `digest` names everything that the dealing is for: author, case, record, path, audience."""
    context = _context(shape, keys, dealing, digest)
    if sharing.is_all_of_all(shape):
        return proofs.prove_log(Label.PROOF_DEALING, e, dealing.E, context)
    U, V = _equation(shape, keys, dealing, context)
    return proofs.prove_equal_logs(Label.PROOF_DEALING, e, dealing.E, U, V, context)


def verify_dealing(
    shape: Shape, keys: Sequence[Point], dealing: Dealing, proof: bytes, digest: bytes
) -> None:
    """Return if every quorum opens the same secret and the dealing was made for `digest`.

    Else ForgedError `dealing_proof_false`; MalformedError `dealing_length` (D1); RefusedError
    `opening_keys_repeat` (D2); MalformedError of the proof's format.
    """
    _require_keys(shape, keys)
    if len(dealing.C) != len(keys):
        raise MalformedError("dealing_length", field="C")
    context = _context(shape, keys, dealing, digest)
    if sharing.is_all_of_all(shape):  # any C_i are a sharing, and there is no equation to hold
        proofs.verify_log(Label.PROOF_DEALING, dealing.E, proof, FALSE, context)
        return
    U, V = _equation(shape, keys, dealing, context)
    proofs.verify_equal_logs(Label.PROOF_DEALING, dealing.E, U, V, proof, FALSE, context)


def _require_keys(shape: Shape, keys: Sequence[Point]) -> None:
    """Two equal keys would let the difference of two C_i hand a share's difference to everyone."""
    if len(keys) != sharing.leaf_count(shape):
        raise MalformedError("dealing_length", field="keys")
    if len(set(keys)) != len(keys):
        raise RefusedError("opening_keys_repeat")


def _context(shape: Shape, keys: Sequence[Point], dealing: Dealing, dealing_digest: bytes) -> bytes:
    points = (point.encode() for point in (*keys, dealing.E, *dealing.C))
    return digest(Label.DEALING_WEIGHTS, dealing_digest, sharing.encode_shape(shape), *points)


def _equation(
    shape: Shape, keys: Sequence[Point], dealing: Dealing, context: bytes
) -> tuple[WeightedSum, WeightedSum]:
    """U and V, by weights that nobody could choose."""
    weights = _weights(shape, context)
    return WeightedSum(weights=weights, points=keys), WeightedSum(weights=weights, points=dealing.C)


def _weights(shape: Shape, context: bytes) -> list[Scalar]:
    return sharing.dual_word(shape, context)
