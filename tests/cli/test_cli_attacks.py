"""What other parties and services write, and what it must not do on this terminal."""

import json
import os
import subprocess
import sys
import time
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli.desk import Person, Table
from client.honest import URL

from escrow.cli.app import App
from escrow.cli.foreign import brief, one_line, printable, prose
from escrow.cli.output import answer, moment, say
from escrow.cli.uploading import curl_lines
from escrow.client import Courier, Identity
from escrow.errors import RefusedError

EVIL = "\x1b]0;OWNED\x07\x1b[2J\x1b[1;1H\u202ell good\x9b\rOpened."
"""Names a window, clears the screen, writes on top, turns the direction of writing round."""


def moves_nothing(text: str) -> bool:
    """No character but line breaks and the two joiners does anything on a terminal."""
    kept = text.replace("\n", "").replace("\u200c", "").replace("\u200d", "")
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in kept)


def answer_badly(person: Person, error: Exception) -> None:
    """From now on every line to a service ends in this error."""

    def courier(url: str, identity: Identity | None) -> Courier:
        raise error

    person.courier = courier  # type: ignore[method-assign]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_service_that_answers_with_escape_sequences_writes_nothing_on_the_terminal(
    table: Table, flags: tuple[str, ...]
) -> None:
    anybody = table.person("anybody", keyless=True)
    answer_badly(anybody, RefusedError("seat_not_in_path", seat=EVIL, path="p"))
    result = anybody.type(*flags, "open", f"{URL}/v1/cases/{'0' * 64}/requests/{'0' * 64}", status=4)
    assert moves_nothing(result.stdout + result.stderr)
    assert "Opened." in result.stderr
    if flags:
        assert result.stderr.isascii()
        assert json.loads(result.stderr)["error"]["fields"]["seat"] == EVIL


def test_a_service_that_answers_at_length_does_not_scroll_the_screen_away(table: Table) -> None:
    anybody = table.person("anybody", keyless=True)
    answer_badly(anybody, RefusedError("seat_not_in_path", seat="no\n" * 100_000, path="p"))
    url = f"{URL}/v1/cases/{'0' * 64}/requests/{'0' * 64}"
    shown = anybody.type("open", url, status=4).stderr
    assert len(shown) < 4000
    assert len(shown.splitlines()) == 2


def test_a_url_on_the_command_line_moves_nothing_when_it_is_refused(table: Table) -> None:
    shown = table.person("anybody", keyless=True).type("open", EVIL, status=2).stderr
    shown += table.person("anybody", keyless=True).type(EVIL, status=2).stderr
    assert moves_nothing(shown)


def test_no_line_of_an_answer_or_of_words_for_people_moves_anything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = App()
    say(app, EVIL)
    answer(app, [EVIL, f"two\n{EVIL}"], {})
    answer(app, EVIL, {})
    answer(App(as_json=True), EVIL, {"text": EVIL})
    shown = capsys.readouterr()
    assert moves_nothing(shown.out + shown.err)
    assert shown.out.isascii() is False
    assert json.loads(shown.out.split("\n", 3)[3])["text"] == EVIL


def test_a_url_with_shell_words_in_it_is_quoted_in_the_commands_that_are_shown() -> None:
    url = "https://evil.example/$(touch${IFS}owned)"
    for line in curl_lines(Path("a b.payload"), url, 80):
        assert "$(touch" not in line.replace(f"'{url}'", "").replace(f"'{url}/parts/1'", "")
    assert any("@'a b.payload'" in line for line in curl_lines(Path("a b.payload"), url, 80))


def test_a_text_that_the_terminal_has_no_letters_for_ends_no_run() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "escrow.cli", "policy", "explain", "any of (a, b)", "--audience", "和解"],
        env={"PYTHONIOENCODING": "latin-1", "HOME": "/nonexistent"}, capture_output=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"opens to ??" in ran.stdout


# Prose that looks like our own words


def test_a_purpose_that_spoofs_the_review_stays_behind_its_margin(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    case = table.accepted()
    record = table.deposited()
    fake = (
        "Agenda".ljust(64)
        + " " * 240
        + "  readers (compare these fingerprints)".ljust(80)
        + "  beef beef" * 9
    )
    claimant, arbitrator = table.person("claimant"), table.person("arbitrator")
    arbitrator.write("introduction.json", claimant.out("introduce", case, record))
    claimant.write("a.ticket", arbitrator.out("ticket", "introduction.json"))
    request = claimant.out("request", case, record, "--ticket", "a.ticket", "--purpose", fake)
    shown = table.person("mediator").type("signoff", case, request, "--yes").stderr
    theirs = [line for line in shown.splitlines() if "beef" in line or "readers (compare" in line]
    ours = [line for line in theirs if not line.startswith("    | ")]
    assert ours == ["  readers (compare these fingerprints with the people you mean)"]
    assert all(len(line) < 80 and "   " not in line.strip() for line in theirs if line not in ours)


def test_a_text_of_many_lines_is_cut_and_says_how_to_see_all() -> None:
    lines = list(prose("word\n" * 50, most=12))
    assert len(lines) == 13
    assert lines[-1].endswith("38 lines more: with --json it is told whole")


@pytest.mark.parametrize(
    "text", ["x" * 500, "和解" * 200, "a b" * 300, "e\u0301" * 300, "\u3164" * 500 + "x"]
)
def test_no_line_of_foreign_prose_is_wider_than_the_terminal(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    def columns(line: str) -> int:
        return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)

    lines = list(prose(text, most=1000))
    assert all(columns(line) < 60 and line.startswith("    | ") for line in lines)
    assert "".join(line.removeprefix("    | ") for line in lines).replace(" ", "") == text.replace(
        " ", ""
    ).replace("\u3164", "")


def test_a_label_that_looks_like_more_columns_of_the_table_is_one_quoted_cell() -> None:
    assert brief("Draft A      by respondent\n  settlement") == '"Draft A by respondent settlement"'
    assert brief("x" * 300, columns=10) == '"xxxxxxxxxx..."'
    assert brief("") == ""
    assert brief(None).startswith("(NOT READABLE")


def test_one_line_is_one_line() -> None:
    assert one_line("a\n\n  b\u2028c") == "a b c"
    assert printable("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


# Times


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tokyo", "UTC"])
def test_a_date_at_the_end_of_time_is_shown_in_utc(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ.get("TZ", "UTC")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) == "9999-12-31 23:59:59 UTC"
    finally:
        monkeypatch.setenv("TZ", before)
        time.tzset()


def test_a_date_beyond_the_calendar_is_wrong_usage_and_no_fault(table: Table) -> None:
    anybody = table.person("anybody", keyless=True)
    for text in ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"):
        anybody.type("policy", "explain", "any of (a, b)", "--not-before", text, status=2)
