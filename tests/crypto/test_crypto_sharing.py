"""Sharings over nested policies, against brute force over every set of leaves."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.crypto import sharing
from escrow.crypto.group import L, Scalar
from escrow.crypto.sharing import Gate, Leaf, Shape
from escrow.errors import MalformedError, RefusedError


def gates(children: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return st.lists(children, min_size=1, max_size=4).flatmap(
        lambda c: st.integers(1, len(c)).map(lambda k: Gate(k=k, children=tuple(c)))
    )


shapes = st.recursive(st.just(Leaf()), gates, max_leaves=7).filter(lambda s: sharing.leaf_count(s) <= 7)


def number(scalar: Scalar) -> int:
    return int.from_bytes(scalar.encode(), "little")


def meets(shape: Shape, present: frozenset[int], first: int = 0) -> bool:
    """The plain meaning of a policy."""
    if isinstance(shape, Leaf):
        return first in present
    met = 0
    for child in shape.children:
        met += meets(child, present, first)
        first += sharing.leaf_count(child)
    return met >= shape.k


def subsets(count: int) -> list[frozenset[int]]:
    return [frozenset(c) for size in range(count + 1) for c in combinations(range(count), size)]


@pytest.mark.parametrize(("k", "count"), [(0, 3), (4, 3), (-1, 3), (1, 0), (0, 0)])
def test_gate_that_can_never_or_always_open_is_refused(k: int, count: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Gate(k=k, children=(Leaf(),) * count)
    assert (caught.value.code, caught.value.fields) == ("shape_threshold", {"field": "k"})


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(min_value=0, max_value=L - 1))
def test_exactly_the_quorums_open_and_all_open_the_same(shape: Shape, secret: int) -> None:
    values = [number(value) for value in sharing.deal_values(shape, Scalar.of_int(secret))]
    for present in subsets(sharing.leaf_count(shape)):
        if meets(shape, present):
            weights = sharing.combine_weights(shape, present)
            assert set(weights) <= present
            assert sum(number(w) * values[leaf] for leaf, w in weights.items()) % L == secret
        else:
            with pytest.raises(RefusedError) as caught:
                sharing.combine_weights(shape, present)
            assert caught.value.code == "quorum_not_met"


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_the_chosen_quorum_is_a_smallest_one(shape: Shape) -> None:
    everyone = frozenset(range(sharing.leaf_count(shape)))
    smallest = min(len(present) for present in subsets(len(everyone)) if meets(shape, present))
    assert len(sharing.combine_weights(shape, everyone)) == smallest


@settings(max_examples=100, deadline=None)
@given(shapes, st.binary(min_size=32, max_size=32))
def test_dual_word_is_orthogonal_to_every_sharing(shape: Shape, seed: bytes) -> None:
    word = [number(weight) for weight in sharing.dual_word(shape, seed)]
    assert len(word) == sharing.leaf_count(shape)
    for _ in range(3):
        values = [number(value) for value in sharing.deal_values(shape, Scalar.random())]
        assert sum(w * a for w, a in zip(word, values, strict=True)) % L == 0
    assert all(w == 0 for w in word) == sharing.is_all_of_all(shape)


def rank(rows: list[list[int]]) -> int:
    """Of a matrix modulo L, by elimination."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        inverse = pow(rows[found][column], -1, L)
        for i in range(found + 1, len(rows)):
            factor = rows[i][column] * inverse % L
            rows[i] = [(a - factor * b) % L for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_dual_words_span_all_that_is_orthogonal_to_sharings(shape: Shape) -> None:
    """So nothing but a sharing passes: the dimensions of sharings and of dual words add up."""
    count = sharing.leaf_count(shape)
    sharings = [[number(v) for v in sharing.deal_values(shape, Scalar.random())] for _ in range(count + 1)]
    words = [[number(w) for w in sharing.dual_word(shape, bytes([i]) * 32)] for i in range(count + 1)]
    assert rank(sharings) + rank(words) == count


@settings(max_examples=60, deadline=None)
@given(shapes, st.randoms(use_true_random=False))
def test_values_pass_the_dual_word_exactly_if_all_quorums_agree(shape: Shape, choice: random.Random) -> None:
    """Perturb one to all values of a sharing; compare with opening by every single quorum."""
    count = sharing.leaf_count(shape)
    values = [number(value) for value in sharing.deal_values(shape, Scalar.random())]
    for leaf in choice.sample(range(count), choice.randint(1, count)):
        values[leaf] = choice.choice([0, (values[leaf] + 1) % L, choice.randrange(L)])
    word = [number(weight) for weight in sharing.dual_word(shape, choice.randbytes(32))]
    passes = sum(w * a for w, a in zip(word, values, strict=True)) % L == 0
    assert passes == (len(opened_by_all(shape, values)) == 1)


def opened_by_all(shape: Shape, values: list[int]) -> set[int]:
    """Every value that some minimal quorum opens."""
    found: set[int] = set()
    count = sharing.leaf_count(shape)
    for present in subsets(count):
        if meets(shape, present) and not any(meets(shape, present - {leaf}) for leaf in present):
            weights = sharing.combine_weights(shape, present)
            found.add(sum(number(w) * values[leaf] for leaf, w in weights.items()) % L)
    return found


def test_big_policies_stay_exact() -> None:
    shape = Gate(k=129, children=(Leaf(),) * 256)
    secret = Scalar.random()
    values = [number(v) for v in sharing.deal_values(shape, secret)]
    word = [number(w) for w in sharing.dual_word(shape, bytes(32))]
    assert sum(w * a for w, a in zip(word, values, strict=True)) % L == 0
    weights = sharing.combine_weights(shape, frozenset(range(100, 256)))
    assert len(weights) == 129
    assert sum(number(w) * values[leaf] for leaf, w in weights.items()) % L == number(secret)


def test_no_two_shapes_have_one_spelling() -> None:
    leaf = Leaf()
    flat = Gate(k=1, children=(leaf, leaf))
    several = [
        leaf,
        Gate(k=1, children=(leaf,)),
        flat,
        Gate(k=2, children=(leaf, leaf)),
        Gate(k=1, children=(flat,)),
        Gate(k=1, children=(flat, leaf)),
        Gate(k=1, children=(leaf, flat)),
        Gate(k=1, children=(leaf, leaf, leaf)),
    ]
    assert len({sharing.encode_shape(shape) for shape in several}) == len(several)
