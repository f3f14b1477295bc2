"""infra/every.py: the timer of a container."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

EVERY = Path(__file__).parents[2] / "infra/every.py"


@contextmanager
def timer(tmp_path: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """With its own STATUS, beside those of others on this machine."""
    copy = tmp_path / "every.py"
    text = EVERY.read_text()
    assert '"/tmp/every"' in text
    copy.write_text(text.replace('"/tmp/every"', repr(str(tmp_path / "status"))))
    process = subprocess.Popen(
        [sys.executable, copy, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("words", [(), ("5",), ("0", "true"), ("-1", "true"), ("soon", "true")])
def test_words_that_say_no_time_or_no_command_are_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    with timer(tmp_path, *words) as process:
        assert process.wait(20) == 2


def test_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    with timer(tmp_path, "1", "/no/such/command") as process:
        assert process.wait(20) == 127
        assert "No such file" in process.communicate()[1]


def test_run_that_fails_is_remembered_and_tried_again(tmp_path: Path) -> None:
    with timer(tmp_path, "1", "sh", "-c", "echo run; exit 9") as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["run\n", "run\n"]
        assert (tmp_path / "status").read_text() == "9"
        assert subprocess.run([sys.executable, tmp_path / "every.py", "--healthy"]).returncode == 9


def test_healthy_before_the_first_run_has_ended(tmp_path: Path) -> None:
    with timer(tmp_path, "--healthy") as process:
        assert process.wait(20) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stop_ends_it_at_once_while_it_waits(tmp_path: Path, how: signal.Signals) -> None:
    with timer(tmp_path, "3600", "echo", "run") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "run\n"
        process.send_signal(how)
        assert process.wait(20) == 0


def test_stop_reaches_the_run_under_way(tmp_path: Path) -> None:
    """The command's own signals are not blocked, though the timer's are."""
    with timer(tmp_path, "3600", "sh", "-c", "echo $$; exec sleep 3600") as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
        assert (tmp_path / "status").read_text() == str(128 + signal.SIGTERM)
