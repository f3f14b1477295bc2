"""How things look: foreign text cannot move a terminal, times are local with UTC beside, sizes are
readable.
"""

import time
from datetime import UTC, datetime

import pytest
from cli.desk import Table

from escrow.cli.dates import read_date
from escrow.cli.foreign import printable
from escrow.cli.output import moment, size, table


@pytest.mark.parametrize(
    "char", ["\x1b", "\r", "\n", "\x07", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\ud800"]
)
def test_text_that_moves_a_terminal_is_replaced(char: str) -> None:
    assert printable(f"a{char}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("text", ["Größe 4 €", "تقرير", "می\u200cخواهم", "和解"])
def test_text_of_any_script_is_kept(text: str) -> None:
    assert printable(text) == text


def test_a_label_from_another_party_cannot_move_the_readers_terminal(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("x.txt", "x")
    claimant.type("deposit", case, "x.txt", "--path", "settlement", "--label", "paid\x1b[2Kunpaid")
    shown = table.person("respondent").type("case", "show", case)
    assert "\x1b" not in shown.stdout + shown.stderr
    assert "unpaid" in shown.stdout


def test_times_are_local_with_utc_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert moment(at) == "2026-12-01 18:00:00 JST (2026-12-01 09:00:00 UTC)"
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
    assert moment(at) == "2026-12-01 09:00:00 UTC"


def test_a_day_begins_at_midnight_utc_and_an_offset_is_kept() -> None:
    assert read_date("2027-01-01") == datetime(2027, 1, 1, tzinfo=UTC)
    assert read_date("2027-01-01T09:30+01:00") == datetime(2027, 1, 1, 8, 30, tzinfo=UTC)


def test_sizes_and_columns_are_readable() -> None:
    assert [size(80), size(4096), size(3 * 2**30)] == ["80 bytes", "4.0 KiB", "3.0 GiB"]
    assert table([("a", "b"), ("long", "c")], indent=0) == ["a     b", "long  c"]


def test_a_policy_is_explained_with_labels_and_what_if(table: Table) -> None:
    anybody = table.person("anybody", keyless=True)
    assert "[cryptographic]" in anybody.out("policy", "explain", "2 of (a, b, c)")
    told = anybody.json("policy", "explain", "2 of (a, b, c)", "--gone", "a")
    assert (told["margin"], told["gone"]) == (0, ["a"])
    assert "[procedural]" in anybody.out("policy", "explain", "any of (a, b)", "--not-before", "2027-01-01")


def test_a_policy_spelt_otherwise_is_explained_and_its_spelling_told(table: Table) -> None:
    result = table.person("anybody", keyless=True).type("policy", "explain", "2 of (a,b)")
    assert "all of (a, b)" in result.stderr
    assert "both a and b" in result.stdout


def test_every_path_of_a_charter_is_explained(table: Table) -> None:
    table.open()
    shown = table.person("institution").out("policy", "explain", "--charter", "charter.toml")
    for part in ("path settlement", "path memo", "to the public", "each deposit sets for itself"):
        assert part in shown
