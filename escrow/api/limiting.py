"""How much one caller may ask for, so that nobody's program leaves the others nothing.

Fairness, not defence: who makes a thousand cards has a thousand rooms, and a flood is the proxy's to hold
off. No address is looked at (several parties may share one). Rules (numbered as in README.md):
 L1  A request with a token takes from its card's room and from nobody else's.
 L2  A posting without a token takes from its case's room; openings without one have a room together. Whoever
     finds that room empty sends a token, and has room of their own.
 L3  Sign-offs have a room beside the general one, and take from that when their own is empty: neither a card
     nor a case that used up its room is kept from signing off.
 L4  A room holds what comes in within BURST_S, and fills steadily. What is refused takes nothing, and comes
     before anything of the case is loaded.
Each worker counts for itself: a service with two lets twice as much through.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app, g

from escrow.config import Settings
from escrow.errors import TooManyError

LIMITS = "escrow-limits"
ROOMS = ("card", "card-sign-offs", "case", "case-sign-offs")
BURST_S = 10
"""A script that begins with a hundred requests at once is no flood."""
MOST_ROOMS = 10_000
"""In memory, of each kind. Beyond it the one longest unused goes, and is full when it comes again."""

Ticks = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left in a room: whole requests, and the seconds until it is full again."""

    room: str
    quota: int
    remaining: int
    full_in_s: int


class Rooms:
    """Token buckets (L4) of one kind, by key. `per_s` 0: no limit."""

    def __init__(self, name: str, per_s: float, ticks: Ticks) -> None:
        self.name = name
        self._per_s = per_s
        self._quota = max(1.0, per_s * BURST_S)
        self._ticks = ticks
        self._lock = threading.Lock()
        self._rooms: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Key: what was left, and when."""

    @property
    def limited(self) -> bool:
        return self._per_s > 0

    def take(self, key: str) -> Left:
        """One request more. TooManyError `too_many_requests` (room, retry_after)."""
        with self._lock:
            now = self._ticks()
            left, at = self._rooms.pop(key, (self._quota, now))
            left = min(self._quota, left + max(0.0, now - at) * self._per_s)
            enough = left >= 1
            self._rooms[key] = (left - 1 if enough else left, now)
            if len(self._rooms) > MOST_ROOMS:
                self._rooms.popitem(last=False)
        if not enough:
            raise TooManyError(
                "too_many_requests", room=self.name, retry_after=math.ceil((1 - left) / self._per_s)
            )
        return Left(
            room=self.name,
            quota=int(self._quota),
            remaining=int(left - 1),
            full_in_s=math.ceil((self._quota - left + 1) / self._per_s),
        )


class Limits:
    """The rooms of one worker."""

    def __init__(self, settings: Settings, ticks: Ticks) -> None:
        card, case = settings.requests_per_s_per_card, settings.posts_per_s_per_case
        self._cards = Rooms(ROOMS[0], card, ticks), Rooms(ROOMS[1], card, ticks)
        self._cases = Rooms(ROOMS[2], case, ticks), Rooms(ROOMS[3], case, ticks)

    def card(self, fingerprint: str, *, sign_off: bool = False) -> Left | None:
        """L1, L3. TooManyError."""
        return _take(self._cards, fingerprint, sign_off)

    def case(self, case: str, *, sign_off: bool = False) -> Left | None:
        """L2, L3. `case` empty: an opening. TooManyError."""
        return _take(self._cases, case, sign_off)


def _take(rooms: tuple[Rooms, Rooms], key: str, sign_off: bool) -> Left | None:
    general, own = rooms
    if not general.limited:
        return None
    if sign_off:
        try:
            return own.take(key)
        except TooManyError:
            pass
    return general.take(key)


def limits() -> Limits:
    """The limits of the process that serves this request."""
    found: Limits = current_app.extensions[LIMITS]
    return found


def headers() -> dict[str, str]:
    """What the caller of this request has left (RateLimit header fields for HTTP, IETF draft 10)."""
    left: Left | None = g.get("left")
    if left is None:
        return {}
    return {
        "RateLimit-Policy": f'"{left.room}";q={left.quota};w={BURST_S}',
        "RateLimit": f'"{left.room}";r={left.remaining};t={left.full_in_s}',
    }
