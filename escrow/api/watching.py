"""What happens at the door, and who hears of that and of what inner rooms tell (escrow/store/watching.py).

Two listen: the log of storage (storage_log.py), always, and the metrics (metrics.py), if the settings have
them served. Neither may harm a request: a listener that fails is said once, and not asked again by this
process.
"""

from dataclasses import dataclass

import structlog
from flask import current_app

from escrow.store.watching import Seen, Watch

WATCH = "escrow-watch"

log = structlog.get_logger("escrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBegan(Seen):
    """A request is being handled, until there is a `RequestOver` for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOver(Seen):
    """The request is handled; a long answer may still be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Seen):
    """A request has its answer. `route`: the pattern, None where there is none. `method`: one of ours.

    `received`: bytes of an upload that were read.
    """

    route: str | None
    method: str
    status: int
    seconds: float
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Seen):
    """A payload, or a part of one, went out: this many bytes, whether or not that was all of it."""

    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Seen):
    """A problem was answered. `reason`: of damage, in a word."""

    code: str
    reason: str | None
    damage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited(Seen):
    """Somebody asked for more than this kind of room holds (limiting.py)."""

    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTransfers(Seen):
    """One long transfer more (1) or fewer (-1)."""

    change: int


class Watchers:
    """Several listeners as one `Watch`."""

    def __init__(self, *listeners: Watch) -> None:
        self._listeners = listeners

    def add(self, listener: Watch) -> None:
        self._listeners = (*self._listeners, listener)

    def drop(self, listener: Watch) -> None:
        self._listeners = tuple(one for one in self._listeners if one is not listener)

    def __call__(self, seen: Seen) -> None:
        for listener in self._listeners:
            try:
                listener(seen)
            except Exception as error:  # noqa: BLE001  whatever it is, the request goes on
                self.drop(listener)
                log.error("listener_failed", kind=type(seen).__name__, exception=type(error).__name__)


def tell(seen: Seen) -> None:
    """Tell the watch of the application that serves this request."""
    watch: Watch = current_app.extensions[WATCH]
    watch(seen)
