"""Words read aloud: the scenarios' policies, letter for letter, and what happens once somebody is gone."""

from datetime import UTC, datetime

import pytest

from escrow.errors import MalformedError
from escrow.policy.explain import can_open_alone, explain, smallest_margin, what_if
from escrow.policy.outlook import MAX_GROUPS_LISTED, outlook
from escrow.policy.text import parse

DATE = datetime(2056, 1, 1, tzinfo=UTC)
DRAFTS = "all of (county, 3 of (growers, tribe, utility, river-ngo))"


def said(text: str, audience: str = "the public", not_before: datetime | None = None) -> list[str]:
    return str(explain(parse(text), audience=audience, not_before=not_before)).splitlines()


def test_what_if_a_seat_that_is_not_in_the_policy_is_refused_not_answered_with_good_news() -> None:
    with pytest.raises(MalformedError) as caught:
        what_if(parse("2 of (a, b, c)"), frozenset({"a", "meditaor"}))
    assert (caught.value.code, caught.value.fields["seat"]) == ("seat_not_in_policy", "meditaor")


def test_a_policy_without_margin_is_warned_about() -> None:
    assert said("all of (n, b)") == [
        "[cryptographic] This path opens to the public only if both n and b sign off.",
        "Warning: There is no margin. If n or b refuses or loses the key, it stays shut for ever.",
        "No single seat can open it alone; a party that holds several seats may be able to.",
        "Smallest group that is enough: n and b.",
        "Seats that are enough together could also open it for anyone, on their own;"
        " only their honesty prevents that.",
    ]


def test_a_seat_that_suffices_alone_is_warned_about() -> None:
    lines = said("any of (t1, all of (t2, t3))")
    assert "Warning: t1 can open it alone." in lines
    assert "Warning: Each of t1 and t2 can open it alone." in said("any of (t1, t2)")


def test_a_date_is_procedural_and_the_quorum_is_said_to_be_able_to_come_before_it() -> None:
    lines = said("2 of (facilitator, archive, third-state)", not_before=DATE)
    assert lines == [
        "[cryptographic] This path opens to the public only if"
        " at least two of facilitator, archive and third-state sign off.",
        "[procedural] No sign-off is accepted before 1 January 2056, 00:00:00 UTC."
        " The service and honest clients keep this date; cryptography does not.",
        "Any one seat may refuse or lose a key and it can still open; losing two can shut it for ever.",
        "No single seat can open it alone; a party that holds several seats may be able to.",
        "Smallest groups that are enough: facilitator and archive; facilitator and third-state;"
        " archive and third-state.",
        "Seats that are enough together could also open it for anyone and before that date, on their own;"
        " only their honesty prevents that.",
    ]


def test_gates_inside_gates_are_numbered_like_clauses() -> None:
    lines = said("all of (z, any of (l, 2 of (t1, t2, t3)))", audience="Judge Reiter")
    assert lines[:5] == [
        "[cryptographic] This path opens to Judge Reiter only if both (1) and (2) hold.",
        "[cryptographic] (1) z signs off.",
        "[cryptographic] (2) at least one of (2.1) and (2.2) holds.",
        "[cryptographic] (2.1) l signs off.",
        "[cryptographic] (2.2) at least two of t1, t2 and t3 sign off.",
    ]


def test_a_dozen_groups_are_listed_and_thirteen_are_counted() -> None:
    def names(n: int) -> str:
        return ", ".join(f"s{i}" for i in range(n))

    assert outlook(parse(f"any of ({names(MAX_GROUPS_LISTED)})")).groups[-1] == ("s11",)
    assert outlook(parse(f"any of ({names(MAX_GROUPS_LISTED + 1)})")).groups == ()


def test_many_groups_are_counted_and_very_many_only_bounded() -> None:
    eleven = "6 of (" + ", ".join(f"s{n}" for n in range(11)) + ")"
    assert "462 different groups are just enough; the smallest has six seats." in said(eleven)
    many = "128 of (" + ", ".join(f"s{n}" for n in range(256)) + ")"
    assert "More than 1,000,000 different groups are just enough; the smallest has 128 seats." in said(many)
    twenty = "any of (" + ", ".join(f"s{n}" for n in range(20)) + ")"
    assert "20 different groups are just enough; the smallest has one seat." in said(twenty)


def test_without_the_convenor_the_drafts_stay_shut() -> None:
    shut = what_if(parse(DRAFTS), frozenset({"county"}))
    assert str(shut) == "Warning: Without county, this path stays shut for ever."
    assert shut.outlook.margin is None


def test_without_one_of_four_the_drafts_open_but_every_other_seat_is_needed() -> None:
    view = what_if(parse(DRAFTS), frozenset({"growers"}))
    assert str(view).splitlines()[:2] == [
        "Without growers, this path can still open.",
        "Warning: There is no margin. If county, tribe, utility or river-ngo refuses or loses the key,"
        " it stays shut for ever.",
    ]
    assert view.outlook.groups == (("county", "tribe", "utility", "river-ngo"),)


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("all of (a)", 0),
        ("all of (a, b, c)", 0),
        ("2 of (a, b, c)", 1),
        ("any of (a, b, c)", 2),
        (DRAFTS, 0),
        ("all of (2 of (e1, e2, e3), 2 of (w1, w2, w3), any of (f, f-deputy))", 1),
        ("any of (all of (a, b), all of (c, d), e)", 2),
    ],
)
def test_margin(text: str, margin: int) -> None:
    assert smallest_margin(parse(text)) == margin


def test_a_party_with_a_quorum_of_seats_opens_alone_though_no_seat_does() -> None:
    policy = parse("2 of (clerk, mediator, library)")
    held = {"county": frozenset({"clerk", "library"}), "okafor": frozenset({"mediator"})}
    assert can_open_alone(policy, held) == ("county",)
    assert explain(policy, audience="the public", not_before=None).outlook.alone == ()
