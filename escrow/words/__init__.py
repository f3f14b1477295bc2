"""Words for every error code: the one catalogue, used by the HTTP API and by the command line.

A row says, to somebody who has never seen the code, what happened and what to do. Rows live in one file for
each family of escrow/errors.py; a template's `{name}` is a field of the error. tests/words insists that
every code raised in escrow/ has a row, that no row is unused, and that no template names a field its error
does not carry.
"""

from dataclasses import dataclass

from escrow.errors import (
    ConflictError,
    EscrowError,
    Field,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    TooLargeError,
    TooManyError,
    UnauthorizedError,
    UnavailableError,
)
from escrow.words.admin import ADMIN
from escrow.words.case import CASE
from escrow.words.client import CLIENT
from escrow.words.commands import COMMANDS
from escrow.words.doctor import DOCTOR
from escrow.words.drop_off import DROP_OFF
from escrow.words.fingerprint import groups
from escrow.words.forged import FORGED
from escrow.words.format import FORMAT
from escrow.words.hooks import HOOKS
from escrow.words.keys import KEYS
from escrow.words.machine import MACHINE
from escrow.words.release import RELEASE
from escrow.words.row import Row
from escrow.words.serving import SERVING
from escrow.words.storage import STORAGE

TABLES = (
    FORMAT,
    KEYS,
    FORGED,
    CASE,
    RELEASE,
    SERVING,
    STORAGE,
    MACHINE,
    CLIENT,
    COMMANDS,
    ADMIN,
    DOCTOR,
    DROP_OFF,
    HOOKS,
)
WORDS: dict[str, Row] = {code: row for table in TABLES for code, row in table.items()}

_STATUS: tuple[tuple[type[EscrowError], int], ...] = (
    (TooLargeError, 413),
    (MalformedError, 400),
    (UnauthorizedError, 401),
    (NotFoundError, 404),
    (ForgedError, 422),
    (RefusedError, 409),
    (ConflictError, 409),
    (TooManyError, 429),
    (UnavailableError, 503),
    (SetupError, 500),
)
"""The family's HTTP status, first match; a row may have one of its own."""

CARD = "card"
"""The format of a fingerprint in a row: `{author:card}`."""
_UNKNOWN = Row(
    title="Refused", detail="The answer was {code}.", remedy="This version has no words for it: update."
)
_HEARSAY = (
    "This program has not checked that, and it proves nothing against anybody: ask the service's operator."
)
_CHECKED_HERE = frozenset({*FORGED, *CLIENT})
"""Codes by which a program tells what it found itself; their remedies are good for that alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What to show for one error. `status` is the HTTP status; `detail` and `remedy` are whole sentences."""

    status: int
    title: str
    detail: str
    remedy: str


def describe(error: EscrowError) -> Words:
    """Words for this error. A code from a newer version, which has no row here, is shown as it is.

    What a service said is told as its word, never as something that this program found.
    """
    row = WORDS.get(error.code, _UNKNOWN)
    values = _Shown({name: _shown(value) for name, value in {**error.fields, "code": error.code}.items()})
    return Words(
        status=status_of(error.code, type(error)),
        title=row.title,
        detail=_before(error) + row.detail.format_map(values),
        remedy=_HEARSAY
        if error.by_service and error.code in _CHECKED_HERE
        else row.remedy.format_map(values),
    )


def _before(error: EscrowError) -> str:
    """What it is about, and who says so."""
    where = f"{error.where}: " if error.where else ""
    return where + ("The service says: " if error.by_service else "")


def status_of(code: str, family: type[EscrowError]) -> int:
    """The HTTP status of an error of this code and family."""
    row = WORDS.get(code, _UNKNOWN)
    return row.status or next((status for each, status in _STATUS if issubclass(family, each)), 500)


class _Text(str):
    """A field in a text. `{name:card}` is a fingerprint, shown as people compare it."""

    def __format__(self, spec: str) -> str:
        return groups(self) if spec == CARD else str(self)


class _Shown(dict[str, str]):
    """A field that an error does not carry, as one from another version may not, shows as a question mark."""

    def __missing__(self, key: str) -> str:
        return _Text("?")


def _shown(value: Field) -> _Text:
    return _Text(", ".join(value) if isinstance(value, tuple) else value)
