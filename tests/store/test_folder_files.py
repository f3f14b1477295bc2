"""What lies on the disk: modes, what crashes left, what others put there, what is damaged or missing."""

import errno
import fcntl
import io
import os
import stat
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from store.contract import CASE, ENTRY, refused
from store.contract_uploads import NAME, PART, PARTS, PLAN, SMALL, SMALL_PLAN, deposit, digest, put, read
from support.machine import require_root

from escrow.errors import NotFoundError, SetupError, UnavailableError
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import MIB, Bucket, Outcome, UploadPlan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> FolderStore:
    store = FolderStore(root)
    store.check()
    return store


def asides(root: Path) -> list[Path]:
    return [path for bucket in Bucket for path in (root / bucket / ".aside").iterdir()]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_nobody_else_may_read_the_files(root: Path, store: FolderStore) -> None:
    store.create(Bucket.LEDGER, ENTRY, b"entry")
    deposit(store)
    store.begin_upload(names.payload(CASE, "02" * 16), SMALL_PLAN)
    put(store, 1, SMALL, names.payload(CASE, "02" * 16))
    store.retain(NAME, datetime(2090, 1, 1, tzinfo=UTC))
    for path in [root, *root.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


@pytest.mark.parametrize("there", [False, True])
def test_what_root_writes_is_not_kept_from_the_user_of_the_service(root: Path, there: bool) -> None:
    require_root("another owner for a file")
    if there:
        root.mkdir()
    os.chown(root if there else root.parent, 12345, 12346)
    store = FolderStore(root)
    store.check()
    store.create(Bucket.LEDGER, ENTRY, b"entry")
    deposit(store)
    found = {(path.stat().st_uid, path.stat().st_gid) for path in [root, *root.rglob("*")]}
    assert found == {(12345, 12346)}


def test_killed_writers_leave_nothing_that_counts_and_nothing_at_the_next_start(
    root: Path, store: FolderStore, in_child: Callable[[Callable[[], None]], int]
) -> None:
    store.begin_upload(NAME, SMALL_PLAN)

    class Deadly(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                os._exit(9)
            return super().read(3)

    assert in_child(lambda: store.put_part(NAME, 1, Deadly(SMALL))) == 9
    assert len(asides(root)) == 1
    assert store.parts(NAME) == []
    FolderStore(root).check()
    assert asides(root) == []


def test_sweep_leaves_living_writers_alone(root: Path, store: FolderStore) -> None:
    store.begin_upload(NAME, SMALL_PLAN)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            FolderStore(root).check()
            return super().read(5)

    store.put_part(NAME, 1, Slow(SMALL))
    assert store.complete_upload(NAME).sha256 == digest(SMALL)


def test_sweep_between_making_an_aside_file_and_locking_it_costs_one_more_try(
    root: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = fcntl.flock, []

    def late(fd: int, operation: int) -> None:
        if not swept:
            swept.append(fd)
            FolderStore(root).check()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    assert store.create(Bucket.LEDGER, ENTRY, b"entry") is Outcome.CREATED
    assert swept
    assert asides(root) == []


def test_full_disk_makes_room_from_what_crashes_left(
    root: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = root / "ledger" / ".aside" / "left"
    leftover.write_bytes(b"by a crash")

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "injected")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        refused(UnavailableError, "storage_full", lambda: store.create(Bucket.LEDGER, ENTRY, b"entry"))
    assert asides(root) == []
    refused(NotFoundError, "object_unknown", lambda: store.get(Bucket.LEDGER, ENTRY, limit=9))
    assert store.create(Bucket.LEDGER, ENTRY, b"entry") is Outcome.CREATED


def test_short_writes_are_continued(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:3])))
    store.create(Bucket.LEDGER, ENTRY, b"longer than three")
    assert store.get(Bucket.LEDGER, ENTRY, limit=99) == b"longer than three"


def test_filesystem_without_hard_links_is_refused_at_start(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "injected")

    monkeypatch.setattr(os, "link", no_links)
    error = refused(SetupError, "store_unusable", FolderStore(root).check)
    assert error.fields == {"bucket": "ledger", "reason": "EPERM"}


@pytest.mark.parametrize("where", ["nowhere/at/all", "file/store", "file"])
def test_folder_that_cannot_be_made_is_refused_at_start(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    refused(SetupError, "store_unusable", FolderStore(tmp_path / where).check)


def test_folder_that_vanishes_is_storage_failing_not_a_new_store(root: Path, store: FolderStore) -> None:
    store.create(Bucket.LEDGER, ENTRY, b"entry")
    root.rename(root.with_name("unmounted"))
    following = names.entry(CASE, 2)
    refused(UnavailableError, "storage_failed", lambda: store.create(Bucket.LEDGER, following, b"entry"))
    assert not root.exists()


def test_foreign_files_are_passed_over(root: Path, store: FolderStore) -> None:
    store.create(Bucket.LEDGER, ENTRY, b"entry")
    deposit(store)
    later = names.payload(CASE, "02" * 16)
    store.begin_upload(later, SMALL_PLAN)
    put(store, 1, SMALL, later)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir() and path.name != ".aside")]:
        (folder / ".DS_Store").write_bytes(b"")
        (folder / "lost+found").mkdir()
        (folder / "README").write_bytes(b"")
    store.check()
    assert store.names(Bucket.LEDGER, "") == [names.CANARY, ENTRY]
    assert store.names(Bucket.RECORDS, names.payloads(CASE)) == [NAME]
    assert store.retention(NAME) is None
    assert [receipt.number for receipt in store.parts(later)] == [1]
    assert store.complete_upload(later).sha256 == digest(SMALL)


def test_symbolic_link_is_not_followed(root: Path, store: FolderStore, tmp_path: Path) -> None:
    store.create(Bucket.LEDGER, ENTRY, b"entry")
    (tmp_path / "secret").write_bytes(b"elsewhere")
    (root / "ledger" / names.entry(CASE, 2)).symlink_to(tmp_path / "secret")
    refused(
        UnavailableError, "storage_failed", lambda: store.get(Bucket.LEDGER, names.entry(CASE, 2), limit=99)
    )


@pytest.mark.parametrize("damage", ["flipped bit", "cut", "grown", "empty"])
def test_part_damaged_on_disk_is_named_and_can_be_sent_again(
    root: Path, store: FolderStore, damage: str
) -> None:
    store.begin_upload(NAME, PLAN)
    for number, data in PARTS.items():
        put(store, number, data)
    path = root / "records" / names.part(NAME, 2)
    data = bytearray(path.read_bytes())
    if damage == "flipped bit":
        data[PART // 2] ^= 1
    path.write_bytes({"cut": data[:-1], "grown": data + b"x", "empty": b""}.get(damage, data))
    error = refused(UnavailableError, "part_damaged", lambda: store.complete_upload(NAME))
    assert error.fields == {"number": 2}
    refused(NotFoundError, "object_unknown", lambda: store.payload_length(NAME))
    put(store, 2, PARTS[2])
    assert store.complete_upload(NAME).length == PLAN.length


def test_part_without_a_digest_is_not_listed_as_received(root: Path, store: FolderStore) -> None:
    store.begin_upload(NAME, SMALL_PLAN)
    put(store, 1, SMALL)
    (root / "records" / names.part(NAME, 1)).write_bytes(b"")
    refused(UnavailableError, "part_damaged", lambda: store.parts(NAME))


def test_payload_cut_on_disk_is_not_passed_off_as_whole(root: Path, store: FolderStore) -> None:
    deposit(store)
    chunks = store.payload(NAME)
    os.truncate(root / "records" / NAME, 5)
    refused(UnavailableError, "storage_failed", lambda: list(chunks))
    refused(UnavailableError, "storage_failed", lambda: store.complete_upload(NAME))


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b"[]", b"null", b'{"length":0,"part_size":0}', b"\xff", b"[" * 999]
)
def test_damaged_note_is_an_error_of_ours(root: Path, store: FolderStore, junk: bytes) -> None:
    deposit(store)
    (root / "records" / names.upload_stored(NAME)).write_bytes(junk)
    refused(UnavailableError, "storage_failed", lambda: store.complete_upload(NAME))
    (root / "records" / names.upload_plan(NAME)).write_bytes(junk)
    refused(UnavailableError, "storage_failed", lambda: store.upload_plan(NAME))


def test_parts_left_by_a_crash_after_completion_are_swept_and_open_uploads_stay(
    root: Path, store: FolderStore
) -> None:
    deposit(store)
    stray = root / "records" / names.part(NAME, 1)
    stray.parent.mkdir()
    stray.write_bytes(b"left")
    other = names.payload(CASE, "02" * 16)
    store.begin_upload(other, SMALL_PLAN)
    put(store, 1, SMALL, other)
    FolderStore(root).check()
    assert not stray.parent.exists()
    assert len(store.parts(other)) == 1


def test_payload_readers_leave_no_file_open(store: FolderStore) -> None:
    deposit(store, b"x" * (3 * MIB))
    before = open_files()
    read(store)
    store.payload(NAME)  # never started
    started = store.payload(NAME)
    next(started)
    assert open_files() == before + 1
    del started
    assert open_files() == before


def test_upload_and_payload_take_constant_memory(store: FolderStore) -> None:
    size = 48 * MIB

    class Zeros(io.RawIOBase):
        left = size

        def read(self, wanted: int = -1) -> bytes:
            given = min(wanted, self.left)
            self.left -= given
            return bytes(given)

    store.begin_upload(NAME, UploadPlan(length=size, part_size=size))
    tracemalloc.start()
    try:
        store.put_part(NAME, 1, Zeros())  # type: ignore[arg-type]
        store.complete_upload(NAME)
        assert sum(map(len, store.payload(NAME))) == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_listing_a_case_opens_no_other_case(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        store.create(Bucket.LEDGER, names.entry(f"{number:064x}", 1), b"")
    opened: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (opened.append(folder), real(folder))[1])
    store.names(Bucket.LEDGER, names.entries(f"{7:064x}"))
    first, opened[:] = len(opened), []
    store.names(Bucket.LEDGER, names.CASES, after=names.after_case(f"{7:064x}"), limit=1)
    assert first == 1
    assert len(opened) <= 4
