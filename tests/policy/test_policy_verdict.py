"""What a verdict says, node by node, and what `require` puts into its refusal."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from escrow.errors import RefusedError
from escrow.policy.text import parse
from escrow.policy.verdict import Enforcement, assess, assess_date, require

OPENS = datetime(2026, 12, 1, tzinfo=UTC)
A_MOMENT = timedelta(milliseconds=1)


def test_one_sign_off_too_few_is_refused_with_who_is_missing() -> None:
    policy = parse("2 of (claimant, respondent, mediator)")
    with pytest.raises(RefusedError) as caught:
        require(policy, frozenset({"mediator"}), not_before=None, at=OPENS)
    assert caught.value.code == "policy_not_met"
    assert caught.value.fields == {
        "have": 1,
        "need": 2,
        "missing": ("claimant", "respondent"),
        "opens_at": "",
    }


def test_release_a_moment_before_its_date_is_refused_with_the_date() -> None:
    policy = parse("any of (a, b)")
    with pytest.raises(RefusedError) as caught:
        require(policy, frozenset("a"), not_before=OPENS, at=OPENS - A_MOMENT)
    fields = {"have": 1, "need": 1, "missing": (), "opens_at": "2026-12-01T00:00:00.000Z"}
    assert caught.value.fields == fields
    require(policy, frozenset("a"), not_before=OPENS, at=OPENS)


def test_date_that_has_come_does_not_stand_in_for_a_sign_off() -> None:
    verdict = assess(parse("any of (a, b)"), frozenset(), not_before=OPENS, at=OPENS)
    assert not verdict.met
    assert (verdict.have, verdict.need, verdict.opens_at) == (0, 1, None)


def test_sign_off_by_a_seat_outside_the_policy_counts_for_nothing() -> None:
    verdict = assess(parse("2 of (a, b, c)"), frozenset({"a", "z", "y"}), not_before=None, at=OPENS)
    assert not verdict.met
    assert (verdict.have, verdict.missing) == (1, ("b", "c"))


def test_the_tree_says_where_the_gap_is() -> None:
    policy = parse("all of (convenor, 2 of (growers, tribe, utility))")
    verdict = assess(policy, frozenset({"growers", "convenor"}), not_before=None, at=OPENS)
    (seats,) = verdict.children
    convenor, others = seats.children
    assert convenor.met
    assert (others.met, others.have, others.need) == (False, 1, 2)
    assert others.label == "2 of (growers, tribe, utility)"
    assert verdict.missing == others.missing == ("tribe", "utility")


def test_a_met_branch_asks_nobody_for_more() -> None:
    verdict = assess(parse("all of (x, any of (a, b))"), frozenset("a"), not_before=None, at=OPENS)
    assert verdict.missing == ("x",)


def test_seats_are_cryptographic_a_date_is_procedural_and_the_whole_as_firm_as_its_weaker_part() -> None:
    policy = parse("all of (a, b)")
    dated = assess(policy, frozenset("ab"), not_before=OPENS, at=OPENS)
    seats, date = dated.children
    assert seats.enforced == Enforcement.CRYPTOGRAPHIC
    assert date.enforced == dated.enforced == Enforcement.PROCEDURAL
    assert dated.label == "all of (a, b), not before 2026-12-01T00:00:00.000Z"
    assert assess(policy, frozenset(), not_before=None, at=OPENS).enforced == Enforcement.CRYPTOGRAPHIC


def test_a_date_given_in_another_zone_is_the_same_moment_and_is_said_in_utc() -> None:
    bogota = OPENS.astimezone(timezone(timedelta(hours=-5)))
    assert assess_date(bogota, OPENS).met
    assert assess_date(bogota, OPENS - A_MOMENT).label == "not before 2026-12-01T00:00:00.000Z"
