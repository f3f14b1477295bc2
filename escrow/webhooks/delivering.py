"""Rounds of delivery. Rules (numbered as in README.md):

D1  All that is known is in the bucket; a process that starts reads it there. Two may run at once, and any
may be killed anywhere: a message may come twice, and none is lost. Right before a try it is read
    again whether the hook is closed, and the message's marks, so that two that run side by side mostly do not
    repeat each other.
D2  A hook has one connection at a time and one try in a round that fails: then it rests, ten seconds to five
    minutes. The hooks of a card share `PLACES` of the `LINES` places, and a turn of `TURN_S` at each, which
    ends with the try under way then; who was not asked is first in the next round. So receivers that are dead
    or slow, however many, hold up those of their own card.
D3  Only what is of the form is signed: a body is read strictly, and must be the one that its name says.
D4  A round is put off and told (`clocks_differ`) while this clock and the storage's differ by more than five
    minutes. What a clock that was ahead has left, rests, marks and notes of minutes to come, says nothing.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Final

from escrow.crypto.webhook_key import sign
from escrow.errors import EscrowError, MalformedError, NotFoundError, SetupError
from escrow.ledger.keys import ServiceKeys
from escrow.model.ids import Fingerprint
from escrow.model.webhook import ID, MAX_BODY, SIGNATURE, TIMESTAMP, Message, Target, message_id, signed
from escrow.store import hooks, names
from escrow.store.changes import minute_of
from escrow.store.clocks import require_clock
from escrow.store.hooks import Closed, Ending, Hook
from escrow.store.interface import Bucket, Store
from escrow.store.names import OutboxName, Sent
from escrow.webhooks import outbox
from escrow.webhooks.finding import Finder, HookKey
from escrow.webhooks.outbox import Pending
from escrow.webhooks.sending import Send

LINES: Final = 16
"""Deliveries under way at once: each waits for a receiver most of its time."""
PLACES: Final = 2
"""Of these, what the hooks of one card may take."""
HELD: Final = 1000
"""Messages of one hook that are known at a time, and so sent in one round; the outbox has the others."""
TURN_S: Final = 20.0
"""After so long a turn in a round ends, for a round waits for its last turn."""
READ_AGAIN: Final = timedelta(minutes=10)
"""How often whole outboxes are read again: for what another process left that died."""
SHORTEST_REST: Final = timedelta(seconds=10)
LONGEST_REST: Final = timedelta(minutes=5)

Clock = Callable[[], datetime]
Tell = Callable[[str, dict[str, object]], None]
"""Told of each try: a word, and facts without any address or content."""


@dataclass(slots=True)
class _Line:
    """What a process knows of one hook."""

    hook: Hook
    waiting: dict[str, Pending] = field(default_factory=dict)
    others: int = 0
    others_due: float = inf  # the minute from which on the first of the others may be tried
    read_at: datetime | None = None
    rests_until: datetime | None = None
    rest: timedelta = SHORTEST_REST
    asked_at: float = 0.0  # by the monotonic clock

    def add(self, place: OutboxName, *, is_new: bool) -> None:
        """A message that was found. Where too many are known, it is read in its turn."""
        if place.message in self.waiting:
            return
        if len(self.waiting) < HELD:
            self.waiting[place.message] = Pending(place=place, is_there=True)
        else:
            self.others, self.others_due = self.others + is_new, 0.0

    def has_due(self, now: float) -> bool:
        """Whether one that is known may be tried."""
        return any(one.is_due(now) for one in self.waiting.values())

    def close(self) -> None:
        """Nothing is sent any more."""
        self.waiting, self.others, self.others_due = {}, 0, inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one round did. `found`: messages that it was first to make. `waiting`: those that are known and
    have not got through.
    """

    found: int
    delivered: int
    failed: int
    waiting: int

    def then(self, later: "Done") -> "Done":
        """What both rounds did."""
        return Done(
            found=self.found + later.found, delivered=self.delivered + later.delivered,
            failed=self.failed + later.failed, waiting=later.waiting,
        )  # fmt: skip


class Deliverer:
    """`clock`, and the storage's: aware UTC. Not shared by threads; it has some of its own."""

    def __init__(
        self, store: Store, keys: ServiceKeys, finder: Finder, send: Send, clock: Clock, tell: Tell, *,
        storage_clock: Clock, turn_s: float = TURN_S,
    ) -> None:  # fmt: skip
        self._store, self._keys, self._finder = store, keys, finder
        self._send, self._clock, self._tell, self._turn_s = send, clock, tell, turn_s
        self._storage_clock = storage_clock
        self._lines: dict[HookKey, _Line] = {}
        self.is_behind = False

    def round(self) -> Done:
        """Look once, and send what is due. UnavailableError where the storage cannot be used: try again.

        `is_behind` says afterwards that another round, at once, would find more (F5).
        """
        now, self.is_behind = self._clock(), False
        try:
            require_clock(self._storage_clock(), now)  # D4: marks are by this clock, entries by others'
        except SetupError as error:
            self._tell(error.code, dict(error.fields))
            return Done(found=0, delivered=0, failed=0, waiting=self._waiting())
        self._read_hooks()
        found = 0
        for place, is_new in self._finder.round([line.hook for line in self._lines.values()], now):
            self._lines[place.fingerprint, place.hook].add(place, is_new=is_new)
            found += is_new
        self.is_behind = self._finder.is_behind
        for line in self._lines.values():
            self._read_outbox(line, now)
        due = [line for line in self._lines.values() if self._is_due(line, now)]
        with ThreadPoolExecutor(LINES, thread_name_prefix="webhooks") as pool:
            counts = list(pool.map(self._work, _turns(due)))
        return Done(
            found=found,
            delivered=sum(one for one, _ in counts),
            failed=sum(one for _, one in counts),
            waiting=self._waiting(),
        )

    def _waiting(self) -> int:
        return sum(len(line.waiting) + line.others for line in self._lines.values())

    def _read_hooks(self) -> None:
        """Which are open now."""
        listed = hooks.listed(self._store, names.HOOKS)
        for key in [key for key in self._lines if listed.get(key, True)]:
            del self._lines[key]
        for key, closed in listed.items():
            if not closed and key not in self._lines:
                try:
                    self._lines[key] = _Line(hook=hooks.read_hook(self._store, *key))
                except NotFoundError:
                    continue  # swept in this moment
                except EscrowError as error:
                    if error.code != "stored_object_differs":
                        raise
                    self._tell("hook_damaged", {"hook": key[1]})

    def _read_outbox(self, line: _Line, now: datetime) -> None:
        """D1, and O3."""
        is_fresh = line.read_at is not None and abs(now - line.read_at) < READ_AGAIN
        if is_fresh and (line.others_due > _minutes(now) or line.has_due(_minutes(now))):
            return
        prefix = names.outbox_of(line.hook.owner, line.hook.id)
        found = outbox.survey(outbox.read(hooks.outbox(self._store, prefix)), _minutes(now), HELD)
        line.waiting = {one.place.message: one for one in found.first}
        line.others, line.others_due = found.others, found.others_due
        line.read_at = now
        if found.is_failing:
            self._close(line, Ending.FAILING)

    def _is_due(self, line: _Line, now: datetime) -> bool:
        if line.rests_until is not None and now < line.rests_until <= now + LONGEST_REST:
            return False
        return line.has_due(_minutes(now))

    def _work(self, lines: list[_Line]) -> tuple[int, int]:
        """One turn (D2). How many got through, and failed."""
        ends = time.monotonic() + self._turn_s
        delivered = failed = 0
        for line in lines:
            through, lost = self._serve(line, ends)
            delivered, failed = delivered + through, failed + lost
            if time.monotonic() >= ends:
                break
        return delivered, failed

    def _serve(self, line: _Line, ends: float) -> tuple[int, int]:
        """Send what is due, oldest first, until a try fails or the turn ends."""
        now, delivered = self._clock(), 0
        line.asked_at = time.monotonic()
        due = sorted(
            (one for one in line.waiting.values() if one.is_due(_minutes(now))),
            key=lambda one: (one.place.minute, one.place.message),
        )
        for one in due:
            if hooks.is_closed(self._store, line.hook):  # removed since the round began
                line.close()
                break
            outcome = self._deliver(line, one)
            if outcome is False:
                return delivered, 1
            delivered += outcome is True
            if time.monotonic() >= ends:
                break
        return delivered, 0

    def _deliver(self, line: _Line, known: Pending) -> bool | None:
        """One try. None: there was nothing to do, for another process had done it."""
        place = known.place
        again = next(
            outbox.read(hooks.outbox(self._store, names.outbox_message(place))), Pending(place=place)
        )
        if not again.is_open:
            del line.waiting[place.message]
            return None
        line.waiting[place.message] = again
        now = self._clock()
        if not again.is_due(_minutes(now)):
            return None
        body = self._body(line.hook, place)
        if body is None:
            del line.waiting[place.message]
            return None
        began = time.monotonic()
        answer = self._send(Target.parse(line.hook.url), self._headers(place.message, body, now), body)
        self._tell(
            "delivered" if answer.delivered else "failed",
            {
                "hook": line.hook.id, "message": place.message, "outcome": answer.outcome,
                "tries": len(again.failed) + 1, "ms": round(1000 * (time.monotonic() - began)),
            },
        )  # fmt: skip
        self._mark(place, Sent.DELIVERED if answer.delivered else Sent.FAILED, self._clock())
        if answer.delivered:
            del line.waiting[place.message]
            line.rests_until, line.rest = None, SHORTEST_REST
            return True
        self._after_failure(line, again, gone=answer.gone)
        return False

    def _after_failure(self, line: _Line, one: Pending, *, gone: bool) -> None:
        now = self._clock()
        one.failed.append(minute_of(now))
        line.rests_until = now + line.rest
        line.rest = min(2 * line.rest, LONGEST_REST)
        if gone:
            self._close(line, Ending.GONE)
        elif not one.is_open:
            del line.waiting[one.place.message]
            line.read_at = None  # the next round asks O3
            self._tell("given_up", {"hook": line.hook.id, "message": one.place.message})

    def _headers(self, message: str, body: bytes, now: datetime) -> dict[str, str]:
        seconds = int(now.timestamp())
        # Former keys sign too: receivers check by the key that they took when the hook was added.
        keys = (self._keys.current, *self._keys.former)
        signatures = " ".join(sign(one, signed(message, seconds, body)) for one in keys)
        return {ID: message, TIMESTAMP: str(seconds), SIGNATURE: signatures}

    def _body(self, hook: Hook, place: OutboxName) -> bytes | None:
        """D3. None: nothing that may be signed."""
        try:
            body = self._store.get(Bucket.RECORDS, names.outbox(place), limit=MAX_BODY)
            told = Message.parse(body)
        except NotFoundError:
            return None
        except MalformedError:
            self._tell("message_damaged", {"hook": hook.id, "message": place.message})
            return None
        if told.emit() != body or message_id(hook.owner, hook.id, told.case, told.n) != place.message:
            self._tell("message_damaged", {"hook": hook.id, "message": place.message})
            return None
        return body

    def _mark(self, place: OutboxName, what: Sent, now: datetime) -> None:
        mark = OutboxName(
            fingerprint=place.fingerprint, hook=place.hook, minute=place.minute, message=place.message,
            what=what, at=minute_of(now),
        )  # fmt: skip
        self._store.create(Bucket.RECORDS, names.outbox(mark), b"escrow.sent.v1\n")

    def _close(self, line: _Line, why: Ending) -> None:
        hooks.close_hook(
            self._store, line.hook.owner, line.hook.id, Closed(at=_millis(self._clock()), why=why)
        )
        line.close()
        self._tell("closed", {"hook": line.hook.id, "why": why.value})


def _turns(due: list[_Line]) -> list[list[_Line]]:
    """The hooks of each card in as many turns as it has places, those first that were not asked for longest;
    no card's second turn comes before the first of another.
    """
    cards: dict[Fingerprint, list[_Line]] = {}
    for line in sorted(due, key=lambda one: one.asked_at):
        cards.setdefault(line.hook.owner, []).append(line)
    turns = [lines[place::PLACES] for place in range(PLACES) for lines in cards.values()]
    return [one for one in turns if one]


def _minutes(at: datetime) -> float:
    """As marks count them, with the part of the minute."""
    return at.timestamp() / 60


def _millis(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
