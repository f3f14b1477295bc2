"""The journal: what was acknowledged is never lost, the chain never forks, a retry knows its own entry."""

import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from store.faulty import NEVER, Crashed, FaultyStore, Mode, When
from store.journal_workers import append_notes, journal_over, note, open_folder
from store.racing import PROCESSES, THREADS, in_processes, in_threads
from support.build import KEYS, SEALED, SERVICE, START, Clock, charter, opening, party
from support.refusals import refuses, snapshot

from escrow.errors import (
    ConflictError,
    ForgedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from escrow.ledger.entry import Entry
from escrow.ledger.replay import Admitted, extend
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head, compose
from escrow.model.deeds import Note
from escrow.store import journal as journals
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, Store
from escrow.store.journal import Journal, Receipt

ROUNDS = 5


def nothing(*_: object) -> None:
    """Nothing has to be stored beside these statements."""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def journal(store: FolderStore) -> Journal:
    return journal_over(store)


@pytest.fixture
def first(journal: Journal) -> Receipt:
    """The receipt of an opened case."""
    return journal.open(opening(), prepare=nothing)


def head_of(receipt: Receipt) -> Head:
    return Head(n=receipt.n, hash=receipt.hash)


def append(journal: Journal, first: Receipt, text: str) -> Receipt:
    return journal.append(first.statement, note(first.statement, head_of(first), text), prepare=nothing)


def audited(store: Store, case: str) -> CaseState:
    """The case as a stranger rebuilds it from the objects alone: fails on a fork, a gap or a forged entry."""
    state: CaseState | None = None
    for name in store.names(Bucket.LEDGER, names.entries(case)):
        raw = store.get(Bucket.LEDGER, name, limit=10**7).decode()
        state = extend(state, raw, service=SERVICE.card)
        assert names.parse_entry(name).number == state.head.n
    assert state is not None
    return state


# One writer


def test_receipt_is_the_entry_that_is_stored(store: FolderStore, journal: Journal, first: Receipt) -> None:
    second = append(journal, first, "note")
    assert (first.n, second.n, second.created) == (0, 1, True)
    entry = Entry.read(second.entry, SERVICE.card)
    assert (entry.n, entry.hash, entry.prev) == (1, second.hash, first.hash)
    assert store.get(Bucket.LEDGER, names.entry(first.statement, 1), limit=10**6).decode() == second.entry


def test_the_same_statement_again_is_answered_with_the_first_receipt(
    journal: Journal, first: Receipt
) -> None:
    raw = note(first.statement, head_of(first), "note")
    once = journal.append(first.statement, raw, prepare=nothing)
    append(journal, first, "between")
    again = journal.append(first.statement, raw, prepare=nothing)
    assert (again.entry, again.n, again.hash, again.created) == (once.entry, once.n, once.hash, False)


def test_first_receipt_again_is_not_given_before_the_entry_is_surely_durable(
    tmp_path: Path, store: FolderStore, first: Receipt
) -> None:
    """Whoever wrote the entry may have died between link and flush; a read alone does not say."""
    created: list[str] = []

    class Recording(FolderStore):
        def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
            created.append(name)
            return super().create(bucket, name, data)

    other = journal_over(Recording(tmp_path / "store"))
    again = other.open(Entry.read_opening(first.entry).statement_raw, prepare=nothing)
    assert (again.entry, again.created) == (first.entry, False)
    assert created == [names.entry(first.statement, 0)]


def test_the_same_opening_again_is_answered_with_the_first_receipt(
    store: FolderStore, first: Receipt
) -> None:
    raw = Entry.read_opening(first.entry).statement_raw
    later = Journal(store, KEYS, Clock(START + timedelta(days=1)))
    again = later.open(raw, prepare=nothing)
    assert (again.entry, again.created) == (first.entry, False)


def test_unknown_case_is_not_found_and_leaves_no_trace(journal: Journal, store: FolderStore) -> None:
    unknown = "00" * 32
    with refuses(NotFoundError, "case_unknown"), journal.reading(unknown):
        pass
    with refuses(NotFoundError, "case_unknown"):
        journal.append(unknown, note(unknown, Head(n=0, hash=unknown), "x"), prepare=nothing)
    with refuses(NotFoundError, "case_unknown"):
        journal.entries(unknown, after=-1, limit=10)
    assert store.names(Bucket.LEDGER, names.entries(unknown)) == []


def test_case_for_another_service_is_refused_and_not_stored(journal: Journal, store: FolderStore) -> None:
    with refuses(RefusedError, "service_card_not_ours"):
        journal.open(opening(charter(service=party("other").card)), prepare=nothing)
    assert store.names(Bucket.LEDGER, names.CASES) == []


def test_case_for_another_service_is_refused_where_the_credential_may_not_look_for_later_cards(
    store: FolderStore, tmp_path: Path
) -> None:
    class Before(FolderStore):
        def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
            if name.startswith(names.SERVICES):
                raise UnavailableError("storage_failed", reason="access_denied")
            return super().get(bucket, name, limit=limit)

    with refuses(RefusedError, "service_card_not_ours"):
        Journal(Before(tmp_path), KEYS, Clock()).open(
            opening(charter(service=party("other").card)), prepare=nothing
        )


def test_what_prepare_refuses_does_not_count(journal: Journal, store: FolderStore, first: Receipt) -> None:
    def refuse(state: CaseState, admitted: Admitted) -> None:
        raise ForgedError("share_false")

    raw = note(first.statement, head_of(first), "note")
    with journal.reading(first.statement) as state:
        before = snapshot(state)
    with refuses(ForgedError, "share_false"):
        journal.append(first.statement, raw, prepare=refuse)
    with journal.reading(first.statement) as state:
        assert snapshot(state) == before
    assert len(store.names(Bucket.LEDGER, names.entries(first.statement))) == 1


def test_opening_that_prepare_refuses_does_not_count(journal: Journal, store: FolderStore) -> None:
    def refuse(_: Admitted) -> None:
        raise RefusedError("convenor_not_listed")

    with refuses(RefusedError, "convenor_not_listed"):
        journal.open(opening(), prepare=refuse)
    assert store.names(Bucket.LEDGER, names.CASES) == []


def test_prepare_is_not_asked_for_a_statement_that_is_there(journal: Journal, first: Receipt) -> None:
    raw = note(first.statement, head_of(first), "note")
    journal.append(first.statement, raw, prepare=nothing)
    asked: list[Admitted] = []
    journal.append(first.statement, raw, prepare=lambda _, admitted: asked.append(admitted))
    assert asked == []


def test_head_that_another_process_made_is_reloaded_before_it_is_refused(
    store: FolderStore, journal: Journal, first: Receipt
) -> None:
    other = journal_over(store)
    seen = append(other, first, "by another process")
    raw = note(first.statement, head_of(seen), "by an author who saw it")
    assert journal.append(first.statement, raw, prepare=nothing).n == 2


def test_time_never_runs_backwards_between_services(store: FolderStore, first: Receipt) -> None:
    ahead = Journal(store, KEYS, Clock(START + timedelta(minutes=5)))
    late = Entry.read(append(ahead, first, "ahead").entry, SERVICE.card)
    behind = Journal(store, KEYS, Clock(START - timedelta(minutes=5)))
    assert Entry.read(append(behind, first, "behind").entry, SERVICE.card).received_at == late.received_at


def test_entry_is_refused_while_the_clock_is_far_behind_the_last_one(
    store: FolderStore, first: Receipt
) -> None:
    append(
        Journal(store, KEYS, Clock(START + timedelta(days=400))),
        first,
        "by a clock that was ahead",
    )
    clock = Clock()
    behind = Journal(store, KEYS, clock)
    with refuses(UnavailableError, "clock_behind_ledger", n=1, last="2028-01-05T09:00:00.000Z"):
        append(behind, first, "now")
    assert len(store.names(Bucket.LEDGER, names.entries(first.statement))) == 2
    clock.now = START + timedelta(days=400) - journals.MAX_BEHIND
    assert append(behind, first, "nearly there").n == 2


def test_statement_on_the_chain_has_its_receipt_whatever_the_clock(
    store: FolderStore, first: Receipt
) -> None:
    raw = note(first.statement, head_of(first), "once")
    ahead = Journal(store, KEYS, Clock(START + timedelta(days=400)))
    once = ahead.append(first.statement, raw, prepare=nothing)
    assert Journal(store, KEYS, Clock()).append(first.statement, raw, prepare=nothing).entry == once.entry


def test_operator_may_let_entries_follow_a_clock_that_was_ahead(store: FolderStore, first: Receipt) -> None:
    append(Journal(store, KEYS, Clock(START + timedelta(days=400))), first, "ahead")
    lenient = Journal(store, KEYS, Clock(), max_behind=timedelta(days=400))
    assert Entry.read(append(lenient, first, "now").entry, SERVICE.card).received_at.year == 2028


def test_notes_take_no_memory_of_the_service(store: FolderStore, first: Receipt) -> None:
    journal = Journal(store, KEYS, Clock())
    append(journal, first, "long")
    for each in (journal, Journal(store, KEYS, Clock())):
        with each.reading(first.statement) as state:
            assert (state.notes, state.head.n) == ([], 1)


def test_times_are_cut_to_what_entries_can_say(store: FolderStore) -> None:
    clock = Clock(START + timedelta(microseconds=1999))
    opened = Journal(store, KEYS, clock).open(opening(), prepare=nothing)
    assert Entry.read(opened.entry, SERVICE.card).received_at == START + timedelta(milliseconds=1)


def test_entries_are_paged(journal: Journal, first: Receipt) -> None:
    made = [first, *(append(journal, first, f"{turn}") for turn in range(4))]
    case = first.statement
    assert journal.entries(case, after=-1, limit=2) == [receipt.entry for receipt in made[:2]]
    assert journal.entries(case, after=1, limit=100) == [receipt.entry for receipt in made[2:]]
    assert journal.entries(case, after=4, limit=100) == []


def test_page_ends_where_it_grows_too_long(
    journal: Journal, first: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = append(journal, first, "second")
    monkeypatch.setattr(journals, "MAX_PAGE_BYTES", len(first.entry) + len(second.entry) - 1)
    assert journal.entries(first.statement, after=-1, limit=100) == [first.entry]
    assert journal.entries(first.statement, after=0, limit=100) == [second.entry]


def test_journal_keeps_no_more_cases_in_memory_than_it_may(store: FolderStore) -> None:
    journal = Journal(store, KEYS, Clock(), max_cases=2)
    cases = [
        journal.open(opening(charter(public_notice=f"{turn}")), prepare=nothing).statement
        for turn in range(4)
    ]
    for _ in range(2):
        for case in cases:
            with journal.reading(case) as state:
                assert state.case == case
    assert len(journal._kept) == 2


def test_long_cases_are_not_kept_beyond_the_bytes_there_are_for_them(store: FolderStore) -> None:
    journal = Journal(store, KEYS, Clock(), max_bytes=30_000)
    opened = [journal.open(opening(charter(public_notice=f"{turn}")), prepare=nothing) for turn in range(4)]
    for first in opened:
        for turn in range(3):
            append(journal, first, f"{turn}")
    assert list(journal._kept) == [first.statement for first in opened[-len(journal._kept) :]]
    assert 1 < len(journal._kept) < 4
    assert journal._weight == sum(kept.weight for kept in journal._kept.values()) <= 30_000
    for turn in range(30):
        append(journal, opened[0], f"long {turn}")
    assert list(journal._kept) == [opened[0].statement]
    assert journal._weight > 30_000


def test_unknown_cases_do_not_push_known_ones_out_of_memory(journal: Journal, first: Receipt) -> None:
    with journal.reading(first.statement) as kept:
        pass
    for turn in range(5):
        with pytest.raises(NotFoundError), journal.reading(f"{turn:064x}"):
            pass
    with journal.reading(first.statement) as again:
        assert again is kept


def test_statement_that_the_rules_refuse_costs_no_entry(
    journal: Journal, store: FolderStore, first: Receipt
) -> None:
    raw = compose(party("stranger"), Note(text=SEALED), case=first.statement, head=head_of(first))
    with refuses(NotFoundError, "author_unknown"):
        journal.append(first.statement, raw, prepare=nothing)
    assert len(store.names(Bucket.LEDGER, names.entries(first.statement))) == 1


# Storage that was tampered with


@pytest.mark.parametrize("junk", [b"junk", b"\xff\xfe", b""])
def test_foreign_bytes_in_place_of_an_entry_are_noticed(
    store: FolderStore, first: Receipt, junk: bytes
) -> None:
    store.create(Bucket.LEDGER, names.entry(first.statement, 1), junk)
    with refuses(UnavailableError, "ledger_damaged", n=1), journal_over(store).reading(first.statement):
        pass


def test_entry_of_another_case_in_this_ones_place_is_noticed(store: FolderStore, journal: Journal) -> None:
    one = journal.open(opening(), prepare=nothing)
    claimed = "00" * 32
    store.create(Bucket.LEDGER, names.entry(claimed, 0), one.entry.encode())
    with (
        refuses(UnavailableError, "ledger_damaged", reason="entry_of_other_case"),
        journal_over(store).reading(claimed),
    ):
        pass


# Many writers


def require_whole(store: Store, case: str, receipts: list[Receipt]) -> None:
    """Every acknowledged statement is on the one chain, at the place its receipt says, once."""
    state = audited(store, case)
    for receipt in receipts:
        assert state.statements[receipt.statement] == receipt.n
        assert state.entries[receipt.n] == receipt.hash
    assert len({receipt.n for receipt in receipts}) == len(state.entries)


def test_threads_racing_on_one_case_lose_nothing(store: FolderStore, first: Receipt) -> None:
    """Each thread with a journal of its own, as if it were another machine, and one shared by all."""
    shared = journal_over(store)

    def race(who: int) -> list[Receipt]:
        journal = shared if who % 2 else journal_over(store)
        return [append(journal, first, f"{who} {turn}") for turn in range(ROUNDS)]

    receipts = [receipt for found in in_threads(race) for receipt in found]
    assert len(receipts) == THREADS * ROUNDS
    require_whole(store, first.statement, [first, *receipts])


def test_threads_posting_one_statement_create_one_entry(store: FolderStore, first: Receipt) -> None:
    receipts = in_threads(lambda who: append(journal_over(store), first, "the same"))
    assert sum(receipt.created for receipt in receipts) == 1
    assert len({receipt.entry for receipt in receipts}) == 1


def test_threads_opening_one_case_create_one_entry(store: FolderStore) -> None:
    raw = opening()
    clocks = [Clock(START + timedelta(seconds=who)) for who in range(THREADS)]
    receipts = in_threads(lambda who: Journal(store, KEYS, clocks[who]).open(raw, prepare=nothing))
    assert sum(receipt.created for receipt in receipts) == 1
    assert len({receipt.entry for receipt in receipts}) == 1


def test_processes_racing_on_one_case_lose_nothing(
    tmp_path: Path, store: FolderStore, first: Receipt
) -> None:
    opener: Callable[[], Store] = partial(open_folder, tmp_path / "store")
    found = in_processes(opener, append_notes, first.statement, head_of(first), ROUNDS)
    receipts = [receipt for receipts in found for receipt in receipts]
    assert len(receipts) == PROCESSES * (ROUNDS + 1)
    require_whole(store, first.statement, [first, *receipts])
    assert len({receipts[0].n for receipts in found}) == 1  # the one that all posted alike


class AlwaysLate:
    """A store in which somebody else is always first."""

    def __init__(self, inner: FolderStore, rival: Journal, first: Receipt) -> None:
        self._inner, self._rival, self._first, self.turns = inner, rival, first, 0

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        self.turns += 1
        append(self._rival, self._first, f"rival {self.turns}")
        return self._inner.create(bucket, name, data)

    def names(self, *_: object, **__: object) -> list[str]:
        return []

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        return self._inner.get(bucket, name, limit=limit)


def test_append_that_always_comes_second_gives_up_and_says_so(
    store: FolderStore, journal: Journal, first: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MAX_ATTEMPTS", 3)
    late = AlwaysLate(store, journal, first)
    with refuses(ConflictError, "append_conflict", attempts=3):
        append(Journal(late, KEYS, Clock()), first, "mine")  # type: ignore[arg-type]
    assert audited(store, first.statement).head.n == late.turns == 3


# Storage that fails


def deeds(journal: Journal, receipts: list[Receipt]) -> None:
    """Open a case and append twice; what was acknowledged is in `receipts`, whatever happens later."""
    first = journal.open(opening_once(), prepare=nothing)
    receipts.append(first)
    for text in ("one", "two"):
        receipts.append(append(journal, first, text))


_OPENING: list[str] = []


def opening_once() -> str:
    """One opening for all runs: sealing its prose draws a nonce."""
    if not _OPENING:
        _OPENING.append(opening())
    return _OPENING[0]


def count_of_operations(root: Path) -> int:
    counting = FaultyStore(FolderStore(root), kill_at=NEVER)
    deeds(journal_over(counting), [])
    return len(counting.calls)


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("mode", [Mode.CRASH, Mode.UNAVAILABLE])
def test_store_that_fails_at_any_operation_loses_nothing_acknowledged(
    tmp_path: Path, when: When, mode: Mode
) -> None:
    """Strike at each operation, before and after; then the same deeds again give the same receipts."""
    for kill_at in range(1, count_of_operations(tmp_path / "counting") + 1):
        inner = FolderStore(tmp_path / f"{kill_at}")
        acknowledged: list[Receipt] = []
        faulty = FaultyStore(inner, kill_at=kill_at, when=when, mode=mode)
        try:
            deeds(journal_over(faulty), acknowledged)
        except (Crashed, UnavailableError):
            assert len(acknowledged) < 3
        else:  # the store had already answered that nothing was there, or only snapshots could not be listed
            assert (when, faulty.calls[kill_at - 1]) == (When.AFTER, "get") or (
                (mode, faulty.calls[kill_at - 1]) == (Mode.UNAVAILABLE, "names")
            )
        repeated: list[Receipt] = []
        deeds(journal_over(inner), repeated)
        for before, after in zip(acknowledged, repeated, strict=False):
            assert (after.entry, after.created) == (before.entry, False)
        require_whole(inner, repeated[0].statement, repeated)


def test_retry_in_the_same_process_recognises_its_own_entry(tmp_path: Path) -> None:
    """The write took effect and its answer was lost: the retry, at a later time, answers with that entry."""
    inner = FolderStore(tmp_path / "store")
    clock = Clock()
    first = Journal(inner, KEYS, clock).open(opening(), prepare=nothing)
    probe = FaultyStore(inner, kill_at=NEVER)
    append(Journal(probe, KEYS, clock), first, "probe")
    faulty = FaultyStore(
        inner, kill_at=probe.calls.index("create") + 2, when=When.AFTER, mode=Mode.UNAVAILABLE
    )
    journal = Journal(faulty, KEYS, clock)
    with refuses(UnavailableError, "storage_failed"):
        append(journal, first, "mine")
    clock.tick(60)
    receipt = append(journal, first, "mine")
    assert (receipt.n, receipt.created) == (2, False)
    assert Entry.read(receipt.entry, SERVICE.card).received_at == START


def test_lost_race_against_ones_own_success_is_no_second_entry(store: FolderStore, first: Receipt) -> None:
    """A store that repeats a lost write finds its own earlier entry, signed at another time."""

    class Repeats(AlwaysLate):
        def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
            if self.turns == 0:
                self.turns = 1
                append(self._rival, self._first, "mine")
            return self._inner.create(bucket, name, data)

    rival = Journal(store, KEYS, Clock(START + timedelta(seconds=5)))
    receipt = append(Journal(Repeats(store, rival, first), KEYS, Clock()), first, "mine")  # type: ignore[arg-type]
    assert (receipt.n, receipt.created) == (1, False)
    assert audited(store, first.statement).head.n == 1


@pytest.mark.parametrize("when", When)
def test_process_killed_at_any_operation_loses_nothing_acknowledged(
    tmp_path: Path, when: When, in_child: Callable[[Callable[[], object]], int]
) -> None:
    """SIGKILL before and after every store call; what the child had noted down as acknowledged is there."""
    opening_once()  # the same for parent and child
    killed = 0
    for kill_at in range(1, count_of_operations(tmp_path / "counting") + 1):
        inner, noted = FolderStore(tmp_path / f"{kill_at}"), tmp_path / f"{kill_at}.acknowledged"
        doomed = FaultyStore(inner, kill_at=kill_at, when=when, mode=Mode.SIGKILL)
        status = in_child(partial(deeds, journal_over(doomed), Noted(noted)))
        assert status in {-signal.SIGKILL, 99}  # 99: struck after a `get` that had found nothing
        killed += status == -signal.SIGKILL
        repeated: list[Receipt] = []
        deeds(journal_over(inner), repeated)
        acknowledged = noted.read_text().split() if noted.exists() else []
        assert [receipt.hash for receipt in repeated][: len(acknowledged)] == acknowledged
        require_whole(inner, repeated[0].statement, repeated)
    assert killed >= 3  # at least before or after each of the three creates


class Noted(list[Receipt]):
    """Receipts, each also written to a file that outlives the process."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def append(self, receipt: Receipt) -> None:
        with self._file.open("a") as out:
            out.write(receipt.hash + "\n")
        super().append(receipt)
