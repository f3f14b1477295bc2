"""A sweep and a deposit under way, interleaved at every call that either makes to storage; and two sweeps.

Whatever is acknowledged is there afterwards, byte for byte. Whatever was refused for the sweep's sake can be
done anew.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.racing import in_threads
from support import build
from support.kept import CASE, KEPT, now
from support.leftovers import AT_ONCE, files, grow_old, leftovers, objects_of, sweep, upload
from support.office import Office

from escrow.admin.sweep import remove
from escrow.model.record import Payload
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.opening import Archive, open_archive

DATA = b"ciphertext of a race"
DEPOSITOR = build.SEATS["claimant"]
UPLOAD = build.bytes_of("upload race", 16).hex()


class Hooked:
    """Passes every call on to `inner`, and does `deed` right before call number `at`, counted from 1."""

    def __init__(self, inner: object, at: int, deed: Callable[[], object]) -> None:
        self._inner = inner
        self.calls, self.struck = 0, False
        self._at, self._deed = at, deed

    def strike(self, at: int, deed: Callable[[], object]) -> None:
        """Count from now on."""
        self.calls, self._at, self._deed = 0, at, deed

    def counting(self, other: object) -> Any:
        """Another object whose calls count here too."""
        return _Passing(self, other)

    def come(self) -> None:
        self.calls += 1
        if self.calls == self._at:
            self.struck = True
            self._deed()

    def __getattr__(self, call: str) -> Any:
        return getattr(_Passing(self, self._inner), call)


class _Passing:
    def __init__(self, hook: Hooked, inner: object) -> None:
        self._hook, self._inner = hook, inner

    def __getattr__(self, call: str) -> Any:
        target = getattr(self._inner, call)

        def passed(*args: Any, **more: Any) -> Any:
            self._hook.come()
            return target(*args, **more)

        return passed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A service's folder with one case that all have accepted; the case; a deposit that is not posted yet."""
    office = Office(tmp_path_factory.mktemp("office"))
    office.clock.now = now()
    case = office.accepted()
    payload = Payload(sha256=hashlib.sha256(DATA).hexdigest(), length=len(DATA), upload=UPLOAD)
    sealed = build.seal_record(case.state, DEPOSITOR, payload=payload)
    return office.folder, case.id, case.statement(DEPOSITOR, sealed.deed)


@pytest.fixture
def folder(made: tuple[Path, str, str], tmp_path: Path) -> Path:
    """A copy of that folder."""
    shutil.copytree(made[0], tmp_path / "copy")
    return tmp_path / "copy"


def office_over(folder: Path, store: Any = None) -> Office:
    office = Office(folder, store=store)
    office.clock.now = now()
    return office


def deposit(office: Office, case: str, raw: str) -> bool:
    """Upload and deposit. False: refused on the way."""
    return (
        office.begin(case, DEPOSITOR, UPLOAD, len(DATA)).status_code == 200
        and office.send_part(case, DEPOSITOR, UPLOAD, 1, DATA).status_code == 200
        and office.post(case, raw).status_code in (200, 201)
    )


def assert_kept(folder: Path, case: str) -> None:
    """The payload is there, whole, and for its term."""
    store = FolderStore(folder / "store")
    name = names.payload(case, UPLOAD)
    assert b"".join(store.payload(name)) == DATA
    until = store.retention(name)
    assert until is not None
    assert until > now() + timedelta(days=364)


def assert_settled(folder: Path, made: tuple[Path, str, str], *, acknowledged: bool) -> None:
    """What was acknowledged is kept, also by the next sweep; what was refused can be done anew."""
    with open_archive(folder / "store") as archive:
        sweep(archive, AT_ONCE)
    if not acknowledged:
        assert deposit(office_over(folder), *made[1:])
    assert_kept(folder, made[1])


@pytest.mark.parametrize("part", range(4))
def test_sweep_at_any_call_of_a_deposit_loses_nothing_that_is_acknowledged(
    made: tuple[Path, str, str], folder: Path, part: int
) -> None:
    """The most impatient sweep: everything that is not retained goes, however young."""
    calls, at = 10**6, 1 + part
    while at <= calls:
        copy = folder.with_name(f"at{at}")
        shutil.copytree(folder, copy)
        with open_archive(copy / "store") as archive:
            hooked = Hooked(FolderStore(copy / "store"), 0, lambda: None)
            office = office_over(copy, hooked)
            hooked.strike(at, partial(sweep, archive, AT_ONCE))
            acknowledged = deposit(office, *made[1:])
        if acknowledged and not hooked.struck:
            calls = hooked.calls
        assert_settled(copy, made, acknowledged=acknowledged)
        at += 4
    assert calls > 10


def test_deposit_at_any_call_of_a_sweep_is_lost_by_none(made: tuple[Path, str, str], folder: Path) -> None:
    """The payload has lain there for long; its deposit comes while the sweep is about to remove it."""
    office = office_over(folder)
    case, raw = made[1:]
    assert office.begin(case, DEPOSITOR, UPLOAD, len(DATA)).status_code == 200
    assert office.send_part(case, DEPOSITOR, UPLOAD, 1, DATA).status_code == 200
    FolderStore(folder / "store").complete_upload(names.payload(case, UPLOAD))
    at, struck, outcomes = 1, True, set()
    while struck:
        copy = folder.with_name(f"at{at}")
        shutil.copytree(folder, copy)
        answers: list[int] = []
        with open_archive(copy / "store") as archive:
            late = office_over(copy)
            hook = Hooked(archive.store, at, lambda: answers.append(late.post(case, raw).status_code))  # noqa: B023
            sweep(
                replace(archive, store=hook.counting(archive.store), sweeper=hook.counting(archive.sweeper)),
                AT_ONCE,
            )
        struck = hook.struck
        if struck:
            assert_settled(copy, made, acknowledged=answers[0] in (200, 201))
            outcomes.add(answers[0] in (200, 201))
        at += 1
    assert outcomes == {True, False}


def test_deposit_between_finding_and_removing_wins(made: tuple[Path, str, str], folder: Path) -> None:
    case, raw = made[1:]
    office = office_over(folder)
    office.begin(case, DEPOSITOR, UPLOAD, len(DATA))
    office.send_part(case, DEPOSITOR, UPLOAD, 1, DATA)
    with open_archive(folder / "store") as archive:
        (found,) = leftovers(archive, AT_ONCE)
        assert office.post(case, raw).status_code == 201
        shutil.rmtree(folder / "store/records/retention")  # and no lock would have told: the ledger does
        assert not remove(archive, found)
    assert FolderStore(folder / "store").payload_length(names.payload(case, UPLOAD)) == len(DATA)


def test_several_sweeps_at_once_remove_all_and_fail_at_nothing(tmp_path: Path) -> None:
    shutil.copytree(KEPT, tmp_path / "store")
    before = files(tmp_path / "store")
    with open_archive(tmp_path / "store") as archive:
        for number in range(30):
            grow_old(tmp_path / "store", upload(archive.store, number, whole=number % 2 == 0))
        in_threads(lambda _: sweep(archive), 4)
    assert files(tmp_path / "store") == before


def test_sweep_that_dies_at_any_call_is_finished_by_the_next(tmp_path: Path) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    at, struck = 1, True
    while struck:
        root = tmp_path / str(at)
        shutil.copytree(KEPT, root)
        before = files(root)
        with open_archive(root) as archive:
            for number in (1, 2):
                grow_old(root, upload(archive.store, number, whole=number == 2))
            hook = Hooked(archive.sweeper, at, die)
            try:
                sweep(replace(archive, sweeper=hook))  # type: ignore[arg-type]
            except Died:
                sweep(archive)
        struck = hook.struck
        assert files(root) == before
        at += 1
    assert at > 10


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_whatever_lies_around_named_objects_stay_and_nothing_young_goes(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        shutil.copytree(KEPT, root)
        for path in sorted((root / "records").rglob("*")):  # however old, retained or not
            os.utime(path, (0, 0))
        if data.draw(st.booleans()):
            shutil.rmtree(root / "records/retention")
        kept, gone = set(files(root)), set()
        with open_archive(root) as archive:
            for number in range(data.draw(st.integers(0, 5))):
                case = data.draw(st.sampled_from([CASE, "0" * 64, "f" * 64]))
                name = upload(archive.store, number, case=case, whole=data.draw(st.booleans()))
                objects = gone if _age(archive, root, name, data) else kept
                objects.update(path for path in files(root) if f"{number:032x}" in path)
            before = files(root)
            sweep(archive)
            sweep(archive)
        after = files(root)
        assert {path: before[path] for path in kept} == {path: after[path] for path in kept}
        assert not gone & set(after)


def _age(archive: Archive, root: Path, name: str, data: st.DataObject) -> bool:
    """Give an upload an age, and a payload perhaps a retention. True: it is to be swept."""
    days = data.draw(st.sampled_from([0, 3, 6, 8, 400]))
    until = data.draw(st.sampled_from([None, -30, -9, -5, 1, 365]))
    if until is not None and (root / "records" / name).exists():
        archive.store.retain(name, now() + timedelta(days=until))
    else:
        until = None
    for one in objects_of(name):
        if (root / "records" / one).exists() and data.draw(st.integers(0, 5)) == 0:
            (root / "records" / one).unlink()  # a crash left the rest
            if one == names.upload_plan(name):  # which goes after its parts, and comes before them
                shutil.rmtree(root / "records" / names.part_folder(name), ignore_errors=True)
            if one == name:
                shutil.rmtree(root / "records" / names.retention_folder(name), ignore_errors=True)
                until = None
    grow_old(root, name, days)
    return days > 7 and (until is None or until < -7)
