"""What is known of a hook's messages, read from one listing; when each is tried next; when it is given up.

Rules (numbered as in README.md):
 O1  A message is in the outbox once its object is, and stays until a sweep removes it. A try that fails
     adds a mark with its minute, one that gets through another; nothing else is kept anywhere.
 O2  After k failed tries the next is due `SCHEDULE[k]` after the last, and up to a tenth later, by a
     number that follows from message and k. After `TRIES` it is given up: three days and some hours.
 O3  When a message is given up and none got through since the minute of its first try, the hook is closed
     (`failing`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import groupby
from math import inf
from typing import Final

from escrow.store.names import OutboxName, Sent

SCHEDULE: Final = (0, 1, 5, 30, 120, 300, 600, 840, 1200, 1440)
"""Minutes. What Standard Webhooks suggests, but for the second try: it comes after a minute and not after
5 s.
"""
TRIES: Final = len(SCHEDULE)
AHEAD: Final = 10
"""Minutes by which two deliverers' clocks differ at most, as each is within five of the storage's (D4)."""


@dataclass(slots=True)
class Pending:
    """A message and its tries. `failed`: their minutes, by the clocks of whoever tried."""

    place: OutboxName
    failed: list[int] = field(default_factory=list)
    delivered: int | None = None
    is_there: bool = False

    @property
    def is_open(self) -> bool:
        """It is to be tried, now or later."""
        return self.is_there and self.delivered is None and len(self.failed) < TRIES

    @property
    def is_given_up(self) -> bool:
        return self.is_there and self.delivered is None and len(self.failed) >= TRIES

    def due(self, now: float) -> float:
        """The minute from which on it may be tried (O2), by what is known in the minute `now`.

        A mark of a minute to come is by a clock that was ahead: it counts as a try, and not as when it was.
        """
        past = [one for one in self.failed if one <= now + AHEAD]
        if not past:
            return 0.0
        wait = SCHEDULE[min(len(self.failed), TRIES - 1)]
        part = int(self.place.message[2 * len(self.failed) :][:4] or "0", 16) / 0xFFFF
        return max(past) + wait * (1 + part / 10)

    def is_due(self, now: float) -> bool:
        return self.due(now) <= now


def read(names: Iterable[OutboxName]) -> Iterator[Pending]:
    """Messages of one listing, in its order."""
    for _, group in groupby(names, key=lambda one: (one.minute, one.message)):
        marks = list(group)
        found = Pending(
            place=OutboxName(
                fingerprint=marks[0].fingerprint, hook=marks[0].hook, minute=marks[0].minute,
                message=marks[0].message,
            )
        )  # fmt: skip
        for one in marks:
            if one.what is Sent.MESSAGE:
                found.is_there = True
            elif one.what is Sent.FAILED and one.at is not None:
                found.failed.append(one.at)
            elif one.at is not None:
                found.delivered = one.at
        yield found


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one reading of an outbox found. `first`: the open messages that come first; `others`: how many
    more are open, of which the first may be tried from the minute `others_due` on. `is_failing`: O3.
    """

    first: list[Pending]
    others: int
    others_due: float
    is_failing: bool


def survey(messages: Iterable[Pending], now: float, most: int) -> Survey:
    """No more than `most` messages are held at a time: those that are due, oldest first, before those that
    will be.
    """
    newest = lost = -1
    count = 0

    def still_open() -> Iterator[Pending]:
        nonlocal newest, lost, count
        for one in messages:
            if one.delivered is not None:
                newest = max(newest, one.delivered)
            elif one.is_given_up:
                lost = max(lost, min(one.failed))
            elif one.is_open:
                count += 1
                yield one

    def place(one: Pending) -> tuple[float, int, str]:
        return max(one.due(now), now), one.place.minute, one.place.message

    first = nsmallest(most + 1, still_open(), key=place)
    return Survey(
        first=first[:most], others=max(0, count - most),
        others_due=first[most].due(now) if count > most else inf, is_failing=lost > newest,
    )  # fmt: skip
