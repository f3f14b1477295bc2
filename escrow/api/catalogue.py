"""What each problem code means and what to do about it: the rows of escrow/words that this API can answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from escrow.api.codes import ALL
from escrow.api.problems import HTTP_CODES, type_of
from escrow.words import CARD, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One code. In `detail` and `remedy`, `{name}` stands for that one of the problem's `fields`."""

    code: str
    type: str
    statuses: tuple[int, ...]
    title: str
    detail: str
    remedy: str
    fields: tuple[str, ...]


def meanings(codes: Iterable[str]) -> dict[str, Meaning]:
    """These codes, and those that any address may answer, in the order of the alphabet."""
    return {code: _meaning(code) for code in sorted({*codes, *HTTP_CODES.values()})}


def _meaning(code: str) -> Meaning:
    row, known = WORDS[code], ALL[code]
    return Meaning(
        code=code,
        type=type_of(code),
        statuses=known.statuses,
        title=row.title,
        detail=_plain(row.detail),
        remedy=_plain(row.remedy),
        fields=known.fields,
    )


def _plain(template: str) -> str:
    """How a field is shown is no business of the API's readers."""
    return template.replace(f":{CARD}}}", "}")
