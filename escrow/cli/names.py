"""Short names for long ids: a person types the first 6 or more hex digits, the memory or the case knows
the rest.

A short name that could mean two things is refused, never guessed. Digits may be typed in capitals.
"""

import re
from collections.abc import Callable, Iterable

from escrow.cli.app import App
from escrow.errors import MalformedError, NotFoundError
from escrow.model.ids import CASE_BYTES, HASH_BYTES, RECORD_BYTES

LEAST_DIGITS = 6

Others = Callable[[], Iterable[str]]
"""Asked only where nothing was found."""

_HEX = re.compile(r"[0-9A-Fa-f]+")


def full_case(app: App, text: str) -> str:
    """The case that this text means. Whole ids need not be known here."""
    return _whole(text, CASE_BYTES) or _pick(text, app.memory().cases(), "case")


def full_record(text: str, known: Iterable[str], requests: Others = tuple) -> str:
    """The record that this text means. `requests`: ids of those, for who took one for the other."""
    return _whole(text, RECORD_BYTES) or _pick(text, known, "record", requests, "request")


def full_request(text: str, known: Iterable[str], records: Others = tuple) -> str:
    """The request that this text means. `records`: ids of those, for who took one for the other."""
    return _whole(text, HASH_BYTES) or _pick(text, known, "request", records, "record")


def looks_like_id(text: str) -> bool:
    """Whether this can be an id or its beginning, and not the name of a file that is not there."""
    return bool(_HEX.fullmatch(text))


def _whole(text: str, count: int) -> str | None:
    """A whole id, as it is written everywhere; None: it is none."""
    return text.lower() if len(text) == 2 * count and looks_like_id(text) else None


def _pick(text: str, known: Iterable[str], what: str, others: Others = tuple, other: str = "") -> str:
    """MalformedError `short_name_malformed`, `short_name_ambiguous`; NotFoundError `short_name_unknown`,
    `id_of_another`.
    """
    if len(text) < LEAST_DIGITS or not looks_like_id(text):
        raise MalformedError("short_name_malformed", field=what)
    begins = text.lower()
    found = [one for one in known if one.startswith(begins)]
    if len(found) > 1:
        raise MalformedError("short_name_ambiguous", field=what, matches=tuple(found))
    if found:
        return found[0]
    if any(one.startswith(begins) for one in others()):
        raise NotFoundError("id_of_another", field=what, found=other)
    listed = "escrow case list" if what == "case" else "escrow case show CASE"
    raise NotFoundError("short_name_unknown", field=what, listed=listed)
