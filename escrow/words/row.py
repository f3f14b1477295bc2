"""One row of the catalogue."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`status`: HTTP status where it is not the family's. `{name}` in the texts is a field of the error, and
    `{name:card}` one that holds a card's fingerprint.
    """

    title: str
    detail: str
    remedy: str
    status: int | None = None


AUDIT: Final = "Run `escrow audit`, or `scripts/audit.py` if the storage is yours."
"""A party has a service to ask, and an operator the storage itself."""


def row(title: str, detail: str, remedy: str, *, status: int | None = None) -> Row:
    return Row(title=title, detail=detail, remedy=remedy, status=status)
