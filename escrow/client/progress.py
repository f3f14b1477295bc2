"""How long work reports itself: a stage, bytes done, bytes in all. Screens draw bars from it; the SDK draws
nothing.
"""

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """What is going on."""

    SEAL = "seal"
    UPLOAD = "upload"
    OPEN = "open"
    FETCH = "fetch"


class Progress(Protocol):
    """Called now and then with a stage and bytes. `total` is known from the first call of a stage on."""

    def __call__(self, stage: Stage, done: int, total: int) -> None: ...


def silent(stage: Stage, done: int, total: int) -> None:
    """Nobody is watching."""
