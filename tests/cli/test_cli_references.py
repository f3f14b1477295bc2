"""An institution's own name for a case, on the command line: it leads to one case, given once or twice."""

import pytest
from cli.desk import Person, Table
from client.honest import DRAFT, URL
from support.build import party


@pytest.fixture
def office(table: Table) -> Person:
    found = table.person("institution")
    cards = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
    found.write("charter.toml", DRAFT.format(**cards))
    return found


def opened(office: Person, *more: str) -> str:
    return office.out("--service", URL, "case", "open", "charter.toml", *more)


def test_reference_given_again_opens_no_second_case(table: Table, office: Person) -> None:
    case = opened(office, "--reference", "ADR-1")
    assert office.type("case", "show", case[:8]).exit_code == 0
    again = office.type("--service", URL, "case", "open", "charter.toml", "--reference", "ADR-1")
    assert again.stdout.strip() == case
    assert "no other was opened" in again.stderr
    assert opened(office, "--reference", "ADR-2") != case
    assert len(table.service.chains) == 2


def test_reference_of_a_case_that_is_not_sent_is_refused(table: Table, office: Person) -> None:
    office.type(
        "--service", URL, "case", "open", "charter.toml", "--reference", "ADR-1", "--out", "x", status=2
    )
    assert not (office.folder / "x").exists()
    assert table.service.chains == {}


def test_reference_that_is_none_opens_nothing(table: Table, office: Person) -> None:
    for wrong in ("", "x" * 201):
        office.type("--service", URL, "case", "open", "charter.toml", "--reference", wrong, status=3)
    assert table.service.chains == {}
