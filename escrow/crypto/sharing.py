"""Nested Shamir sharing: how one secret value is spread over the leaves of a policy, and gathered again.

A shape is a policy without names: leaves and gates "k of c children". Leaves count from 0, left to right. A
gate with value v draws a polynomial of degree k-1 with v as its constant term; child j (1-based) gets its
value at j.

`dual_word` is the other half, the test of Cascudo and David (SCRAPE, ACNS 2017) carried from k-of-n to any
nesting: weights w with sum w_i a_i = 0 for every sharing `a`, drawn by hash from all such words. Whatever is
not a sharing fails that equation but for a chance of about 1 in L. Every weight here is public, so plain
integers may carry it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from escrow.crypto.group import L, Scalar, evaluate
from escrow.crypto.transcript import Label, wide
from escrow.errors import MalformedError, RefusedError


@dataclass(frozen=True, slots=True)
class Leaf:
    """One seat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """`k` of `children`; MalformedError `shape_threshold` unless 1 <= k <= number of children."""

    k: int
    children: "tuple[Shape, ...]"

    def __post_init__(self) -> None:
        if not 1 <= self.k <= len(self.children):
            raise MalformedError("shape_threshold", field="k")


Shape = Leaf | Gate


def leaf_count(shape: Shape) -> int:
    """How many shares a sharing over this shape has."""
    return 1 if isinstance(shape, Leaf) else sum(leaf_count(child) for child in shape.children)


def is_all_of_all(shape: Shape) -> bool:
    """Whether every leaf is needed. Then any values are a sharing, and every weight of a dual word is 0."""
    if isinstance(shape, Leaf):
        return True
    return shape.k == len(shape.children) and all(is_all_of_all(child) for child in shape.children)


def encode_shape(shape: Shape) -> bytes:
    """One spelling for one shape: a gate is k and c, 4 bytes each, then its children; a leaf is "0 of 0"."""
    if isinstance(shape, Leaf):
        return bytes(8)
    head = shape.k.to_bytes(4, "big") + len(shape.children).to_bytes(4, "big")
    return head + b"".join(encode_shape(child) for child in shape.children)


def deal_values(shape: Shape, secret: Scalar) -> list[Scalar]:
    """A fresh sharing of `secret`: one scalar for each leaf. Libsodium's scalars throughout."""
    if isinstance(shape, Leaf):
        return [secret]
    polynomial = [secret, *(Scalar.random() for _ in range(shape.k - 1))]
    values: list[Scalar] = []
    for j, child in enumerate(shape.children, start=1):
        values += deal_values(child, evaluate(polynomial, j))
    return values


def dual_word(shape: Shape, seed: bytes) -> list[Scalar]:
    """The weights that `seed` draws, one for each leaf: a uniform word of the dual code of this shape."""
    return [Scalar.of_int(weight) for weight in _dual_weights(shape, 0, seed, count())]


def _dual_weights(shape: Shape, weight: int, seed: bytes, gates: Iterator[int]) -> list[int]:
    """Child j of a gate with weight w gets w * lambda_j + f(j) / prod over i != j of (j - i).

    The lambda are the Lagrange weights at 0 of the first k children, 0 for the rest; f is a polynomial of
    degree c-k-1 drawn from the seed, none when k = c. `gates` numbers them: each draws its own.
    """
    if isinstance(shape, Leaf):
        return [weight]
    children, k, gate = len(shape.children), shape.k, next(gates).to_bytes(8, "big")
    polynomial = [
        int.from_bytes(wide(Label.DEALING_POLYNOMIAL, seed, gate, i.to_bytes(8, "big")), "little") % L
        for i in range(children - k)
    ]
    lambdas = lagrange_at_zero(range(1, k + 1)) if weight else []
    factors = _dual_factors(children) if polynomial else []
    weights: list[int] = []
    for j, child in enumerate(shape.children, start=1):
        own = weight * lambdas[j - 1] if j <= len(lambdas) else 0
        if polynomial:
            own += factors[j - 1] * _value_at(polynomial, j)
        weights += _dual_weights(child, own % L, seed, gates)
    return weights


def _value_at(polynomial: Sequence[int], x: int) -> int:
    """A public polynomial, constant term first, at x, by Horner's rule."""
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * x + coefficient) % L
    return value


def _dual_factors(children: int) -> list[int]:
    """1 / prod over i != j of (j - i) for j = 1..c: (-1)^(c-j) / ((j-1)! (c-j)!), with one inversion."""
    factorials = [1]
    for i in range(1, children):
        factorials.append(factorials[-1] * i % L)
    inverses = [pow(factorials[-1], -1, L)]
    for i in range(children - 1, 0, -1):
        inverses.append(inverses[-1] * i % L)
    inverses.reverse()  # inverses[i] = 1 / i!
    return [
        inverses[j - 1] * inverses[children - j] * (-1) ** (children - j) % L for j in range(1, children + 1)
    ]


def lagrange_at_zero(places: Sequence[int]) -> list[int]:
    """The weights of p(0) over p at `places`, distinct and not 0, for any p of degree below their number."""
    weights = []
    for j in places:
        above, below = 1, 1
        for i in places:
            if i != j:
                above, below = above * i % L, below * (i - j) % L
        weights.append(above * pow(below, -1, L) % L)
    return weights


def combine_weights(shape: Shape, present: frozenset[int]) -> dict[int, Scalar]:
    """The weight of each leaf of a smallest quorum among `present`; else RefusedError `quorum_not_met`."""
    weights = _quorum(shape, present, count())
    if weights is None:
        raise RefusedError("quorum_not_met", have=len(present))
    return {leaf: Scalar.of_int(weight) for leaf, weight in weights.items()}


def _quorum(shape: Shape, present: frozenset[int], leaves: Iterator[int]) -> dict[int, int] | None:
    """Weights of the smallest quorum under this node, or None. Visits every leaf, for `leaves` to count."""
    if isinstance(shape, Leaf):
        leaf = next(leaves)
        return {leaf: 1} if leaf in present else None
    found = [_quorum(child, present, leaves) for child in shape.children]
    met = [(len(weights), j, weights) for j, weights in enumerate(found, start=1) if weights is not None]
    if len(met) < shape.k:
        return None
    chosen = sorted(met, key=lambda choice: choice[:2])[: shape.k]
    lambdas = lagrange_at_zero([j for _, j, _ in chosen])
    return {
        leaf: lagrange * weight % L
        for lagrange, (_, _, weights) in zip(lambdas, chosen, strict=True)
        for leaf, weight in weights.items()
    }
