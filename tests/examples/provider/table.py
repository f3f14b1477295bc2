"""The institution's table of cases, as CSV: all of it is checked before anything is opened."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from escrow.client import Card
from escrow.errors import EscrowError

COLUMNS = ("reference", "title", "claimant", "respondent", "document")


class TableError(Exception):
    """What is wrong, and in which line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case to be: its reference and title, the two parties' cards, and the file to deposit in it."""

    reference: str
    title: str
    claimant: Card
    respondent: Card
    document: Path


def read_table(path: Path) -> list[Row]:
    """Every row. TableError names the line."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file)
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise TableError(f"{path.name}: the columns must be {', '.join(COLUMNS)}")
        rows = [_read_row(path, line, lines.line_num) for line in lines]
    _require_once(rows)
    return rows


def _read_row(path: Path, line: dict[str, str], number: int) -> Row:
    try:
        if None in line.values() or None in line:
            raise TableError("there are more or fewer values than columns")
        row = Row(
            reference=line["reference"], title=line["title"], claimant=Card.parse(line["claimant"]),
            respondent=Card.parse(line["respondent"]), document=path.parent / line["document"],
        )  # fmt: skip
        if not row.reference or not row.title:
            raise TableError("reference and title must not be empty")
        if not row.document.is_file():
            raise TableError(f"there is no file {line['document']}")
    except (TableError, EscrowError) as error:
        raise TableError(f"{path.name}, line {number}: {error}") from error
    return row


def _require_once(rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.reference in seen:
            raise TableError(f"the reference {row.reference} stands there twice")
        seen.add(row.reference)
