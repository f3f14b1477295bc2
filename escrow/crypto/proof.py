"""One kind of proof: knowledge of secrets that satisfy linear relations among points.

A sigma protocol (Schnorr; Chaum-Pedersen; Maurer, "Unifying zero-knowledge proofs of knowledge", AFRICACRYPT
2009) made non-interactive by Fiat-Shamir over *everything*: label, group, which secret multiplies which base,
all bases, all images, all commitments, the context, each field with its length. A proof is the challenge and
one response for each secret, every one a canonical scalar; so 64 bytes for one secret. Numbered checks, as in
the README:

F1 the length is right; F2 every scalar is below L; F3 the challenge comes out again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from escrow.crypto import group, randomness
from escrow.crypto.group import BASE, Point, Scalar
from escrow.crypto.transcript import DIGEST_BYTES, Label, digest, wide
from escrow.errors import ForgedError, MalformedError

_SCALAR = group.SCALAR_BYTES
ONE_SECRET_BYTES = 2 * _SCALAR


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedSum:
    """`sum of weights[i] * points[i]`, all public: a base or an image that is never computed by itself.

    A multiple of it costs one multiplication for each point, and so does the sum; so the sum is not made.
    """

    weights: Sequence[Scalar]
    points: Sequence[Point]


Element = Point | WeightedSum


def _times(scalar: Scalar, element: Element) -> Point:
    if isinstance(element, Point):
        return group.mul(scalar, element)
    return group.weighted_sum([scalar * weight for weight in element.weights], element.points)


def _element_fields(element: Element) -> list[bytes]:
    if isinstance(element, Point):
        return [b"point", element.encode()]
    flat = [b"sum", len(element.points).to_bytes(8, "big")]
    for weight, point in zip(element.weights, element.points, strict=True):
        flat += [weight.encode(), point.encode()]
    return flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """`image = sum of secrets[index] * base` over `terms`, which are (index, base)."""

    image: Element
    terms: tuple[tuple[int, Element], ...]

    def combine(self, scalars: Sequence[Scalar]) -> Point:
        """The right-hand side, with these scalars for the secrets."""
        total = _times(scalars[self.terms[0][0]], self.terms[0][1])
        for index, base in self.terms[1:]:
            total = total + _times(scalars[index], base)
        return total

    def fields(self) -> list[bytes]:
        flat = [len(self.terms).to_bytes(8, "big"), *_element_fields(self.image)]
        for index, base in self.terms:
            flat += [index.to_bytes(8, "big"), *_element_fields(base)]
        return flat


Relation = Sequence[Equation]


def _statement(label: Label, relation: Relation, secrets: int, context: Sequence[bytes]) -> bytes:
    """All that the proof is about, in 32 bytes."""
    sizes = [n.to_bytes(8, "big") for n in (secrets, len(relation))]
    flat = [field for equation in relation for field in equation.fields()]
    return digest(Label.PROOF_STATEMENT, label.value.encode(), group.NAME, *sizes, *flat, *context)


def _challenge(label: Label, statement: bytes, commitments: Sequence[Point]) -> Scalar:
    return Scalar.from_wide(wide(label, statement, *(point.encode() for point in commitments)))


def _nonces(statement: bytes, secrets: Sequence[Scalar]) -> list[Scalar]:
    """Hedged: a broken random source leaves a deterministic proof, a repeated statement a fresh one."""
    fresh = randomness.random_bytes(DIGEST_BYTES)
    known = [secret.encode() for secret in secrets]
    return [
        Scalar.from_wide(wide(Label.PROOF_NONCE, statement, i.to_bytes(8, "big"), fresh, *known))
        for i in range(len(secrets))
    ]


def prove(label: Label, relation: Relation, secrets: Sequence[Scalar], *context: bytes) -> bytes:
    """Challenge || responses. Whether the secrets satisfy the relation is the caller's business."""
    statement = _statement(label, relation, len(secrets), context)
    nonces = _nonces(statement, secrets)
    challenge = _challenge(label, statement, [equation.combine(nonces) for equation in relation])
    responses = [nonce + challenge * secret for nonce, secret in zip(nonces, secrets, strict=True)]
    return b"".join(scalar.encode() for scalar in (challenge, *responses))


def verify(label: Label, relation: Relation, secrets: int, proof: bytes, code: str, *context: bytes) -> None:
    """Return if the prover knew `secrets` scalars that satisfy the relation; else ForgedError(`code`).

    MalformedError, field `proof`: `proof_length` (F1), `scalar_not_canonical` (F2).
    """
    if len(proof) != (1 + secrets) * _SCALAR:
        raise MalformedError("proof_length", field="proof")
    challenge, *responses = (
        Scalar.decode(proof[i : i + _SCALAR], field="proof") for i in range(0, len(proof), _SCALAR)
    )
    statement = _statement(label, relation, secrets, context)
    commitments = [eq.combine(responses) - _times(challenge, eq.image) for eq in relation]
    if _challenge(label, statement, commitments) != challenge:
        raise ForgedError(code)


def _log(image: Point) -> Relation:
    return (Equation(image=image, terms=((0, BASE),)),)


def _equal_logs(image: Point, other_base: Element, other_image: Element) -> Relation:
    return (*_log(image), Equation(image=other_image, terms=((0, other_base),)))


def prove_log(label: Label, secret: Scalar, image: Point, *context: bytes) -> bytes:
    """Knowledge of `secret` with `image = secret * B`."""
    return prove(label, _log(image), (secret,), *context)


def verify_log(label: Label, image: Point, proof: bytes, code: str, *context: bytes) -> None:
    """Check `prove_log`; see `verify`."""
    verify(label, _log(image), 1, proof, code, *context)


def prove_equal_logs(
    label: Label, secret: Scalar, image: Point, other_base: Element, other_image: Element, *context: bytes
) -> bytes:
    """Knowledge of one `secret` with `image = secret * B` and `other_image = secret * other_base`."""
    return prove(label, _equal_logs(image, other_base, other_image), (secret,), *context)


def verify_equal_logs(
    label: Label,
    image: Point,
    other_base: Element,
    other_image: Element,
    proof: bytes,
    code: str,
    *context: bytes,
) -> None:
    """Check `prove_equal_logs`; see `verify`."""
    verify(label, _equal_logs(image, other_base, other_image), 1, proof, code, *context)
