"""What `escrow doctor` says: one finding a line, each with what to do where something is to be done."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from escrow.errors import EscrowError


class State(StrEnum):
    """`note`: could not be told from here, and who can tell."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`text` where all is well; else `error`, for which escrow/words has what happened and what to do."""

    state: State
    area: str
    text: str = ""
    error: EscrowError | None = None


def ok(area: str, text: str) -> Finding:
    return Finding(state=State.OK, area=area, text=text)


def note(area: str, error: EscrowError) -> Finding:
    return Finding(state=State.NOTE, area=area, error=error)


def warning(area: str, error: EscrowError) -> Finding:
    return Finding(state=State.WARNING, area=area, error=error)


def fault(area: str, error: EscrowError) -> Finding:
    return Finding(state=State.FAULT, area=area, error=error)


def guarded(area: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """What could not be asked to its end is a fault of its area, and the next area is asked all the same."""
    try:
        yield from findings
    except EscrowError as error:
        yield fault(area, error)
