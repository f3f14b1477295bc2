"""Find new entries by the changes feed, and put a message for each hook that is to be told into its outbox.

Rules (numbered as in README.md):
 F1  A hook is told of entries of cases in which its owner is a member or a reader whom a request names, as
     the case stands when they are found. A reader without a seat is told that something came, and not what.
 F2  Entries count from when the hook was opened; as clocks of services differ, those of ten minutes before
     too.
 F3  Nothing is passed over: a round looks again at all changes since a quarter of an hour before the last
     one, and only once everything was in the outbox it is noted how far everybody has looked. Who starts
     goes on from the newest note, else from the oldest hook. A note of a minute to come is by a clock that
     was ahead, and says nothing.
 F4  A case that cannot be read, one entry of it that is to be told included, is told, holds nobody up, and is
     looked at again in the next round. Entries of before are not read again.
 F5  A round lays some hundred new messages of a case into outboxes, the oldest entries first; then
     everybody's are sent, and the next round goes on at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from escrow.crypto.card import Card
from escrow.errors import EscrowError, NotFoundError, UnavailableError
from escrow.ledger.entry import Entry
from escrow.ledger.state import CaseState
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.ids import CaseId, Fingerprint
from escrow.model.webhook import Message, message_id
from escrow.service.reading import belongs
from escrow.store import names
from escrow.store.changes import KEPT, OVERLAP_MINUTES, changes, minute_of, time_of
from escrow.store.hooks import Hook
from escrow.store.interface import Bucket, Outcome, Store
from escrow.store.journal import MAX_BEHIND, Journal, is_damage
from escrow.store.listing import every_name
from escrow.store.names import OutboxName

NOTED_MINUTES: Final = 30
"""How often it is noted how far everybody has looked: who starts reads no more than this again."""
LOOKED: Final = b"escrow.looked.v1\n"
PER_CASE: Final = 300
"""New messages of one case after which a round leaves the rest of it for the next: a second of work."""
_REMEMBERED: Final = 20_000
"""Cases of which a process remembers how far it has told each hook."""

Trouble = Callable[[CaseId, EscrowError], None]
HookKey = tuple[Fingerprint, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """An entry, as far as messages say it."""

    n: int
    at: datetime
    kind: str
    statement: str


@dataclass(slots=True)
class Finder:
    """One process's sight of what was told. `trouble` hears of cases that cannot be read (F4).

    `is_behind`: the last round left something to be found (F5).
    """

    store: Store
    journal: Journal
    trouble: Trouble
    is_behind: bool = False
    _from: int | None = None
    _noted: int = -1
    _told: "OrderedDict[CaseId, dict[HookKey, int]]" = field(default_factory=OrderedDict)

    def round(self, hooks: list[Hook], now: datetime) -> Iterator[tuple[OutboxName, bool]]:
        """Messages that are in outboxes now, and whether each is new there; in no order. To be exhausted."""
        self.is_behind = False
        if not hooks:
            return
        start = self._start(hooks, now)
        failed = False
        cases = self._cases(hooks, start)
        for case in cases:
            try:
                yield from self._tell(case, hooks, start)
            except NotFoundError:
                continue  # it never came to be
            except UnavailableError as error:
                if not is_damage(error):
                    raise
                self.trouble(case, error)
                failed = True
        self._from = start if failed or self.is_behind else max(start, minute_of(now) - OVERLAP_MINUTES)
        if self._from >= self._noted + NOTED_MINUTES:
            self.store.create(Bucket.RECORDS, names.looked(self._from), LOOKED)
            self._noted = self._from

    def _start(self, hooks: list[Hook], now: datetime) -> int:
        """F3. Changes are kept for 90 days: who has not looked for longer has lost what came before."""
        if self._from is None or self._from > minute_of(now):
            noted = map(names.parse_looked, every_name(self.store, Bucket.RECORDS, names.LOOKED))
            self._noted = max((one for one in noted if one <= minute_of(now)), default=-1)
            oldest = minute_of(min(hook.created for hook in hooks) - MAX_BEHIND)
            self._from = self._noted if self._noted >= 0 else oldest
        return max(self._from, minute_of(now - KEPT), 0)

    def _cases(self, hooks: list[Hook], start: int) -> dict[CaseId, None]:
        """Those that changed and are of any hook's owner. A case is looked up in the owners' index
        objects.
        """
        changed = dict.fromkeys(one.case for one in changes(self.store, names.changes_in(start)))
        if not changed:
            return changed
        mine: set[CaseId] = set()
        for owner in {hook.owner for hook in hooks}:
            listed = every_name(self.store, Bucket.LEDGER, names.card_indexes(owner))
            mine |= {names.parse_card_index(name).case for name in listed}
        return dict.fromkeys(case for case in changed if case in mine)

    def _tell(self, case: CaseId, hooks: list[Hook], start: int) -> Iterator[tuple[OutboxName, bool]]:
        """F1, F2, F5."""
        told = self._told_of(case)
        with self.journal.reading(case) as state:
            head = state.head.n
            ours = [(hook, state.is_member(hook.owner)) for hook in hooks if self._is_due(state, hook, told)]
            if not ours:
                return
            begun = [told[_key(hook)] for hook, _ in ours if _key(hook) in told]
            # where a hook begins is found from the last entry back; then all go on forwards
            first, last = 0, head
            if len(begun) == len(ours):
                first, last = min(begun) + 1, min(head, min(begun) + PER_CASE)
            signers = {n: state.signer_of(n) for n in range(first, last + 1)}
        since = {_key(hook): max(hook.created - MAX_BEHIND, time_of(start)) for hook, _ in ours}
        fresh = self._entries(case, signers, min(since.values()), min(begun, default=head))
        for key, at in since.items():
            told.setdefault(key, next((one.n for one in fresh if one.at >= at), head + 1) - 1)
        made = 0
        for one in fresh:
            for hook, is_member in ours:
                if one.n > told[_key(hook)]:
                    place, is_new = self._put(case, hook, one, is_member=is_member)
                    made += is_new
                    yield place, is_new
            if made >= PER_CASE:
                last = one.n
                break
        for key in since:
            told[key] = max(told[key], last)
        self.is_behind |= last < head

    def _told_of(self, case: CaseId) -> dict[HookKey, int]:
        """Up to which entry each hook was told; the case last asked for is forgotten last."""
        told = self._told.setdefault(case, {})
        self._told.move_to_end(case)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return told

    def _is_due(self, state: CaseState, hook: Hook, told: dict[HookKey, int]) -> bool:
        return told.get(_key(hook), -1) < state.head.n and belongs(state, hook.owner)

    def _entries(self, case: CaseId, signers: dict[int, Card], since: datetime, known: int) -> list[_New]:
        """Those that `signers` names and that came since or after number `known`, in order.

        Read from the last back, one by one, and no further: times never go back (J4).
        """
        found: list[_New] = []
        for n in reversed(signers):
            one = self._entry(case, n, signers[n])
            if one.at < since and n <= known:
                break
            found.append(one)
        return found[::-1]

    def _entry(self, case: CaseId, n: int, signer: Card) -> _New:
        """As the storage has it now, by the card that signed it when it was replayed (F4)."""
        raw = self.journal.required_entry(case, n)
        try:
            entry = Entry.read(raw, signer)
            statement = UnverifiedStatement.parse(entry.statement_raw)
        except EscrowError as error:
            raise UnavailableError("ledger_damaged", case=case, n=n, reason=error.code) from error
        if (entry.case, entry.n) != (case, n):
            raise UnavailableError("ledger_damaged", case=case, n=n, reason="entry_misplaced")
        return _New(n=n, at=entry.received_at, kind=statement.typ, statement=statement.hash)

    def _put(self, case: CaseId, hook: Hook, one: _New, *, is_member: bool) -> tuple[OutboxName, bool]:
        message = Message(
            case=case, n=one.n, at=one.at, kind=one.kind if is_member else None,
            statement=one.statement if is_member else None,
        )  # fmt: skip
        place = OutboxName(
            fingerprint=hook.owner, hook=hook.id, minute=minute_of(one.at),
            message=message_id(hook.owner, hook.id, case, one.n),
        )  # fmt: skip
        outcome = self.store.create(Bucket.RECORDS, names.outbox(place), message.emit())
        return place, outcome is Outcome.CREATED


def _key(hook: Hook) -> HookKey:
    return hook.owner, hook.id
