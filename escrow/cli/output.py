"""Write to a terminal: data to stdout, words for people to stderr, JSON with stable keys where it was
asked for.

Every line goes through `printable` here, at the last moment, whoever wrote it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from escrow.cli.app import App
from escrow.cli.foreign import printable
from escrow.errors import SetupError


def answer(app: App, people: str | Iterable[str], program: Mapping[str, Any]) -> None:
    """The result of a verb, on stdout, for whoever asked: one line, or several. JSON is ASCII throughout."""
    if app.as_json:
        click.echo(json.dumps(program, indent=2))
        return
    lines = [line for line in (people,) if line] if isinstance(people, str) else people
    for line in lines:
        click.echo(printable(line))


def say(app: App, *lines: str) -> None:
    """Words for people, on stderr; programs do without."""
    if not app.as_json:
        for line in lines:
            click.echo(printable(line), err=True)


def ask(app: App, question: str, *, yes: bool) -> None:
    """Go on only if a person says so. SetupError `nobody_to_ask` where no one can answer and `yes` was
    not given.
    """
    if yes:
        return
    if not app.someone_is_there():
        raise SetupError("nobody_to_ask")
    click.confirm(printable(question), abort=True, err=True)


def moment(at: datetime | None) -> str:
    """Local time with UTC beside it; UTC alone where this machine's zone has no such time, as at the end of
    9999.
    """
    if at is None:
        return "-"
    utc = at.astimezone(UTC)
    shown = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    try:
        local = at.astimezone()
    except (OverflowError, ValueError, OSError):
        return shown
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
