"""Texts that somebody else wrote, made fit for a terminal: labels, notes, names, what a service answers.

`printable` is the last stop of every line that is shown (output.py, endings.py): nothing in it can move a
cursor, hide or reorder text. `brief` and `prose` come before it, where a text stands among our own words, so
that it cannot look like them: one line in quotation marks, or wrapped lines that each begin with a margin.
With `--json` a text is told whole and unchanged, as ASCII.
"""

import shutil
import unicodedata
from collections.abc import Iterator

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
UNREADABLE = "(NOT READABLE: this home has no case key, or this text was not written under it)"
MARGIN = "| "
MAX_LINE = 1000
"""Characters of one line that tells an error: a hostile service must not scroll the screen away."""

_JOINERS = "\u200c\u200d"  # format characters that Persian and Indic scripts need; they move nothing
_MOVES = ("Cc", "Cf", "Cs", "Zl", "Zp")
_LOOKS_BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"), " ")  # called letters, shown blank
_LEAST_WIDTH = 20


def printable(text: str) -> str:
    """One line, with control, format and surrogate characters replaced, line breaks too."""
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    return REPLACEMENT if char not in _JOINERS and unicodedata.category(char) in _MOVES else char


def one_line(text: str) -> str:
    """Printable, without line breaks and runs of blanks, and of bounded length."""
    flat = printable(_collapsed(text))
    return flat if len(flat) <= MAX_LINE else f"{flat[:MAX_LINE]}..."


def brief(text: str | None, *, columns: int = 40) -> str:
    """A text in a cell of a table: in quotation marks, cut where it is long; nothing if it is empty."""
    if text is None:
        return UNREADABLE
    flat = printable(_collapsed(text))
    if not flat:
        return ""
    head = _fill(flat, columns)
    return f'"{head}"' if head == flat else f'"{head}..."'


def prose(text: str | None, *, indent: int = 4, most: int = 12) -> Iterator[str]:
    """A text in lines of its own: wrapped to the terminal, each behind a margin, at most so many of them."""
    before = " " * indent + MARGIN
    if text is None:
        yield before + UNREADABLE
        return
    columns = max(shutil.get_terminal_size().columns - len(before) - 1, _LEAST_WIDTH)
    lines = list(_wrapped(text, columns))
    yield from (before + line for line in lines[:most])
    if len(lines) > most:
        yield f"{before.rstrip()}... {len(lines) - most} lines more: with --json it is told whole"


def _wrapped(text: str, columns: int) -> Iterator[str]:
    """Lines of at most so many columns; line breaks are kept, empty lines are not."""
    for paragraph in text.splitlines():
        rest = printable(_collapsed(paragraph))
        while rest:
            line = _fill(rest, columns)
            cut = line.rfind(" ") if len(line) < len(rest) and rest[len(line)] != " " else -1
            line = line[:cut] if cut > 0 else line
            yield line
            rest = rest[len(line) :].lstrip()


def _fill(text: str, columns: int) -> str:
    """As much of the beginning as fits. A mark that a terminal puts upon another character counts as one
    column.
    """
    room = columns
    for at, char in enumerate(text):
        room -= 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if room < 0:
            return text[:at]
    return text


def _collapsed(text: str) -> str:
    return " ".join(text.translate(_LOOKS_BLANK).split())
