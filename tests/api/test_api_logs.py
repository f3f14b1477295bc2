"""What an operator reads of gunicorn: what happened, and nothing that a peer sent."""

import io
import json
import logging
import re
import sys
from pathlib import Path

import gunicorn  # type: ignore[import-untyped]
import pytest
import structlog

from escrow.api.logs import BAD_REQUEST, FIXED, FROM_PEERS, ServerFormatter, configure_logs

SECRET = "DELETE-ME-TAIL"


def said(template: object, *values: object, level: int = logging.ERROR, name: str = "gunicorn.error") -> str:
    record = logging.LogRecord(name, level, "glogging.py", 283, template, values, None, "error")
    line = ServerFormatter().format(record)
    assert SECRET not in line
    return str(json.loads(line).get("message"))


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("WORKER TIMEOUT (pid:%s)", (7,), "WORKER TIMEOUT (pid:7)"),
        ("Worker (pid:%s) exited with code %s.", (7, 3), "Worker (pid:7) exited with code 3."),
        (
            "Worker (pid:%s) was sent %s! Perhaps out of memory?",
            (7, "SIGKILL"),
            "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?",
        ),
        ("Reason: %s", ("Worker failed to boot.",), "Reason: Worker failed to boot."),
        ("Exception in worker process", (), "Exception in worker process"),
    ],
)
def test_what_befell_a_worker_is_said(template: str, values: tuple[object, ...], message: str) -> None:
    assert said(template, *values) == message


def test_request_that_is_none_is_said_without_its_bytes() -> None:
    quoted = f"{BAD_REQUEST}127.0.0.1: Invalid HTTP request line: '{SECRET}'"
    assert said(quoted, level=logging.WARNING) == "Invalid request"


def test_request_that_broke_is_said_without_its_path() -> None:
    assert said("Error handling request %s %s", "GET", f"/{SECRET}") == "Error handling request"
    assert said("Error handling request %s", f"/{SECRET}") == "Error handling request"


def test_text_that_may_have_been_filled_in_is_not_shown() -> None:
    assert said(f"something new about {SECRET}") == "(not shown)"
    assert said(ValueError(SECRET)) == "(not shown)"


def test_words_of_other_libraries_are_not_shown() -> None:
    assert said("%s", SECRET, name="urllib3") == "None"


def test_gunicorn_says_what_these_rules_know() -> None:
    """A new version that logs a peer's bytes by another template fails here."""
    folder = Path(gunicorn.__file__).parent
    source = "".join(
        (folder / name).read_text() for name in ("arbiter.py", "workers/base.py", "workers/gthread.py")
    )
    for text in (*FIXED, *FROM_PEERS, BAD_REQUEST):
        assert f'"{text}' in source
    quoting = re.findall(r'log\.(?:warning|error|exception|critical)\(\s*"([^"]*)"[^)]*\breq\.', source)
    assert set(quoting) == FROM_PEERS


def test_line_and_its_end_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers share stderr: where Python does not buffer, two writes let another worker's line in between."""
    writes: list[str] = []

    class Stderr(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", Stderr())
    try:
        configure_logs()
        structlog.get_logger("escrow").info("request")
    finally:
        structlog.configure(**before)
    (line,) = writes
    assert line.endswith("}\n")
