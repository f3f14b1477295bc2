"""What the journal tells a watch: races, replays, and how many cases it keeps."""

import io
from contextvars import ContextVar
from pathlib import Path

import pytest
from store.journal_workers import journal_over, note
from support.build import KEYS, Clock, charter, opening
from support.minio import Plots

from escrow.config import MIB
from escrow.errors import NotFoundError
from escrow.ledger.statement import Head
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, UploadPlan
from escrow.store.journal import Journal, Receipt
from escrow.store.s3 import S3Store
from escrow.store.watching import AppendTried, CaseReplayed, CasesKept, S3Call, Seen


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def first(root: Path) -> Receipt:
    return journal_over(FolderStore(root)).open(opening(), prepare=nothing)


def nothing(*_: object) -> None:
    """Nothing has to be stored beside these statements."""


def append(journal: Journal, first: Receipt, text: str) -> Receipt:
    head = Head(n=first.n, hash=first.hash)
    return journal.append(first.statement, note(first.statement, head, text), prepare=nothing)


class Overtaking(FolderStore):
    """Before each of the first `times` entries, another writer enters one."""

    def __init__(self, root: Path, first: Receipt, times: int) -> None:
        super().__init__(root)
        self._first = first
        self._times = times
        self._other = journal_over(FolderStore(root))

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        if self._times:
            self._times -= 1
            append(self._other, self._first, f"faster {self._times}")
        return super().create(bucket, name, data)


def test_every_lost_race_is_told(root: Path, first: Receipt) -> None:
    seen: list[Seen] = []
    journal = Journal(Overtaking(root, first, 2), KEYS, Clock(), watch=seen.append)
    receipt = append(journal, first, "slower")
    tried = [(one.attempt, one.outcome) for one in seen if isinstance(one, AppendTried)]
    assert tried == [(1, Outcome.ALREADY_OTHER), (2, Outcome.ALREADY_OTHER), (3, Outcome.CREATED)]
    assert receipt.n == 3


def test_cold_load_is_told_once_and_what_others_entered_as_what_it_is(root: Path, first: Receipt) -> None:
    other = journal_over(FolderStore(root))
    append(other, first, "one")
    seen: list[Seen] = []
    journal = Journal(FolderStore(root), KEYS, Clock(), watch=seen.append)
    for _ in range(2):
        with journal.reading(first.statement):
            pass
    append(other, first, "two")
    append(journal, first, "three")
    with journal.reading(first.statement):
        pass
    replayed = [(one.entries, one.cold) for one in seen if isinstance(one, CaseReplayed)]
    assert replayed == [(2, True), (1, False)]


def test_case_that_is_not_there_is_not_told_as_kept(root: Path, first: Receipt) -> None:
    seen: list[Seen] = []
    journal = Journal(FolderStore(root), KEYS, Clock(), watch=seen.append)
    with pytest.raises(NotFoundError), journal.reading("00" * 32):
        pass
    assert seen == []


def test_cases_kept_are_told_when_they_change(root: Path, first: Receipt) -> None:
    seen: list[Seen] = []
    journal = Journal(FolderStore(root), KEYS, Clock(), max_cases=1, watch=seen.append)
    second = journal.open(opening(charter(public_notice="another case")), prepare=nothing)
    for case in (first.statement, second.statement, first.statement):
        with journal.reading(case):
            pass
    assert [one.cases for one in seen if isinstance(one, CasesKept)] == [1]


WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_part_that_another_thread_sends_is_told_as_of_who_asked(minio_plots: Plots) -> None:
    """So a line of the log about it carries the request's id."""
    told: list[tuple[str, str]] = []

    def watch(seen: Seen) -> None:
        if isinstance(seen, S3Call):
            told.append((seen.operation, WHO.get()))

    store = S3Store(minio_plots.fresh(), watch=watch)
    name = names.payload("ab" * 32, "cd" * 16)
    store.begin_upload(name, UploadPlan(length=6 * MIB, part_size=5 * MIB))
    token = WHO.set("a request")
    told.clear()
    store.put_payload(name, io.BytesIO(bytes(6 * MIB)))
    WHO.reset(token)
    store.close()
    assert [operation for operation, _ in told].count("upload_part") == 2
    assert {who for _, who in told} == {"a request"}
