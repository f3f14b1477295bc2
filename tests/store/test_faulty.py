"""The store that fails on purpose fails exactly where it is told to."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from store.contract import CASE, refused
from store.faulty import NEVER, Crashed, FaultyStore, Mode, When

from escrow.errors import UnavailableError
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Store


def append(store: Store, count: int = 3) -> None:
    for number in range(1, count + 1):
        store.create(Bucket.LEDGER, names.entry(CASE, number), b"entry")


def written(store: Store) -> int:
    return len(store.names(Bucket.LEDGER, names.entries(CASE)))


def test_without_a_fault_every_operation_is_passed_on_and_counted(tmp_path: Path) -> None:
    store = FaultyStore(FolderStore(tmp_path), kill_at=NEVER)
    append(store)
    assert written(store) == 3
    assert store.calls == ["create", "create", "create", "names"]


@pytest.mark.parametrize(("when", "left"), [(When.BEFORE, 1), (When.AFTER, 2)])
def test_crash_strikes_before_or_after_and_the_dead_stay_dead(tmp_path: Path, when: When, left: int) -> None:
    store = FaultyStore(FolderStore(tmp_path), kill_at=2, when=when)
    with pytest.raises(Crashed):
        append(store)
    with pytest.raises(Crashed):
        store.check()
    assert store.calls == ["create", "create"]
    assert written(FolderStore(tmp_path)) == left


@pytest.mark.parametrize(("when", "left"), [(When.BEFORE, 1), (When.AFTER, 2)])
def test_storage_that_fails_once_serves_the_next_call(tmp_path: Path, when: When, left: int) -> None:
    store = FaultyStore(FolderStore(tmp_path), kill_at=2, when=when, mode=Mode.UNAVAILABLE)
    refused(UnavailableError, "storage_failed", lambda: append(store))
    assert written(store) == left
    append(store)
    assert written(store) == 3


@pytest.mark.parametrize(("when", "left"), [(When.BEFORE, 1), (When.AFTER, 2)])
def test_sigkill_ends_the_process_there(
    tmp_path: Path, when: When, left: int, in_child: Callable[[Callable[[], None]], int]
) -> None:
    def run() -> None:
        append(FaultyStore(FolderStore(tmp_path), kill_at=2, when=when, mode=Mode.SIGKILL))
        os._exit(0)

    assert in_child(run) == -signal.SIGKILL
    assert written(FolderStore(tmp_path)) == left
