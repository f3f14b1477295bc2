"""One row of the catalogue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`status`: HTTP status where it is not the family's. `{name}` in the texts is a field of the error."""

    title: str
    detail: str
    remedy: str
    status: int | None = None


def row(title: str, detail: str, remedy: str, *, status: int | None = None) -> Row:
    return Row(title=title, detail=detail, remedy=remedy, status=status)
