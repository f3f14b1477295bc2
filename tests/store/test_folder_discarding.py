"""A payload is discarded from a folder while somebody marks it as retained, at every system call of both.

Whoever was told that it is retained finds it, whatever died or came in between. A folder enforces nothing
else: whoever may write there may delete.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from store.contract_uploads import NAME, SMALL, deposit, read
from store.sabotage import Calls
from store.test_folder_crash import UNTIL

from escrow.errors import EscrowError, NotFoundError
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.folder_sweeping import FolderSweeper
from escrow.store.interface import Bucket


class DiedError(BaseException):
    """Nothing that the store does after it counts as done by it."""


@pytest.fixture(autouse=True)
def _many_quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is cut here."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """A copy of a store with one payload that nobody retains."""
    store = FolderStore(tmp_path / "prepared")
    store.check()
    deposit(store)
    made = iter(range(10**6))

    def copy() -> Path:
        return Path(shutil.copytree(tmp_path / "prepared", tmp_path / str(next(made)), copy_function=os.link))

    return copy


def retain(root: Path) -> str:
    return _told(lambda: FolderStore(root).retain(NAME, UNTIL))


def discard(root: Path) -> str:
    return _told(lambda: FolderSweeper(root).discard(NAME))


def _told(deed: Callable[[], object]) -> str:
    try:
        deed()
    except EscrowError as error:
        return error.code
    return "done"


def assert_kept(root: Path) -> None:
    store = FolderStore(root)
    assert read(store) == SMALL
    assert store.retention(NAME) == UNTIL


def steps(deed: Callable[[Path], str], root: Path) -> int:
    with Calls() as calls:
        assert deed(root) == "done"
    return calls.count


@pytest.mark.parametrize(
    ("deed", "meanwhile"), [(discard, retain), (retain, discard)], ids=["retained", "discarded"]
)
def test_retention_that_was_acknowledged_holds_whichever_comes_in_between(
    fresh: Callable[[], Path], deed: Callable[[Path], str], meanwhile: Callable[[Path], str]
) -> None:
    seen = set()
    for turn in range(1, steps(deed, fresh()) + 1):
        root, told = fresh(), {}

        def strike(number: int, turn: int = turn, root: Path = root, told: dict[str, str] = told) -> None:
            if number == turn:
                told[meanwhile.__name__] = meanwhile(root)

        with Calls(strike):
            told[deed.__name__] = deed(root)
        if told["retain"] == "done":
            assert_kept(root)
            assert told["discard"] == "object_retained"
        else:
            assert told == {"retain": "object_unknown", "discard": "done"}
            assert not (root / "records" / NAME).exists()
        assert not (root / "records" / names.discarded(NAME)).exists()
        seen.add(told["retain"])
        shutil.rmtree(root)
    assert seen == {"done", "object_unknown"}


def test_discard_that_dies_anywhere_after_a_mark_came_is_undone_by_the_next_start_or_sweep(
    fresh: Callable[[], Path],
) -> None:
    count, acknowledged = steps(discard, fresh()), 0
    for marked in range(1, count + 1):
        for fatal in range(marked, count + 1):
            root, told = fresh(), []

            def strike(
                number: int, marked: int = marked, fatal: int = fatal, root: Path = root,
                told: list[str] = told,
            ) -> None:  # fmt: skip
                if number == marked:
                    told.append(retain(root))
                if number == fatal:
                    raise DiedError

            with suppress(DiedError), Calls(strike):
                discard(root)
            if told == ["done"]:
                acknowledged += 1
                if fatal % 2:
                    FolderStore(root).check()
                else:
                    assert discard(root) == "object_retained"
                assert_kept(root)
            shutil.rmtree(root)
    assert acknowledged > 5


def test_payload_whose_putting_back_was_broken_off_is_discarded_under_both_its_names(
    fresh: Callable[[], Path],
) -> None:
    root = fresh()
    hidden = root / "records" / names.discarded(NAME)
    hidden.parent.mkdir()
    os.link(root / "records" / NAME, hidden)
    assert discard(root) == "done"
    assert not hidden.exists()
    assert not (root / "records" / NAME).exists()


@pytest.mark.parametrize("finish", ["discard", "discard_upload"])
def test_discard_that_dies_at_any_system_call_is_finished_by_the_next_and_undone_by_a_start(
    fresh: Callable[[], Path], in_child: Callable[[Callable[[], object]], int], finish: str
) -> None:
    die, hidden = os._exit, 0
    for fatal in range(1, steps(discard, fresh()) + 1):
        root = fresh()

        def strike(number: int, fatal: int = fatal) -> None:
            if number == fatal:
                die(9)

        def run(root: Path = root, strike: Callable[[int], None] = strike) -> None:
            with Calls(strike):
                discard(root)

        assert in_child(run) == 9
        again = Path(shutil.copytree(root, root.with_name(f"{root.name}again")))
        aside = root / "records" / names.discarded(NAME)
        if aside.exists():
            hidden += 1
            FolderStore(again).check()
            assert read(FolderStore(again)) == SMALL
        if finish == "discard" or (root / "records" / NAME).exists():
            FolderSweeper(root).discard(NAME)
        else:
            FolderSweeper(root).discard_upload(NAME)
        assert not aside.exists()
        with pytest.raises(NotFoundError):
            FolderStore(root).payload_length(NAME)
        assert FolderStore(root).names(Bucket.RECORDS, names.PAYLOADS) == []
    assert hidden > 1
