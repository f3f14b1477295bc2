"""Append to cases and read them: where the ledger's rules meet storage.

An entry counts once the object of its number has been created, and not before: there is no other lock and no
database, so any number of processes may keep the same cases. Replayed cases stay in memory; what other
processes appended is fetched entry by entry before anything is answered. The journal knows the chain and the
clock; what must be stored or checked beside a statement is the caller's `prepare`.

Rules J1 to J8 carry the numbers of README.md in escrow/ledger.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, RLock

from escrow.crypto.card import Card
from escrow.errors import (
    ConflictError,
    EscrowError,
    ForgedError,
    MalformedError,
    NotFoundError,
    UnavailableError,
)
from escrow.ledger import entry as entries
from escrow.ledger import replay
from escrow.ledger.entry import MAX_ENTRY, Entry
from escrow.ledger.keys import ServiceKeys
from escrow.ledger.replay import Admitted, admit_verified, extend, extend_own, judge_opening
from escrow.ledger.signer import read_known
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement, UnverifiedStatement
from escrow.model.ids import CaseId, Hash
from escrow.model.wire import to_time
from escrow.store import names
from escrow.store.canary import is_noted
from escrow.store.interface import MIB, Bucket, Outcome, Store
from escrow.store.snapshots import EVERY, Later, Snapshots, weight
from escrow.store.watching import AppendTried, CaseReplayed, CasesKept, Watch, nobody

MAX_ATTEMPTS = 100
"""Entries that others may put in first before an append gives up. Each attempt somebody else succeeded."""
MAX_PAGE_BYTES = 16 * 1024 * 1024
"""Of entries in one answer; a single longer one is still answered."""
MANY = 2 * EVERY
"""Entries replayed by a process that starts, after which it writes a snapshot where the case stands."""
MAX_BEHIND = timedelta(minutes=10)
"""How far the last entry may be ahead of the clock: more than two services' clocks ever differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The entry that holds the statement; not `created`: it was there already, this is its first receipt."""

    entry: str
    n: int
    hash: Hash
    statement: Hash
    created: bool


class _Kept:
    """One case in memory, used by one thread at a time. No state: not loaded, or no such case."""

    __slots__ = ("counted", "lock", "state", "weight")

    def __init__(self) -> None:
        self.lock = RLock()
        self.state: CaseState | None = None
        self.weight = 0  # bytes, about what the state takes
        self.counted = 0  # of these, what the journal's sum has in it


class Journal:
    """All cases of one service in one store. Shared by threads; `clock` gives aware times."""

    def __init__(
        self,
        store: Store,
        keys: ServiceKeys,
        clock: Callable[[], datetime],
        *,
        max_cases: int = 1000,
        max_bytes: int = 256 * MIB,
        max_behind: timedelta = MAX_BEHIND,
        watch: Watch = nobody,
        later: Later | None = None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._card = keys.current.card
        self._owned = {one.card for one in (keys.current, *keys.former)}
        self._clock = clock
        self._max_cases = max_cases
        self._max_bytes = max_bytes
        self._max_behind = max_behind
        self._watch = watch
        self._snapshots = Snapshots(store, keys.current, watch, later)
        self._told_kept = 0
        self._weight = 0
        self._kept: OrderedDict[CaseId, _Kept] = OrderedDict()
        self._guard = Lock()

    def open(self, raw: str, *, prepare: Callable[[Admitted], None]) -> Receipt:
        """Open a case with this statement, or answer with the first receipt if it is open.

        `prepare` runs after the rules and before the entry counts; what it raises refuses the statement. It
        opens under the current key alone: RefusedError `service_card_not_ours`, and UnavailableError
        `service_key_not_held` for a card of this service whose key this process has not got yet.
        """
        now = self._now()
        case = replay.verify_opening(raw).hash
        if self._entry(case, 0) is not None:
            return self._first_receipt(case, 0, case)
        self.require_key(UnverifiedStatement.parse(raw).untrusted_service())
        admitted = judge_opening(raw, at=now, service=self._card)
        prepare(admitted)
        made = entries.compose(self._keys.current, case=case, n=0, prev=None, received_at=now, statement=raw)
        if self._create(case, 0, made) is not Outcome.CREATED:  # another process, or a retry of ours
            return self._first_receipt(case, 0, case)
        return _receipt(Entry.read(made, self._card), case, created=True)

    def append(
        self,
        case: CaseId,
        raw: str,
        *,
        prepare: Callable[[CaseState, Admitted], None],
        verify: Callable[[CaseState | None], Statement] | None = None,
    ) -> Receipt:
        """Let a statement enter, or answer with its first receipt.

        `verify` checks its signature, once, in place of the ledger's own check (L2), by the case as it is
        known; None: there is no such case.

        `prepare` runs under the case's lock, after the rules and before the entry counts, once for each
        attempt: it stores or checks what must be there first, must be repeatable and should be short. Raises
        what the rules and `prepare` raise, NotFoundError `case_unknown`, UnavailableError (with
        `clock_behind_ledger`, `service_key_not_held`), and ConflictError `append_conflict` after too many
        lost races.
        """
        with self._held(case) as kept:
            verified: Statement | None = None
            check = verify or partial(_verify, raw)
            for attempt in range(1, MAX_ATTEMPTS + 1):
                state = self._refreshed(case, kept)
                verified = verified or check(state)
                if state is None:
                    raise NotFoundError("case_unknown")
                now = max(self._now(), state.received_at)  # J4
                admitted = admit_verified(state, verified, at=now)
                statement = verified.hash
                if admitted.already is not None:
                    return self._first_receipt(case, admitted.already, statement, state)
                self._require_clock(state)
                signer = self._keys.for_next(state, raw)
                prepare(state, admitted)
                head = state.head
                made = entries.compose(
                    signer, case=case, n=head.n + 1, prev=head.hash, received_at=now, statement=raw
                )
                outcome = self._create(case, head.n + 1, made)
                self._watch(AppendTried(attempt=attempt, outcome=outcome))
                if outcome is Outcome.ALREADY_OTHER:
                    continue  # J3: reload, apply the rules again
                after = extend_own(state, made, verified, signer.card).head
                kept.weight += len(made)
                self._snapshots.keep(state)
                created = outcome is Outcome.CREATED
                return Receipt(entry=made, n=after.n, hash=after.hash, statement=statement, created=created)
        raise ConflictError("append_conflict", attempts=MAX_ATTEMPTS)

    def require_key(self, card: Card) -> None:
        """UnavailableError `service_key_not_held` (card) for a card of this service whose key is not here, as
        while its processes restart one after the other. Any other card is the caller's to judge.
        """
        if self._keys.get(card) is None and self._owns(card):
            self._keys.require(card)

    def _owns(self, card: Card) -> bool:
        """Whether it is, or was, a card of this service: by its keys, or by what the store has noted."""
        if card not in self._owned and self._is_noted(card):
            self._owned.add(card)
        return card in self._owned

    def _is_noted(self, card: Card) -> bool:
        """Where a credential of before later cards were noted may not look, none is."""
        try:
            return is_noted(self._store, card.fingerprint)
        except UnavailableError as error:
            if error.fields.get("reason") != "access_denied":
                raise
            return False

    @contextmanager
    def reading(self, case: CaseId) -> Iterator[CaseState]:
        """The case as it is now, locked while it is used: look, take what is needed, leave. Never change it.

        NotFoundError `case_unknown`; UnavailableError `ledger_damaged` where the store holds no true chain.
        """
        with self.looking(case) as state:
            if state is None:
                raise NotFoundError("case_unknown")
            yield state

    @contextmanager
    def looking(self, case: CaseId) -> Iterator[CaseState | None]:
        """As `reading`, for who must do the same where there is no such case: then None."""
        with self._held(case) as kept:
            yield self._refreshed(case, kept)

    def entries(self, case: CaseId, *, after: int, limit: int) -> list[str]:
        """Up to `limit` entries after number `after` (-1: from the first), fewer where they are long."""
        with self.reading(case) as state:
            last = min(state.head.n, after + limit)
        found: list[str] = []
        size = 0
        for n in range(after + 1, last + 1):
            raw = self.required_entry(case, n)
            size += len(raw)
            if found and size > MAX_PAGE_BYTES:
                break
            found.append(raw)
        return found

    @contextmanager
    def _held(self, case: CaseId) -> Iterator[_Kept]:
        with self._guard:
            kept = self._kept.setdefault(case, _Kept())
            self._kept.move_to_end(case)
        with kept.lock:
            try:
                yield kept
            finally:
                self._tidy(case, kept)

    def _tidy(self, case: CaseId, kept: _Kept) -> None:
        """Keep no trace of cases that are not there, and of those that are no more than there may be (J6)."""
        with self._guard:
            if self._kept.get(case) is kept:
                self._weight += kept.weight - kept.counted
                kept.counted = kept.weight
                if kept.state is None:
                    del self._kept[case]
            while len(self._kept) > self._max_cases or (
                self._weight > self._max_bytes and len(self._kept) > 1
            ):
                self._weight -= self._kept.popitem(last=False)[1].counted
            cases, told = len(self._kept), self._told_kept
            self._told_kept = cases
        if cases != told:
            self._watch(CasesKept(cases=cases))

    def _refreshed(self, case: CaseId, kept: _Kept) -> CaseState | None:
        """J2: take in whatever entries there are beyond those replayed. None: there is no such case, which
        takes the same one call as a case of which nothing is new.
        """
        state, began = kept.state, time.monotonic()
        cold, n = state is None, 0 if state is None else state.head.n + 1
        raw = self._entry(case, n)
        if cold and raw is not None:
            state = kept.state = self._from_snapshot(case, kept)
            if state is not None:
                n = state.head.n + 1
                raw = self._entry(case, n)
        first = n
        while raw is not None:
            state = kept.state = self._replayed(case, state, n, raw)
            kept.weight += len(raw)
            n += 1
            raw = self._entry(case, n)
        if n > first:
            self._watch(CaseReplayed(entries=n - first, cold=cold, seconds=time.monotonic() - began))
        if cold and state is not None and n - first >= MANY:
            self._snapshots.keep(state, always=True)
        return state

    def _from_snapshot(self, case: CaseId, kept: _Kept) -> CaseState | None:
        """J8: the newest whose last entry is the one that the chain has, which fixes all before it."""
        for state in self._snapshots.newest_first(case):
            try:
                raw = self._entry(case, state.head.n)
                if raw is not None and read_known(state, raw).head == state.head:
                    kept.weight = weight(state)
                    return state
            except EscrowError as error:
                self._snapshots.ignored(error.code)
                continue
            self._snapshots.ignored("snapshot_not_of_chain")
        return None

    def _replayed(self, case: CaseId, state: CaseState | None, n: int, raw: str) -> CaseState:
        try:
            extended = extend(state, raw, proofs=False, texts=False)
            if state is None and not self._owns(extended.service):
                raise ForgedError("service_card_unexpected", expected=self._card.fingerprint)
        except EscrowError as error:
            raise UnavailableError("ledger_damaged", case=case, n=n, reason=error.code) from error
        if extended.case != case:
            raise UnavailableError("ledger_damaged", case=case, n=n, reason="entry_of_other_case")
        return extended

    def _entry(self, case: CaseId, n: int) -> str | None:
        name = names.entry(case, n)
        try:
            return self._store.get(Bucket.LEDGER, name, limit=MAX_ENTRY).decode("ascii")
        except NotFoundError:
            return None
        except (UnicodeDecodeError, MalformedError) as error:
            raise UnavailableError("ledger_damaged", case=case, n=n, reason="entry_malformed") from error

    def required_entry(self, case: CaseId, n: int) -> str:
        """As it lies there, unread. UnavailableError `ledger_damaged` where it is missing or no text."""
        raw = self._entry(case, n)
        if raw is None:
            raise UnavailableError("ledger_damaged", case=case, n=n, reason="entry_missing")
        return raw

    def _first_receipt(
        self, case: CaseId, n: int, statement: Hash, state: CaseState | None = None
    ) -> Receipt:
        """`state`: of the case, but for its opening."""
        raw = self.required_entry(case, n)
        try:
            entry = Entry.read_opening(raw) if state is None else read_known(state, raw)
            receipt = _receipt(entry, statement, created=False)
        except EscrowError as error:
            raise UnavailableError("ledger_damaged", case=case, n=n, reason=error.code) from error
        self._create(
            case, n, raw
        )  # who wrote it may have died before it was durable; a receipt promises that
        return receipt

    def _create(self, case: CaseId, n: int, made: str) -> Outcome:
        return self._store.create(Bucket.LEDGER, names.entry(case, n), made.encode("ascii"))

    def _require_clock(self, state: CaseState) -> None:
        """J7. Either this clock is wrong or the one of the last entry was; a person finds out which."""
        if state.received_at - self._now() > self._max_behind:
            raise UnavailableError(
                "clock_behind_ledger", case=state.case, n=state.head.n, last=to_time(state.received_at)
            )

    def _now(self) -> datetime:
        """To the millisecond, as entries say it: what was judged is what is written."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def is_damage(error: UnavailableError) -> bool:
    """Whether this one case cannot be read; else the storage serves none, and another try may mend it."""
    return error.code == "ledger_damaged"


def _verify(raw: str, state: CaseState | None) -> Statement:
    if state is None:
        raise NotFoundError("case_unknown")
    return replay.verify(state, raw)


def _receipt(entry: Entry, statement: Hash, *, created: bool) -> Receipt:
    return Receipt(entry=entry.raw, n=entry.n, hash=entry.hash, statement=statement, created=created)
