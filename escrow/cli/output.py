"""Write to a terminal: data to stdout, words for people to stderr, JSON with stable keys where it was
asked for.

Titles, labels, notes and file names were written by other parties. Whatever could move a cursor, hide or
reorder text on a terminal is replaced before it is shown.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from escrow.cli.app import App
from escrow.errors import SetupError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_JOINERS = (
    "\u200c\u200d"  # format characters that Persian and Indic scripts are written with; they move nothing
)


def printable(text: str | None, *, lines: bool = False) -> str:
    """Foreign text, safe to show: control, format and surrogate characters replaced. `lines`: keeps line
    breaks.
    """
    if text is None:
        return "(not readable without the case key)"
    return "".join(_shown(char, lines=lines) for char in text)


def _shown(char: str, *, lines: bool) -> str:
    if char in _JOINERS or (char == "\n" and lines):
        return char
    return REPLACEMENT if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char


def answer(app: App, people: str | Iterable[str], program: Mapping[str, Any]) -> None:
    """The result of a verb, on stdout, for whoever asked."""
    if app.as_json:
        click.echo(json.dumps(program, indent=2))
        return
    lines = people if isinstance(people, str) else "\n".join(people)
    if lines:
        click.echo(lines)


def say(app: App, *lines: str) -> None:
    """Words for people, on stderr; programs do without."""
    if not app.as_json:
        for line in lines:
            click.echo(line, err=True)


def ask(app: App, question: str, *, yes: bool) -> None:
    """Go on only if a person says so. SetupError `nobody_to_ask` where no one can answer and `yes` was
    not given.
    """
    if yes:
        return
    if not app.someone_is_there():
        raise SetupError("nobody_to_ask")
    click.confirm(question, abort=True, err=True)


def moment(at: datetime | None) -> str:
    """Local time with UTC beside it."""
    if at is None:
        return "-"
    utc = at.astimezone(UTC)
    local = at.astimezone()
    shown = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    if local.utcoffset() == utc.utcoffset():
        return shown
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()} ({shown})"


def size(count: int) -> str:
    """Bytes as people say them."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{count} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def table(rows: Sequence[Sequence[str]], *, indent: int = 2) -> list[str]:
    """Columns as wide as their widest cell, two blanks between."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        " " * indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
