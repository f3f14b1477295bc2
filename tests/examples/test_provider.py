"""The provider's example program against a real service, with 20 cases.

`ESCROW_EXAMPLE_CASES=1000 ... --timeout 0` runs the same program with as many.
"""

import csv
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.parties import Parties, Provider, service

CASES = int(os.environ.get("ESCROW_EXAMPLE_CASES", "20"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def provider(tmp_path: Path, url: str) -> Provider:
    return Provider(tmp_path, url)


@pytest.fixture
def parties(tmp_path: Path, url: str) -> Parties:
    return Parties(tmp_path / "parties", url)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("A-1,Title,card,card,doc.txt", "line 2"),
        ("A-1,Title,{claimant},{respondent},missing.txt", "no file missing.txt"),
        ("A-1,Title,{claimant},{respondent}", "values"),
        (",Title,{claimant},{respondent},doc.txt", "empty"),
        ("A-1,T,{claimant},{respondent},doc.txt\nA-1,T,{claimant},{respondent},doc.txt", "twice"),
    ],
)
def test_table_that_is_wrong_anywhere_opens_nothing(
    provider: Provider, parties: Parties, line: str, word: str
) -> None:
    table = provider.table_of(parties, 1)
    header = table.read_text().splitlines()[0]
    filled = line.format(claimant=parties.claimant.card, respondent=parties.respondent.card)
    table.write_text(f"{header}\n{filled}\n")
    done = provider.run("open", str(table), "--invitations", str(provider.invitations), status=1)
    assert word in done.stderr
    assert provider.cases() == 0


def test_reference_that_another_case_has_opens_nothing(provider: Provider, parties: Parties) -> None:
    table = provider.table_of(parties, 1)
    provider.open(table)
    row = next(csv.DictReader(table.read_text().splitlines()))
    with table.open("w", newline="") as file:
        lines = csv.DictWriter(file, list(row))
        lines.writeheader()
        lines.writerows([row | {"reference": "B"}, row | {"title": "Another dispute"}])
    done = provider.run("open", str(table), "--invitations", str(provider.invitations), status=1)
    assert f"the reference {row['reference']} is that of the case {row['title']!r}" in done.stderr
    assert provider.cases() == 1


def test_cases_of_a_table_from_the_opening_to_the_download(provider: Provider, parties: Parties) -> None:
    table = provider.table_of(parties, CASES)
    provider.open(table)
    assert provider.cases() == CASES
    parties.accept(provider.invitations)
    assert f"{CASES} changed, 0 failed" in provider.follow()
    assert provider.status() == {"deposited": CASES}
    assert parties.release(4) == 4
    assert provider.follow().startswith(f"{CASES} changed")  # its own deposits, and the four releases
    assert provider.status() == {"deposited": CASES - 4, "released": 4}
    assert len(list(provider.downloads.glob("*/payload"))) == 4
    assert "0 changed, 0 failed" in provider.follow()


def test_killed_again_and_again_the_program_opens_and_deposits_once(
    provider: Provider, parties: Parties
) -> None:
    cases = 6
    table = provider.table_of(parties, cases)
    provider.killed_until_done("open", str(table), "--invitations", str(provider.invitations))
    assert provider.cases() == cases
    parties.accept(provider.invitations)
    provider.killed_until_done("follow", "--downloads", str(provider.downloads))
    assert provider.status() == {"deposited": cases}
    assert parties.deposits() == [1] * cases


def test_service_that_is_away_ends_the_run_and_the_next_goes_on(
    provider: Provider, parties: Parties, tmp_path: Path
) -> None:
    table = provider.table_of(parties, 2)
    away = Provider(tmp_path, "http://127.0.0.1:9")
    done = away.run("open", str(table), "--invitations", str(provider.invitations), status=1)
    assert "service_unreachable" in done.stderr
    provider.open(table)
    assert provider.cases() == 2


def test_case_that_fails_hides_no_other_and_is_tried_again_though_nothing_changed(
    provider: Provider, parties: Parties
) -> None:
    table = provider.table_of(parties, 3)
    document = provider.folder / "doc.txt"
    provider.open(table)
    parties.accept(provider.invitations)
    with sqlite3.connect(provider.folder / "home/register.sqlite") as register:
        register.execute("UPDATE cases SET document = 'missing' WHERE reference = 'ADR-2026-0002'")
    done = provider.run("follow", "--downloads", str(provider.downloads), status=1)
    assert "3 changed, 1 failed" in done.stderr
    assert "ADR-2026-0002: " in done.stderr
    assert provider.status() == {"deposited": 2, "waiting for the parties": 1}
    with sqlite3.connect(provider.folder / "home/register.sqlite") as register:
        register.execute("UPDATE cases SET document = ?", (str(document),))
    provider.follow()
    assert provider.status() == {"deposited": 3}


def test_help_names_every_command(provider: Provider) -> None:
    done = subprocess.run([*provider.command[:2], "--help"], capture_output=True, text=True, check=True)
    for command in ("card", "open", "follow", "status"):
        assert command in done.stdout
