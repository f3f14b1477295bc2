"""A crash, a power cut, a full disk and a broken disk at every single system call of the folder store."""

import errno
import io
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from store.contract import CASE, ENTRY
from store.contract_uploads import NAME, digest
from store.sabotage import Calls

from escrow.errors import EscrowError, RefusedError, UnavailableError
from escrow.store import interface, names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome, Store, UploadPlan

DATA = b"what must be whole or not be"
PART = 1000  # smaller than any real one: the system calls are the same, and there are many runs
OLD, TAIL = b"o" * PART, b"the last part"
WHOLE = b"n" * PART + TAIL
UNTIL = datetime(2090, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _many_quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts; flushes are counted but not made: no power is cut here, `Calls` keeps those books."""
    monkeypatch.setattr(interface, "MIN_PART_BYTES", PART)
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def _announced() -> UploadPlan:
    return UploadPlan(length=len(WHOLE), part_size=PART)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One write. `found` reads its effect back: None, or what must equal `done` (or `was`, before it)."""

    prepare: Callable[[Store], object]
    do: Callable[[Store], object]
    found: Callable[[Store], object]
    done: Callable[[], object]
    was: object = None


def _object(store: Store) -> bytes | None:
    listed = store.names(Bucket.LEDGER, names.entries(CASE))
    return store.get(Bucket.LEDGER, ENTRY, limit=100) if listed else None


def _plan(store: Store) -> UploadPlan | None:
    return store.upload_plan(NAME) if store.names(Bucket.RECORDS, names.UPLOADS) else None


def _parts(store: Store) -> list[str]:
    return [receipt.sha256 for receipt in store.parts(NAME)]


def _payload(store: Store) -> str | None:
    if not store.names(Bucket.RECORDS, names.payloads(CASE)):
        assert len(store.parts(NAME)) == 2
        return None
    return digest(b"".join(store.payload(NAME)))


def _announce(store: Store) -> None:
    store.begin_upload(NAME, _announced())


def _send_tail(store: Store) -> None:
    _announce(store)
    store.put_part(NAME, 2, io.BytesIO(TAIL))


def _send_all(store: Store) -> None:
    _send_tail(store)
    store.put_part(NAME, 1, io.BytesIO(WHOLE[:PART]))


def _complete(store: Store) -> None:
    stored = store.complete_upload(NAME)
    assert (stored.length, stored.sha256) == (len(WHOLE), digest(WHOLE))


def _send_old(store: Store) -> None:
    _announce(store)
    store.put_part(NAME, 1, io.BytesIO(OLD))


DEEDS = {
    "create": Deed(
        prepare=lambda store: None,
        do=lambda store: store.create(Bucket.LEDGER, ENTRY, DATA),
        found=_object,
        done=lambda: DATA,
    ),
    "begin": Deed(prepare=lambda store: None, do=_announce, found=_plan, done=_announced),
    "first part": Deed(
        prepare=_announce,
        do=lambda store: store.put_part(NAME, 2, io.BytesIO(TAIL)),
        found=_parts,
        done=lambda: [digest(TAIL)],
        was=[],
    ),
    "replaced part": Deed(
        prepare=_send_old,
        do=lambda store: store.put_part(NAME, 1, io.BytesIO(WHOLE[:PART])),
        found=_parts,
        done=lambda: [digest(WHOLE[:PART])],
        was=[digest(OLD)],
    ),
    "complete": Deed(prepare=_send_all, do=_complete, found=_payload, done=lambda: digest(WHOLE)),
    "retain": Deed(
        prepare=lambda store: (_send_all(store), _complete(store)),
        do=lambda store: store.retain(NAME, UNTIL),
        found=lambda store: store.retention(NAME),
        done=lambda: UNTIL,
    ),
}


class Scene:
    """A prepared store, and fresh copies of it. Copies share file contents, which a store never changes."""

    def __init__(self, deed: Deed, folder: Path) -> None:
        self.deed = deed
        self._folder = folder
        self._made = 0
        store = FolderStore(folder / "prepared")
        store.check()
        deed.prepare(store)

    def copy(self) -> Path:
        self._made += 1
        root = self._folder / str(self._made)
        shutil.copytree(self._folder / "prepared", root, copy_function=os.link)
        return root

    def steps(self) -> list[str]:
        """The system calls that the deed makes when nothing goes wrong."""
        store = FolderStore(self.copy())
        with Calls() as calls:
            self.deed.do(store)
        assert self.deed.found(store) == self.deed.done()
        return calls.made


@pytest.fixture(params=DEEDS)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    return Scene(DEEDS[request.param], tmp_path)


def _error_of(deed: Callable[[], object], strike: Callable[[int], None]) -> EscrowError | None:
    try:
        with Calls(strike):
            deed()
    except EscrowError as error:
        return error
    return None


def _asides(root: Path) -> list[Path]:
    return [path for bucket in Bucket for path in (root / bucket / ".aside").iterdir()]


def test_process_dying_at_any_system_call_leaves_all_or_nothing(
    scene: Scene, in_child: Callable[[Callable[[], object]], int]
) -> None:
    deed, die = scene.deed, os._exit
    for fatal in range(1, len(scene.steps()) + 1):
        root = scene.copy()

        def strike(number: int, fatal: int = fatal) -> None:
            if number == fatal:
                die(9)

        def run(root: Path = root, strike: Callable[[int], None] = strike) -> None:
            with Calls(strike):
                deed.do(FolderStore(root))

        assert in_child(run) == 9
        store = FolderStore(root)
        assert deed.found(store) in (deed.was, deed.done())
        store.check()
        assert _asides(root) == []
        deed.do(store)
        assert deed.found(store) == deed.done()
        shutil.rmtree(root)


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "storage_full"), (errno.EIO, "storage_failed")])
def test_disk_failing_at_any_system_call_leaves_all_or_nothing(scene: Scene, number: int, code: str) -> None:
    deed = scene.deed
    failed = 0
    for fatal, call in enumerate(scene.steps(), start=1):
        root = scene.copy()
        store = FolderStore(root)

        def strike(count: int, fatal: int = fatal) -> None:
            if count == fatal:
                raise OSError(number, "injected")

        open_before = len(os.listdir("/proc/self/fd"))
        error = _error_of(lambda store=store: deed.do(store), strike)
        if error is None:  # only tidying up failed
            assert deed.found(store) == deed.done()
        else:
            assert (type(error), error.code) == (UnavailableError, code)
            assert deed.found(store) in (deed.was, deed.done())
            failed += 1
        leaked = len(os.listdir("/proc/self/fd")) - open_before
        assert leaked == (call == "close")  # unless closing is what was made to fail
        deed.do(store)
        assert deed.found(store) == deed.done()
        store.check()
        assert _asides(root) == []
        shutil.rmtree(root)
    assert failed > 3


def test_power_cut_after_an_answer_takes_nothing(scene: Scene) -> None:
    store = FolderStore(scene.copy())
    with Calls() as calls:
        scene.deed.do(store)
    assert calls.named_unflushed == []
    assert calls.unflushed == set()
    assert calls.flushed != []


def test_power_cut_after_the_very_first_write_takes_nothing(tmp_path: Path) -> None:
    with Calls() as calls:
        FolderStore(tmp_path / "new").create(Bucket.LEDGER, ENTRY, DATA)
    assert calls.unflushed == set()


@pytest.mark.parametrize("data", [DATA, b"other"])
def test_loser_flushes_what_it_tells_of_before_the_winner_may_have(tmp_path: Path, data: bytes) -> None:
    FolderStore(tmp_path).create(Bucket.LEDGER, ENTRY, DATA)
    folder = os.stat(tmp_path / "ledger" / os.path.dirname(ENTRY)).st_ino
    with Calls() as calls:
        FolderStore(tmp_path).create(Bucket.LEDGER, ENTRY, data)
    assert calls.flushed[-1] == folder


def test_completion_found_without_its_note_flushes_the_payload_before_it_answers(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    _send_all(store)
    _complete(store)
    os.unlink(tmp_path / "records" / names.upload_stored(NAME))
    with Calls() as calls:
        _complete(FolderStore(tmp_path))
    assert os.stat(tmp_path / "records" / names.payloads(CASE)).st_ino in calls.flushed


def test_every_read_that_fails_is_an_error_of_ours(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    _send_all(store)
    _complete(store)
    store.create(Bucket.LEDGER, ENTRY, DATA)
    for deed in (
        lambda: store.get(Bucket.LEDGER, ENTRY, limit=100),
        lambda: store.names(Bucket.LEDGER, ""),
        lambda: b"".join(store.payload(NAME)),
        lambda: store.payload_length(NAME),
        lambda: store.retention(NAME),
        lambda: store.upload_plan(NAME),
        lambda: store.complete_upload(NAME),
        store.check,
    ):
        with Calls() as calls:
            deed()
        for fatal in range(1, calls.count + 1):

            def strike(count: int, fatal: int = fatal) -> None:
                if count == fatal:
                    raise PermissionError(errno.EACCES, "injected")

            error = _error_of(deed, strike)
            assert error is None or error.fields["reason"] == "EACCES"


def test_another_process_doing_the_same_at_any_system_call_is_no_trouble(scene: Scene) -> None:
    deed = scene.deed
    for turn in range(1, len(scene.steps()) + 1):
        root = scene.copy()

        def meanwhile(number: int, turn: int = turn, root: Path = root) -> None:
            if number == turn:
                deed.do(FolderStore(root))

        with Calls(meanwhile):
            deed.do(FolderStore(root))
        assert deed.found(FolderStore(root)) == deed.done()
        assert _asides(root) == []
        shutil.rmtree(root)


def test_another_writer_at_any_system_call_leaves_one_winner(tmp_path: Path) -> None:
    FolderStore(tmp_path).check()
    with Calls() as calls:
        FolderStore(tmp_path).create(Bucket.LEDGER, names.entry(CASE, 0), DATA)
    for turn in range(1, calls.count + 1):
        name, outcomes = names.entry(CASE, turn), []

        def meanwhile(
            number: int, turn: int = turn, name: str = name, outcomes: list[Outcome] = outcomes
        ) -> None:
            if number == turn:
                outcomes.append(FolderStore(tmp_path).create(Bucket.LEDGER, name, b"other"))

        with Calls(meanwhile):
            outcomes.append(FolderStore(tmp_path).create(Bucket.LEDGER, name, DATA))
        assert sorted(outcome.value for outcome in outcomes) == ["already_other", "created"]
        winner = b"other" if outcomes[0] is Outcome.CREATED else DATA
        assert FolderStore(tmp_path).get(Bucket.LEDGER, name, limit=100) == winner


def test_part_sent_at_any_system_call_of_a_completion_is_in_the_payload_or_refused_or_too_late(
    tmp_path: Path,
) -> None:
    """Sending a part while completing has no one right answer; the digest says which part was taken."""
    scene = Scene(DEEDS["complete"], tmp_path)
    new = digest(b"r" * PART + TAIL)
    for turn in range(1, len(scene.steps()) + 1):
        root = scene.copy()

        def meanwhile(number: int, turn: int = turn, root: Path = root) -> None:
            if number == turn:
                with suppress(RefusedError):
                    FolderStore(root).put_part(NAME, 1, io.BytesIO(b"r" * PART))

        with Calls(meanwhile):
            stored = FolderStore(root).complete_upload(NAME)
        assert stored.sha256 in (new, digest(WHOLE))
        assert digest(b"".join(FolderStore(root).payload(NAME))) == stored.sha256
        FolderStore(root).check()
        assert not (root / "records" / names.part_folder(NAME)).exists()
        shutil.rmtree(root)
