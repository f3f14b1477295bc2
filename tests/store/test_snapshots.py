"""Snapshots in the store: one that is wrong is told and ignored, and none of them is waited for or believed
against the ledger.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from store.faulty import NEVER, FaultyStore
from store.journal_workers import note
from support.build import KEYS, SERVICE, Clock, charter, opening, party
from support.refusals import refuses, snapshot

from escrow.errors import UnavailableError
from escrow.ledger import entry as entries
from escrow.ledger import snapshot as forms
from escrow.ledger.entry import Entry
from escrow.ledger.keys import ServiceKeys
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head
from escrow.store import journal as journals
from escrow.store import names, snapshots
from escrow.store.folder import FolderStore
from escrow.store.interface import MAX_PAGE, Bucket, Outcome
from escrow.store.journal import Journal, Receipt
from escrow.store.snapshots import MOST_BYTES_AN_ENTRY, WAITING, Snapshots, Writing, is_due
from escrow.store.watching import CaseReplayed, Seen, SnapshotIgnored, SnapshotKept

EVERY = 4


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY", EVERY)
    monkeypatch.setattr(journals, "MANY", 2 * EVERY)


def at_once(work: Callable[[], None]) -> None:
    work()


def nothing(*_: object) -> None:
    """Notes need nothing stored beside them."""


class Counting(FolderStore):
    """Which entries were read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[int] = []

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        if bucket is Bucket.LEDGER and name.startswith(names.CASES):
            self.read.append(names.parse_entry(name).number)
        return super().get(bucket, name, limit=limit)


class Site:
    """One store, and a case in it of `length` entries."""

    def __init__(self, root: Path, length: int) -> None:
        self.root = root
        self.store = FolderStore(root)
        self.journal = Journal(self.store, KEYS, Clock(), later=at_once)
        self.first: Receipt = self.journal.open(opening(charter()), prepare=nothing)
        self.case = self.first.statement
        self.grow(length - 1)

    def grow(self, count: int) -> None:
        with self.journal.reading(self.case) as state:
            n = state.head.n
        for turn in range(count):
            raw = note(self.case, Head(n=0, hash=self.first.hash), f"note {n + turn}")
            self.journal.append(self.case, raw, prepare=nothing)

    def snapshots(self) -> list[str]:
        return self.store.names(Bucket.RECORDS, names.snapshots(self.case))

    def file(self, name: str, bucket: Bucket = Bucket.RECORDS) -> Path:
        return self.root / bucket.value / name

    def cold(self, store: FolderStore | None = None) -> tuple[dict[str, object], list[Seen]]:
        """What a process that starts sees, and what it tells."""
        told: list[Seen] = []
        journal = Journal(store or self.store, KEYS, Clock(), watch=told.append, later=at_once)
        with journal.reading(self.case) as state:
            return snapshot(state), told

    def replayed(self) -> dict[str, object]:
        """The case by its entries alone."""

        class Without(FolderStore):
            def names(
                self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = MAX_PAGE
            ) -> list[str]:
                if bucket is Bucket.RECORDS:
                    return []
                return super().names(bucket, prefix, after=after, limit=limit)

        return self.cold(Without(self.root))[0]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "store", 11)


def reasons(told: list[Seen]) -> list[str]:
    return [one.reason for one in told if isinstance(one, SnapshotIgnored)]


def test_process_that_starts_reads_what_came_after_the_newest_snapshot_and_nothing_else(site: Site) -> None:
    store = Counting(site.root)
    state, told = site.cold(store)
    assert store.read == [0, 8, 9, 10, 11]
    assert [one.entries for one in told if isinstance(one, CaseReplayed)] == [2]
    assert state == site.replayed()


def test_snapshots_come_every_so_many_entries_and_say_the_same_whoever_writes_them(site: Site) -> None:
    found = site.snapshots()
    assert [names.parse_snapshot(name).number for name in found] == [4, 8]
    before = [site.file(name).read_bytes() for name in found]
    site.grow(2)
    assert [site.file(name).read_bytes() for name in found] == before
    with Journal(site.store, KEYS, Clock()).reading(site.case) as state:
        assert site.file(site.snapshots()[-1]).read_bytes() == forms.seal(SERVICE, state)


def test_case_that_is_not_there_costs_one_call_as_one_of_which_nothing_is_new(site: Site) -> None:
    """So the time of an answer does not tell a stranger that there is such a case."""
    store = FaultyStore(site.store, kill_at=NEVER)
    journal = Journal(store, KEYS, Clock(), later=at_once)  # type: ignore[arg-type]
    calls = []
    for case in (site.case, site.case, "0" * 64):
        before = len(store.calls)
        with journal.looking(case):
            pass
        calls.append(store.calls[before:])
    assert calls[1] == calls[2] == ["get"]


def damage(raw: bytes) -> bytes:
    return raw[:-3] + b"!" + raw[-2:]


def of_a_stranger(raw: bytes) -> bytes:
    state = forms.restore(raw.partition(b"\n")[2])
    return forms.seal(party("another service"), state)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (damage, "snapshot_malformed"),
        (lambda raw: raw[:100], "jws_malformed"),
        (lambda raw: b"", "jws_malformed"),
        (lambda raw: b"{}" * 9_000_000 * 2, "object_too_large"),
        (of_a_stranger, "signature_false"),
    ],
)
def test_snapshot_that_is_damaged_or_forged_is_told_and_the_one_before_serves(
    site: Site, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    last = site.file(site.snapshots()[-1])
    last.write_bytes(spoil(last.read_bytes()))
    state, told = site.cold()
    assert reasons(told) == [reason]
    assert state == site.replayed()
    assert [one.entries for one in told if isinstance(one, CaseReplayed)] == [6]


def test_snapshot_of_another_entry_or_case_in_its_place_is_ignored(site: Site, tmp_path: Path) -> None:
    early, late = (site.file(name) for name in site.snapshots())
    late.write_bytes(early.read_bytes())
    other = Site(tmp_path / "other", 6)
    early.write_bytes(other.file(other.snapshots()[0]).read_bytes())
    state, told = site.cold()
    # the two cases have different openings, so the other's is refused for what its signature says
    assert reasons(told) == ["snapshot_of_another_entry", "snapshot_malformed"]
    assert state == site.replayed()


def test_ledger_that_was_taken_back_behind_its_snapshots_is_replayed_as_it_is(site: Site) -> None:
    for n in range(6, 11):
        site.file(names.entry(site.case, n), Bucket.LEDGER).unlink()
    state, told = site.cold()
    assert reasons(told) == ["snapshot_not_of_chain"]
    head = state["head"]
    assert isinstance(head, Head)
    assert head.n == 5
    assert state == site.replayed()


def test_ledger_that_goes_another_way_than_its_snapshot_is_refused_as_without(site: Site) -> None:
    """Entry 8 replaced by another that the service signed, as after a restore that was written on."""
    at = site.file(names.entry(site.case, 8), Bucket.LEDGER)
    was = Entry.read(at.read_text(), SERVICE.card)
    raw = note(site.case, Head(n=0, hash=site.first.hash), "another history")
    at.write_text(
        entries.compose(
            SERVICE, case=site.case, n=8, prev=was.prev, received_at=was.received_at, statement=raw
        )
    )
    for _ in range(2):  # the second time as the first
        with refuses(UnavailableError, "ledger_damaged", n=9, reason="entry_chain_broken"):
            site.cold()


def test_entry_of_a_snapshot_that_somebody_else_signed_does_not_confirm_it(site: Site) -> None:
    at = site.file(names.entry(site.case, 8), Bucket.LEDGER)
    entry = Entry.read(at.read_text(), SERVICE.card)
    at.write_text(
        entries.compose(
            party("forger"), case=site.case, n=8, prev=entry.prev, received_at=entry.received_at,
            statement=entry.statement_raw,
        )
    )  # fmt: skip
    with refuses(UnavailableError, "ledger_damaged", n=8, reason="signature_false"):
        site.cold()


class Denied(FolderStore):
    """Storage that lets nobody near snapshots, as an older policy does."""

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        if name.startswith(names.SNAPSHOTS):
            raise UnavailableError("storage_failed", reason="access_denied")
        return super().create(bucket, name, data)

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = MAX_PAGE) -> list[str]:
        if prefix.startswith(names.SNAPSHOTS):
            raise UnavailableError("storage_failed", reason="access_denied")
        return super().names(bucket, prefix, after=after, limit=limit)


def test_storage_without_a_right_to_snapshots_serves_all_the_same(site: Site) -> None:
    told: list[Seen] = []
    journal = Journal(Denied(site.root), KEYS, Clock(), watch=told.append, later=at_once)
    raw = note(site.case, Head(n=0, hash=site.first.hash), "entry 11")
    assert journal.append(site.case, raw, prepare=nothing).n == 11
    assert reasons(told) == ["storage_failed"]
    assert [one.outcome for one in told if isinstance(one, SnapshotKept)] == ["storage_failed"]


def test_snapshot_that_cannot_be_made_harms_no_append(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise TypeError("no form for a type")

    monkeypatch.setattr(forms, "seal", fail)
    told: list[Seen] = []
    site.journal = Journal(site.store, KEYS, Clock(), watch=told.append, later=at_once)
    site.grow(2)
    assert [(one.outcome, one.bytes) for one in told if isinstance(one, SnapshotKept)] == [("TypeError", 0)]


def test_long_case_without_snapshots_gets_one_where_it_stands(site: Site) -> None:
    for name in site.snapshots():
        site.file(name).unlink()
    site.cold()
    assert [names.parse_snapshot(name).number for name in site.snapshots()] == [10]
    store = Counting(site.root)
    assert site.cold(store)[0] == site.replayed()
    assert store.read == [0, 10, 11]


def test_snapshot_by_a_former_key_is_not_believed_and_a_new_one_is_written_beside(site: Site) -> None:
    """Whoever stole the old key and the storage's credential could write one."""
    before = set(site.snapshots())
    keys = ServiceKeys(party("new service key"), (SERVICE,))
    told: list[Seen] = []
    journal = Journal(site.store, keys, Clock(), watch=told.append, later=at_once)
    with journal.reading(site.case) as state:
        assert snapshot(state) == site.replayed()
        Snapshots(site.store, keys.current, told.append, at_once).keep(state, always=True)
    assert [one.entries for one in told if isinstance(one, CaseReplayed)] == [11]
    assert before < set(site.snapshots())


def test_snapshot_of_an_older_form_is_not_even_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "FORM", "ab" * 8)
    _, told = site.cold()
    assert reasons(told) == []
    assert [one.entries for one in told if isinstance(one, CaseReplayed)] == [11]
    assert names.snapshot(site.case, forms.form_of_service(SERVICE.card), 10) in site.snapshots()


def test_copy_that_is_being_written_is_of_its_entry_though_the_case_goes_on(tmp_path: Path) -> None:
    waiting: list[Callable[[], None]] = []
    site = Site(tmp_path / "store", 4)
    site.journal = Journal(site.store, KEYS, Clock(), later=waiting.append)
    site.grow(3)
    (work,) = waiting
    work()
    (name,) = site.snapshots()
    state: CaseState = forms.unseal(site.file(name).read_bytes(), service=SERVICE.card, case=site.case)
    assert (state.head.n, len(state.entries)) == (4, 5)


def test_nobody_waits_for_what_is_written_and_too_much_is_left_out() -> None:
    go, done = threading.Event(), threading.Semaphore(0)
    ran: list[int] = []
    writing = Writing()

    def work(number: int) -> None:
        go.wait(30)
        ran.append(number)
        done.release()

    for number in range(WAITING + 3):
        writing(lambda number=number: work(number))  # type: ignore[misc]
    go.set()
    for _ in range(WAITING):
        assert done.acquire(timeout=30)
    assert ran == list(range(WAITING))


def test_append_of_a_process_that_ends_counts_all_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path / "store", 4)
    ending = Writing()
    ending._pool.shutdown()
    site.journal = Journal(site.store, KEYS, Clock(), later=ending)
    site.grow(1)
    assert site.snapshots() == []
    with site.journal.reading(site.case) as state:
        assert state.head.n == 4


def test_large_snapshots_come_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 128)
    assert [n for n in range(1, 1025) if is_due(n, 128 * MOST_BYTES_AN_ENTRY)] == list(range(128, 1025, 128))
    assert [n for n in range(1, 1025) if is_due(n, 128 * MOST_BYTES_AN_ENTRY + 1)] == [256, 512, 768, 1024]
