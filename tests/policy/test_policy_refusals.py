"""What a policy is refused for, at birth and as text: the wrong deed, the code and the fields."""

import pytest

from escrow.errors import MalformedError, RefusedError, TooLargeError
from escrow.policy.text import MAX_TEXT_CHARS, parse
from escrow.policy.tree import MAX_LEVELS, MAX_SEATS, Gate, Policy, Seat


def refusal(text: str) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        parse(text)
    return caught.value


def nested(levels: int) -> str:
    return "all of (" * levels + "a" + ")" * levels


def wide(seats: int) -> str:
    return f"2 of ({', '.join(f's{n}' for n in range(seats))})"


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "A", "é", "a b", "a_b", "a.b", "a" * 41, "a\n", "\x1b[2J", "٣", "side\u2010a", "-"],
)
def test_seat_with_a_name_that_cannot_be_read_aloud_is_refused(name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Seat(name)
    assert caught.value.code == "seat_name_malformed"
    assert str(caught.value.fields["seat"]).isascii()
    assert str(caught.value.fields["seat"]).isprintable()


def test_gate_without_children_is_refused_not_satisfied() -> None:
    with pytest.raises(MalformedError, match="policy_gate_empty"):
        Gate(0, ())
    for head in ("all", "any", "0", "1"):
        assert refusal(f"{head} of ()").code == "policy_gate_empty"


@pytest.mark.parametrize("k", [-1, 0, 3, 999])
def test_gate_that_asks_for_fewer_than_one_or_more_than_all_is_refused(k: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Gate(k, (Seat("a"), Seat("b")))
    assert caught.value.code == "policy_k_out_of_range"
    assert caught.value.fields == {"field": "policy", "k": k, "children": 2}


@pytest.mark.parametrize(
    "text", ["all of (a, a)", "any of (a, b, all of (c, a))", "2 of (all of (a, b), all of (b, c), d)"]
)
def test_seat_named_twice_is_refused_wherever_it_stands(text: str) -> None:
    error = refusal(text)
    assert error.code == "policy_seat_twice"
    assert error.fields["seat"] in ("a", "b")


def test_one_level_too_many_is_refused_and_the_last_allowed_level_is_not() -> None:
    assert str(parse(nested(MAX_LEVELS))) == nested(MAX_LEVELS)
    assert refusal(nested(MAX_LEVELS + 1)).code == "policy_too_deep"


def test_one_seat_too_many_is_refused_and_the_last_allowed_seat_is_not() -> None:
    assert len(parse(wide(MAX_SEATS)).seats) == MAX_SEATS
    assert refusal(wide(MAX_SEATS + 1)).code == "policy_too_wide"


def test_thousands_of_levels_are_refused_without_exhausting_the_stack() -> None:
    assert refusal("all of (" * 4_000).code == "policy_too_deep"
    node: Gate = Gate(1, (Seat("a"),))
    for _ in range(100_000):
        node = Gate(1, (node,))
    with pytest.raises(MalformedError, match="policy_too_deep"):
        Policy(node)


def test_a_branch_used_many_times_over_is_refused_at_once() -> None:
    node: Gate = Gate(1, (Seat("a"), Seat("b")))
    for _ in range(MAX_LEVELS - 1):
        node = Gate(1, (node,) * 200)  # 200 ** 7 leaves, were they all walked
    with pytest.raises(MalformedError, match="policy_seat_twice"):
        Policy(node)


def test_seat_that_the_charter_does_not_know_is_refused() -> None:
    policy = parse("all of (a, any of (b, c))")
    policy.require_known(frozenset("abcd"))
    with pytest.raises(MalformedError) as caught:
        policy.require_known(frozenset("ab"))
    assert (caught.value.code, caught.value.fields["seat"]) == ("policy_seat_unknown", "c")


def test_text_beyond_its_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLargeError) as caught:
        parse("(" * (MAX_TEXT_CHARS + 1))
    assert caught.value.code == "policy_text_too_long"
    assert caught.value.fields["limit"] == MAX_TEXT_CHARS
    assert refusal("(" * MAX_TEXT_CHARS).code == "policy_malformed"


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("", 1, '"all", "any" or a number below 1000'),
        ("claimant", 1, '"all", "any" or a number below 1000'),
        ("some of (a, b)", 1, '"all", "any" or a number below 1000'),
        ("ALL of (a, b)", 1, '"all", "any" or a number below 1000'),
        ("-1 of (a, b)", 1, '"all", "any" or a number below 1000'),
        ("٢ of (a, b, c)", 1, '"all", "any" or a number below 1000'),
        ("1000 of (a, b)", 1, '"all", "any" or a number below 1000'),
        ("9" * 5_000 + " of (a, b)", 1, '"all", "any" or a number below 1000'),
        ("all (a, b)", 5, '"of"'),
        ("all of a, b", 8, '"("'),
        ("all of all of (a)", 8, '"("'),
        ("all of (a b)", 11, 'a comma or ")"'),
        ("all of (a, b", 13, 'a comma or ")"'),
        ("all of (a,, b)", 11, "a seat or a gate"),
        ("all of (, a)", 9, "a seat or a gate"),
        ("all of (a, )", 12, "a seat or a gate"),
        ("all of ((a))", 9, "a seat or a gate"),
        ("all of (a))", 11, "the end"),
        ("all of (a) any of (b)", 12, "the end"),
        ("all of (b, of of (a))", 12, '"all", "any" or a number below 1000'),
    ],
)
def test_text_off_the_grammar_is_refused_with_the_place(text: str, at: int, expected: str) -> None:
    error = refusal(text)
    assert error.code == "policy_malformed"
    assert error.fields == {"field": "policy", "at": at, "expected": expected}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2 of (a, b)", "all of (a, b)"),
        ("1 of (a,b)", "any of (a, b)"),
        ("1 of (a)", "all of (a)"),
        ("any of (a)", "all of (a)"),
        ("02 of (a, b, c)", "2 of (a, b, c)"),
        ("2 of(a, b, c)", "2 of (a, b, c)"),
        (" 2  of ( a ,b\n, c ) ", "2 of (a, b, c)"),
        ("2\u00a0of (a, b, c)", "2 of (a, b, c)"),
        ("all of (a, b)\n", "all of (a, b)"),
        ("all of (a, 1 of (b, c))", "all of (a, any of (b, c))"),
    ],
)
def test_second_spelling_of_a_policy_is_refused_and_told_the_first(text: str, canonical: str) -> None:
    error = refusal(text)
    assert error.code == "policy_not_canonical"
    assert error.fields["canonical"] == canonical
    assert str(parse(canonical)) == canonical


def test_a_refusal_of_malformed_text_is_never_a_refusal_by_the_rules_of_the_case() -> None:
    assert not isinstance(refusal("all of (a, a)"), RefusedError)
