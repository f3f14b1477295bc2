"""What the institution knows of its cases: one SQLite file, written after each step."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Stage(StrEnum):
    """How far a case is."""

    OPENING = "opening"
    WAITING = "waiting for the parties"
    DEPOSITED = "deposited"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Entry:
    """One case. `seen`: the number of the last entry of its ledger that was looked at, -1 for none.

    AGAIN: the last look failed, and the next round takes another, whether anything changed or not.
    """

    reference: str
    title: str
    document: Path
    case: str
    stage: Stage
    seen: int


AGAIN = -2
_TABLES = """
CREATE TABLE IF NOT EXISTS cases (
    reference TEXT PRIMARY KEY, title TEXT NOT NULL, document TEXT NOT NULL,
    "case" TEXT NOT NULL DEFAULT '', stage TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT -1
);
CREATE INDEX IF NOT EXISTS by_case ON cases ("case");
CREATE TABLE IF NOT EXISTS place (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), cursor TEXT NOT NULL);
"""
_ROW = 'SELECT reference, title, document, "case", stage, seen FROM cases'


class Register:
    """`Register(path)`; the file is made when it is not there."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    def add(self, reference: str, title: str, document: Path) -> Entry:
        """A new case, or the one that is there."""
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO cases (reference, title, document, stage) VALUES (?, ?, ?, ?)",
                (reference, title, str(document), Stage.OPENING.value),
            )
        return next(self._read(f"{_ROW} WHERE reference = ?", reference))

    def opened(self, reference: str, case: str) -> None:
        with self._db:
            self._db.execute(
                'UPDATE cases SET "case" = ?, stage = ? WHERE reference = ?',
                (case, Stage.WAITING.value, reference),
            )

    def reached(self, reference: str, stage: Stage) -> None:
        with self._db:
            self._db.execute("UPDATE cases SET stage = ? WHERE reference = ?", (stage.value, reference))

    def saw(self, reference: str, n: int) -> None:
        with self._db:
            self._db.execute("UPDATE cases SET seen = ? WHERE reference = ?", (n, reference))

    def of_case(self, case: str) -> Entry | None:
        return next(self._read(f'{_ROW} WHERE "case" = ?', case), None)

    def title_of(self, reference: str) -> str | None:
        """What the case of this reference was opened as."""
        found = next(self._read(f"{_ROW} WHERE reference = ?", reference), None)
        return None if found is None else found.title

    def to_look_at_again(self) -> list[Entry]:
        return list(self._read(f"{_ROW} WHERE seen = {AGAIN}"))

    def counts(self) -> dict[str, int]:
        """How many cases are how far."""
        return dict(self._db.execute("SELECT stage, count(*) FROM cases GROUP BY stage").fetchall())

    def cursor(self) -> str | None:
        """Where the changes were read to."""
        found = self._db.execute("SELECT cursor FROM place").fetchone()
        return None if found is None else str(found[0])

    def keep_cursor(self, cursor: str) -> None:
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (cursor,))

    def _read(self, query: str, *values: str) -> Iterator[Entry]:
        for reference, title, document, case, stage, seen in self._db.execute(query, values):
            yield Entry(reference, title, Path(document), case, Stage(stage), seen)
