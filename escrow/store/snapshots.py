"""Snapshots of long cases in the store: a process that starts goes on from the newest, not from entry 0.

They are the service's notes for itself: written beside the requests, by one thread, and never waited for.
One that is damaged, forged or ahead of the ledger is told to the watch, and the entries are replayed. Rules
C1 to C5 carry the numbers of README.md in this room.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final

from escrow.crypto.identity import Identity
from escrow.errors import EscrowError
from escrow.ledger import snapshot
from escrow.ledger.snapshot import MAX_SNAPSHOT, form_of_service
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import MAX_PAGE, Bucket, Store
from escrow.store.watching import SnapshotIgnored, SnapshotKept, Watch

EVERY: Final = 128
"""Entries. What is left to replay then takes as long as a case of a hundred entries took all along."""
MOST_BYTES_AN_ENTRY: Final = 32 * 1024
"""Of snapshots, for each entry between two: where a case holds many records, they come less often."""
BYTES_OF_AN_ENTRY: Final = 512
"""What the smallest entry takes in memory: its hash and its statement's, and a number for each."""
TRIED: Final = 3
"""A damaged one costs a call, so no more are looked at before the entries are."""
WAITING: Final = 4
"""Copies of states that wait to be written. One more is not written: the next will be."""

Later = Callable[[Callable[[], None]], None]


class Writing:
    """Does one thing after the other in a thread that starts with the first; what is too much is left out."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._room = BoundedSemaphore(WAITING)

    def __call__(self, work: Callable[[], None]) -> None:
        if not self._room.acquire(blocking=False):
            return
        try:
            self._pool.submit(self._do, work)
        except RuntimeError:  # this process is about to end; the entry counts all the same
            self._room.release()

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._room.release()


class Snapshots:
    """Of all cases in one store. Shared by threads. `later` is given what is done beside the requests."""

    def __init__(self, store: Store, service: Identity, watch: Watch, later: Later | None = None) -> None:
        self._store = store
        self._service = service
        self._form = form_of_service(service.card)
        self._watch = watch
        self._later = later or Writing()

    def newest_first(self, case: CaseId) -> Iterator[CaseState]:
        """C2: those that this service signed, in our form. Whether the chain has their entry, the journal
        asks.
        """
        for name in self._names(case)[: -TRIED - 1 : -1]:
            try:
                raw = self._store.get(Bucket.RECORDS, name, limit=MAX_SNAPSHOT)
                state = snapshot.unseal(raw, service=self._service.card, case=case)
            except EscrowError as error:
                self.ignored(error.code)
                continue
            if state.head.n != names.parse_snapshot(name).number:
                self.ignored("snapshot_of_another_entry")
                continue
            yield state

    def ignored(self, reason: str) -> None:
        """C3."""
        self._watch(SnapshotIgnored(reason=reason))

    def keep(self, state: CaseState, *, always: bool = False) -> None:
        """C4: write one later, where it is due (or `always`). To be called with the case held."""
        if always or state.head.n % EVERY == 0:
            frozen = snapshot.freeze(state)
            self._later(lambda: self._write(frozen, always=always))

    def _names(self, case: CaseId) -> list[str]:
        """C1. Where storage does not let us look there are none; the entries will say what is wrong."""
        prefix = names.snapshots_of(case, self._form)
        found: list[str] = []
        try:
            while True:
                page = self._store.names(Bucket.RECORDS, prefix, after=found[-1] if found else "")
                found += page
                if len(page) < MAX_PAGE:
                    return found
        except EscrowError as error:
            self.ignored(error.code)
            return []

    def _write(self, state: CaseState, *, always: bool) -> None:
        began = time.monotonic()
        raw = b""
        outcome = "ok"
        try:
            raw = snapshot.seal(self._service, state)
            if not always and not is_due(state.head.n, len(raw)):
                return
            name = names.snapshot(state.case, self._form, state.head.n)
            self._store.create(Bucket.RECORDS, name, raw)
        except EscrowError as error:
            outcome = error.code
        except Exception as error:  # noqa: BLE001  nobody waits for it, and it must be heard of
            outcome = str(error) if type(error) is ValueError else type(error).__name__
        self._watch(SnapshotKept(outcome=outcome, bytes=len(raw), seconds=time.monotonic() - began))


def weight(state: CaseState) -> int:
    """Bytes that a state takes in memory, roughly. Of entries that are replayed, their length is taken."""
    bodies = sum(len(record.body_raw) for record in state.records.values())
    tickets = sum(len(raw) for request in state.requests.values() for raw in request.tickets_raw)
    return BYTES_OF_AN_ENTRY * (state.head.n + 1) + 2 * (bodies + tickets)


def is_due(n: int, size: int) -> bool:
    """C4: whether a snapshot of `size` bytes belongs after entry `n`. The same for every process."""
    step = EVERY
    while step * MOST_BYTES_AN_ENTRY < size:
        step *= 2
    return n % step == 0
