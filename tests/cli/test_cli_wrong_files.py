"""A file that is cut off, or another one than is needed: it is named, and nobody's program is blamed."""

import pytest
from cli.desk import Person, Table
from client.honest import URL


@pytest.fixture
def claimant(table: Table) -> Person:
    """Has one whole file of each kind, and of each kind one that lacks its end."""
    table.accepted()
    table.requested(table.deposited())
    found = table.person("claimant")
    found.write("introduction.json", (table.person("arbitrator").folder / "introduction.json").read_text())
    found.write("charter.toml", (table.person("institution").folder / "charter.toml").read_text())
    found.type("note", table.case, "Hello", "--out", "note.json")
    for name in ("invitation.json", "introduction.json", "arbitrator.ticket", "note.json"):
        whole = (found.folder / name).read_text().strip()
        found.write(f"cut.{name}", whole[: len(whole) * 2 // 3])
    return found


def _typed(table: Table, command: str) -> list[str]:
    shown = table.person("claimant").json("case", "show", table.case)
    names = {
        "CASE": table.case,
        "RECORD": shown["records"][0]["record"],
        "REQUEST": shown["requests"][0]["request"],
        "URL": URL,
    }
    return [names.get(word, word) for word in command.split()]


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("case accept cut.invitation.json --yes", "an invitation"),
        ("case join cut.invitation.json", "an invitation"),
        ("ticket cut.introduction.json", "an introduction"),
        ("request CASE RECORD --ticket cut.arbitrator.ticket", "a ticket"),
        ("open CASE REQUEST --ticket cut.arbitrator.ticket", "a ticket"),
        ("send cut.note.json", "a signed statement"),
        ("inspect cut.invitation.json", "an invitation"),
        ("inspect cut.introduction.json", "an introduction"),
        ("inspect cut.arbitrator.ticket", "a ticket"),
        ("inspect cut.note.json", "a signed statement"),
    ],
)
def test_file_that_lacks_its_end_is_called_a_fault_of_nobody(
    table: Table, claimant: Person, command: str, needed: str
) -> None:
    args = _typed(table, command)
    said = claimant.type(*args, status=3).stderr
    (name,) = (arg for arg in args if arg.startswith("cut."))
    assert f"{name} is not {needed}" in said
    assert "cut off or changed" in said
    assert "Ask for it again" in said
    assert "rogram" not in said


@pytest.mark.parametrize(
    ("command", "found", "needed"),
    [
        ("case accept introduction.json --yes", "an introduction", "an invitation"),
        ("case join arbitrator.ticket", "a ticket", "an invitation"),
        ("ticket arbitrator.ticket", "a ticket", "an introduction"),
        ("ticket invitation.json", "an invitation", "an introduction"),
        ("request CASE RECORD --ticket invitation.json", "an invitation", "a ticket"),
        ("request CASE RECORD --ticket note.json", "a signed statement", "a ticket"),
        ("send invitation.json", "an invitation", "a signed statement"),
        ("--service URL case open invitation.json", "an invitation", "a charter"),
        ("case amend CASE arbitrator.ticket", "a ticket", "a charter"),
        ("policy explain --charter invitation.json", "an invitation", "a charter"),
    ],
)
def test_file_of_another_kind_is_called_what_it_is(
    table: Table, claimant: Person, command: str, found: str, needed: str
) -> None:
    args = _typed(table, command)
    said = claimant.type(*args, status=3).stderr
    (name,) = (arg for arg in args if arg.endswith((".json", ".ticket")))
    assert f"{name} is {found}" in said
    assert f"{needed}" in said.partition(found)[2]


def test_file_that_is_far_too_large_is_named(claimant: Person) -> None:
    claimant.write("film.mp4", "x" * 5000)
    assert "film.mp4 is too large" in claimant.type("case", "accept", "film.mp4", status=3).stderr
