"""A charter's draft that no case can be opened with: told where, and alike by every verb that reads one."""

import pytest
from cli.desk import Person, Table
from client.honest import DRAFT, URL
from support.build import party

CARDS = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
VERBS = [
    ("policy", "explain", "--charter", "charter.toml"),
    ("--service", URL, "case", "open", "charter.toml"),
]


@pytest.fixture
def convenor(table: Table) -> Person:
    return table.person("institution")


def _said(convenor: Person, verb: tuple[str, ...], old: str, new: str, cards: dict[str, str] = CARDS) -> str:
    convenor.write("charter.toml", DRAFT.format(**cards).replace(old, new))
    result = convenor.type(*verb, status=4 if cards is not CARDS else 3)
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb[-3:]))
def test_audience_of_a_seat_that_is_not_there(convenor: Person, verb: tuple[str, ...]) -> None:
    said = _said(convenor, verb, '["claimant", "respondent"]', '["claimant", "judge"]')
    assert "charter.toml, path exchange: The charter has no seat called judge." in said


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb[-3:]))
def test_party_that_can_open_alone_without_a_word_why(convenor: Person, verb: tuple[str, ...]) -> None:
    cards = CARDS | {"respondent": CARDS["claimant"]}
    said = _said(convenor, verb, "nothing of it", "", cards)
    assert "charter.toml: The seats claimant, respondent are one party's" in said


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb[-3:]))
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("claimant and respondent", 'At character 1 of the policy, "all", "any" or a number below 1000'),
        ("all of claimant", 'At character 8 of the policy, "(" was expected.'),
        ("all of (claimant respondent)", 'At character 18 of the policy, a comma or ")" was expected.'),
        ("all (claimant)", 'At character 5 of the policy, "of" was expected.'),
        ("all of (claimant, judge)", "The charter has no seat called judge."),
        ("3 of (claimant, respondent)", "A group of 2 cannot need 3 of them."),
    ],
)
def test_policy_that_is_none_is_named_by_its_path(
    convenor: Person, verb: tuple[str, ...], policy: str, words: str
) -> None:
    said = _said(convenor, verb, "all of (claimant, respondent)", policy)
    assert f"charter.toml, path memo: {words}" in said


def test_draft_that_is_no_toml_is_named(convenor: Person) -> None:
    said = _said(convenor, VERBS[0], "retention_days = 365", "retention_days 365")
    assert "charter.toml: The charter's draft is not TOML, at line 4." in said
