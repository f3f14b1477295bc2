"""scripts/audit.py as administrators meet it: words, exit codes, JSON, progress, and how to go on."""

import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.crowd import LEAST, crowd, folder_put

from escrow.cli.bars import _place
from escrow.model.ids import CaseId
from escrow.store import names

ROOT = Path(__file__).parents[2]
USAGE, FORGED, NOT_FOUND, UNAVAILABLE, SETUP, INTERRUPTED = 2, 5, 6, 7, 8, 130
MANY = 150
"""As many as say more than a pipe of one page holds, whoever reads none of it."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CaseId]]:
    """Not to be changed."""
    root = tmp_path_factory.mktemp("many")
    return root, sorted(crowd(MANY, LEAST, *folder_put(root)))


@pytest.fixture
def few(tmp_path: Path) -> tuple[Path, list[CaseId]]:
    """Three cases with a release each."""
    return tmp_path, sorted(crowd(3, 12, *folder_put(tmp_path)))


def words(store: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "scripts/audit.py"), "--store", str(store), *more]


def environ(**more: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin"} | more


def audited(store: Path, *more: str, status: int = 0) -> tuple[list[str], str]:
    """Lines of stdout, and stderr."""
    done = subprocess.run(words(store, *more), capture_output=True, text=True, check=False, env=environ())
    assert done.returncode == status, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    return done.stdout.splitlines(), done.stderr


def test_every_case_has_its_line_and_the_last_one_sums_up(few: tuple[Path, list[CaseId]]) -> None:
    store, cases = few
    told, said = audited(store)
    assert [line.partition(":")[0] for line in told[:-1]] == [f"case {case[:12]}" for case in cases]
    assert told[-1].startswith("3 cases, 36 entries, 3 records: no faults, 0 warnings, in ")
    assert said == ""  # nothing in a pipe but what there is to say


def test_json_is_one_object_a_line_and_a_summary(few: tuple[Path, list[CaseId]]) -> None:
    store, cases = few
    told, _ = audited(store, "--json")
    *each, last = map(json.loads, told)
    assert [one["case"] for one in each] == cases
    summary = last["summary"]
    assert isinstance(summary.pop("seconds"), float)
    assert summary == {
        "cases": 3, "entries": 36, "records": 3, "faults": 0, "warnings": 0, "complete": True
    }  # fmt: skip


def test_fault_names_its_case_and_a_strange_file_its_place(few: tuple[Path, list[CaseId]]) -> None:
    store, cases = few
    (store / "ledger" / names.entry(cases[1], 5)).unlink()
    (store / "ledger" / "Case\x1b[2Jall is well").write_bytes(b"")
    told, said = audited(store, status=FORGED)
    assert f"Case {cases[1][:12]}, entry 5: Entries are missing from here on. (entries_missing)" in said
    assert "Warning: Name in ledger" in said
    assert "\x1b" not in said
    assert " FAULTS, 1 warning," in told[-1]


@pytest.mark.parametrize(
    ("more", "status"),
    [(("--from", "xyz"), USAGE), (("--case", ""), USAGE), (("--case", "00ff00ff00ff"), NOT_FOUND)],
)
def test_cases_that_are_none_are_refused(
    few: tuple[Path, list[CaseId]], more: tuple[str, ...], status: int
) -> None:
    audited(few[0], *more, status=status)


def test_folder_that_is_not_there_is_a_setting_of_this_machine(tmp_path: Path) -> None:
    audited(tmp_path / "nowhere", status=SETUP)


def test_storage_without_any_case_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    _, said = audited(tmp_path, status=NOT_FOUND)
    assert "holds no case" in said


def test_run_that_failed_does_not_say_that_there_are_no_faults(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"")
    told, _ = audited(tmp_path, status=UNAVAILABLE)
    assert told == ["not finished, so far 0 cases, 0 entries, 0 records: no faults yet, 0 warnings, in 0 s"]


def test_what_can_be_done_about_faults_is_said(few: tuple[Path, list[CaseId]]) -> None:
    store, cases = few
    (store / "ledger" / names.entry(cases[1], 5)).unlink()
    told, said = audited(store, status=FORGED)
    assert " 3 FAULTS," in told[-1]
    assert "infra/guides/backup.md" in said


# Interrupted


def interrupted(store: Path, *more: str) -> tuple[str, str]:
    """Stdout and stderr of a run that is broken off once it has begun to tell, and before it can have ended:
    nobody reads on, and what it has to say is more than the pipe holds.
    """
    read, write = os.pipe()
    assert fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096) == 4096
    process = subprocess.Popen(words(store, *more), stdout=write, stderr=subprocess.PIPE, env=environ())
    os.close(write)
    with process, os.fdopen(read, "rb") as told:
        first = told.read(1)
        process.send_signal(signal.SIGINT)
        out = first + told.read()
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert process.returncode == INTERRUPTED, said
    return out.decode(), said


def test_interrupted_run_says_how_to_go_on_and_going_on_does_the_rest(
    many: tuple[Path, list[CaseId]],
) -> None:
    store, cases = many
    told, said = interrupted(store)
    done = [line.split()[1].rstrip(":") for line in told.splitlines() if line.startswith("case ")]
    assert 0 < len(done) < len(cases)
    (start,) = (line.split()[-1] for line in said.splitlines() if line.startswith("Not finished."))
    rest, _ = audited(store, "--from", start)
    done += [line.split()[1].rstrip(":") for line in rest[:-1]]
    assert set(done) == {case[:12] for case in cases}


def test_interrupted_run_tells_programs_where_to_go_on(many: tuple[Path, list[CaseId]]) -> None:
    store, cases = many
    told, said = interrupted(store, "--json")
    *each, last = map(json.loads, told.splitlines())
    assert last["summary"]["complete"] is False
    assert last["summary"]["next"] in (cases[len(each)], cases[len(each) - 1])
    assert json.loads(said)["error"]["code"] == "interrupted"


# Progress


def on_terminal(command: list[str], out: Path | None = None) -> str:
    """What a terminal shows of stderr, and of stdout, unless that goes to the file `out`."""
    ours, theirs = pty.openpty()
    with (out or Path(os.devnull)).open("wb") as file:
        stdout = theirs if out is None else file
        process = subprocess.Popen(command, stdout=stdout, stderr=theirs, env=environ(TERM="xterm"))
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return seen.decode()


def test_terminal_sees_progress_and_the_file_gets_the_lines(
    few: tuple[Path, list[CaseId]], tmp_path: Path
) -> None:
    shown = on_terminal(words(few[0]), tmp_path / "out")
    assert "Auditing" in shown
    assert "entries" in shown
    lines = (tmp_path / "out").read_text().splitlines()
    assert len(lines) == 4
    assert "Auditing" not in lines[0]


def test_lines_do_not_run_into_the_bar_on_one_terminal(few: tuple[Path, list[CaseId]]) -> None:
    store, cases = few
    shown = on_terminal(words(store))
    for case in cases:
        before = shown.partition(f"case {case[:12]}: 12 entries")[0]
        assert re.search(r"(\n|\x1b\[2?K)$", before), before[-80:]


@pytest.mark.parametrize(
    "bar", ["progress(app)", "counter(app, 'seen')", "case_bar(app, start='', whole=True)"]
)
def test_what_is_printed_under_any_bar_goes_to_stdout(tmp_path: Path, bar: str) -> None:
    program = (
        "import click\nfrom escrow.cli.app import App\nfrom escrow.cli.bars import *\n"
        f"app = App()\nwith {bar}:\n    click.echo('data')\n"
    )
    shown = on_terminal([sys.executable, "-c", program], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "data\n"
    assert "data" not in shown


def test_place_of_a_case_grows_with_its_id_from_nothing_to_all() -> None:
    places = [_place(case) for case in ("", "00", "7f" * 32, "80" * 32, "ff" * 32)]
    assert places == sorted(places)
    assert (places[0], round(places[3], 2), round(places[4], 5)) == (0, 0.5, 1)
