"""Short names for long ids: a person types the first 6 or more hex digits, the memory or the case knows
the rest.

A short name that could mean two things is refused, never guessed.
"""

import re
from collections.abc import Iterable

from escrow.cli.app import App
from escrow.errors import MalformedError, NotFoundError
from escrow.model.ids import CASE_BYTES, HASH_BYTES, RECORD_BYTES

LEAST_DIGITS = 6

_HEX = re.compile(r"[0-9a-f]+")


def full_case(app: App, text: str) -> str:
    """The case that this text means. Whole ids need not be known here."""
    return text if _is_whole(text, CASE_BYTES) else _pick(text, app.memory().cases(), "case")


def full_record(text: str, known: Iterable[str]) -> str:
    return text if _is_whole(text, RECORD_BYTES) else _pick(text, known, "record")


def full_request(text: str, known: Iterable[str]) -> str:
    return text if _is_whole(text, HASH_BYTES) else _pick(text, known, "request")


def looks_like_id(text: str) -> bool:
    """Whether this can be an id or its beginning, and not the name of a file that is not there."""
    return bool(_HEX.fullmatch(text))


def _is_whole(text: str, count: int) -> bool:
    return len(text) == 2 * count and bool(_HEX.fullmatch(text))


def _pick(text: str, known: Iterable[str], what: str) -> str:
    """MalformedError `short_name_malformed`, `short_name_ambiguous`; NotFoundError `short_name_unknown`."""
    if len(text) < LEAST_DIGITS or not _HEX.fullmatch(text):
        raise MalformedError("short_name_malformed", field=what)
    found = [one for one in known if one.startswith(text)]
    if not found:
        raise NotFoundError("short_name_unknown", field=what)
    if len(found) > 1:
        raise MalformedError("short_name_ambiguous", field=what, matches=tuple(found))
    return found[0]
