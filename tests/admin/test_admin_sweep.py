"""What a sweep must never touch, and what it removes."""

import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from support.minio import Minio, Site
from support.refusals import refuses

from escrow.admin.sweep import Deed, Found, LeftAlone, carry_out, find_short, find_stale
from escrow.errors import MalformedError, NotFoundError, RefusedError, SetupError, UnavailableError
from escrow.store import names
from escrow.store.interface import Bucket, UploadPlan
from escrow.store.opening import Archive, open_archive
from escrow.store.s3 import S3Store

KEPT = Path(__file__).parents[1] / "golden/v1/operator/service/store"
(CASE,) = (path.name for path in (KEPT / "ledger/cases").iterdir())
OWNER, DATA = "ab" * 32, b"ciphertext"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(KEPT, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def archive(root: Path) -> Iterator[Archive]:
    with open_archive(root) as found:
        yield found


def upload(archive: Archive, number: int, *, case: str = CASE, whole: bool = False) -> str:
    """Announced as the service does it, with one part, and completed if `whole`."""
    name = names.payload(case, f"{number:032x}")
    archive.store.create(Bucket.RECORDS, names.staged(case, OWNER, f"{number:032x}"), b"escrow.staged.v1\n")
    archive.store.begin_upload(name, UploadPlan(length=len(DATA), part_size=len(DATA), owner=OWNER))
    archive.store.put_part(name, 1, io.BytesIO(DATA))
    if whole:
        archive.store.complete_upload(name)
    return name


def grow_old(root: Path, name: str, days: int = 8) -> None:
    then = time.time() - days * 86400
    os.utime(root / "records" / names.upload_plan(name), (then, then))


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def sweep(archive: Archive) -> list[Found]:
    found = [one for one in find_stale(archive, clock=now) if isinstance(one, Found)]
    assert all(carry_out(archive, one) for one in found)
    return found


def test_what_entries_name_stays_however_old(archive: Archive, root: Path) -> None:
    for plan in (root / "records/uploads").rglob("plan"):
        os.utime(plan, (0, 0))
    shutil.rmtree(root / "records/retention")
    before = files(root)
    assert sweep(archive) == []
    assert files(root) == before


def test_upload_of_yesterday_stays(archive: Archive, root: Path) -> None:
    grow_old(root, upload(archive, 1), days=1)
    grow_old(root, upload(archive, 2, whole=True), days=1)
    assert sweep(archive) == []


def test_payload_whose_deposit_is_under_way_stays(archive: Archive, root: Path) -> None:
    name = upload(archive, 1, whole=True)
    grow_old(root, name)
    (found,) = list(find_stale(archive, clock=now))
    assert isinstance(found, Found)
    archive.store.retain(name, now() + timedelta(days=1))  # the deposit comes between looking and removing
    assert not carry_out(archive, found)
    assert archive.store.payload_length(name) == len(DATA)
    assert list(find_stale(archive, clock=now)) == []


@pytest.mark.parametrize("whole", [False, True])
def test_upload_that_was_given_up_goes_with_all_its_notes(archive: Archive, root: Path, whole: bool) -> None:
    before = files(root)
    name = upload(archive, 1, whole=whole)
    grow_old(root, name)
    assert [one.deed for one in sweep(archive)] == [Deed.DISCARD_PAYLOAD if whole else Deed.DISCARD_UPLOAD]
    assert files(root) == before
    assert sweep(archive) == []


def test_two_sweeps_at_once_do_no_harm(archive: Archive, root: Path) -> None:
    grow_old(root, upload(archive, 1, whole=True))
    first, second = (list(find_stale(archive, clock=now)) for _ in range(2))
    assert [carry_out(archive, one) for one in (*first, *second) if isinstance(one, Found)] == [True, False]


def test_damaged_case_is_left_alone_and_named(archive: Archive, root: Path) -> None:
    name = upload(archive, 1, whole=True)
    grow_old(root, name)
    (root / "ledger" / names.entry(CASE, 3)).write_bytes(b"not an entry")
    (found,) = list(find_stale(archive, clock=now))
    assert isinstance(found, LeftAlone)
    assert archive.store.payload_length(name) == len(DATA)


def test_clock_that_is_off_by_a_day_sweeps_nothing(archive: Archive, root: Path) -> None:
    grow_old(root, upload(archive, 1))
    with refuses(SetupError, "clocks_differ"):
        list(find_stale(archive, clock=lambda: now() + timedelta(days=1)))


@pytest.mark.parametrize("kind", ["share", "entry"])
def test_share_or_entry_cannot_be_discarded_at_all(archive: Archive, kind: str) -> None:
    name = {"share": names.share(CASE, "ab" * 32), "entry": names.entry(CASE, 0)}[kind]
    with refuses(MalformedError, "object_name_malformed"):
        archive.sweeper.discard(name)


def test_retained_payload_cannot_be_discarded(archive: Archive) -> None:
    name = upload(archive, 1, whole=True)
    archive.store.retain(name, now() + timedelta(days=1))
    with refuses(RefusedError, "object_retained"):
        archive.sweeper.discard(name)


def test_extension_that_a_crash_left_out_is_made_up_for(archive: Archive, root: Path) -> None:
    shutil.rmtree(root / "records/retention")
    found = [one for one in find_short(archive, clock=now) if isinstance(one, Found)]
    assert len(found) == len(list((root / "records/payloads").rglob("*/*")))
    for one in found:
        carry_out(archive, one)
        assert archive.store.retention(names.payload(one.case, one.upload)) >= one.until  # type: ignore[operator]
    assert list(find_short(archive, clock=now)) == []


class OnMinio:
    """The same with the credentials that production has."""

    def __init__(self, server: Minio, folder: Path) -> None:
        self.site = Site(server, folder)

    def service(self, deed: Callable[[Archive], str]) -> str:
        with open_archive(self.site.settings("service")) as archive:
            return deed(archive)


@pytest.fixture
def minio(minio_server: Minio, tmp_path: Path) -> OnMinio:
    return OnMinio(minio_server, tmp_path / "site")


@pytest.mark.parametrize("whole", [False, True])
def test_minio_upload_that_was_given_up_goes_and_leaves_no_version(minio: OnMinio, whole: bool) -> None:
    minio.service(partial(upload, number=1, whole=whole))
    with open_archive(minio.site.settings("sweep")) as archive:
        (found,) = list(find_stale(archive, clock=now, stale=timedelta(days=-1)))
        assert isinstance(found, Found)
        assert carry_out(archive, found)
        assert archive.versions is not None
        assert list(archive.versions.versions(Bucket.RECORDS, "")) == []
    with minio.site.client("root") as root:
        assert root.list_multipart_uploads(Bucket=minio.site.bucket(Bucket.RECORDS)).get("Uploads", []) == []


def test_minio_lock_refuses_what_a_sweep_would_remove_by_mistake(minio: OnMinio) -> None:
    name = minio.service(partial(upload, number=1, whole=True))
    store = S3Store(minio.site.settings("service"))
    store.retain(name, now() + timedelta(days=1))
    store.close()
    with open_archive(minio.site.settings("sweep")) as archive:
        with refuses(RefusedError, "object_retained"):
            archive.sweeper.discard(name)
        with pytest.raises(UnavailableError):  # and it may not take the lock away either
            archive.store.retain(name, now() + timedelta(days=2))


def test_upload_that_was_swept_is_unknown_to_whoever_goes_on_with_it(minio: OnMinio) -> None:
    store = S3Store(minio.site.settings("service"))
    name = minio.service(partial(upload, number=1))
    assert store.upload_plan(name).length == len(DATA)
    with open_archive(minio.site.settings("sweep")) as archive:
        archive.sweeper.discard_upload(name)
    with refuses(NotFoundError, "upload_unknown"):
        store.put_part(name, 1, io.BytesIO(DATA))
    store.close()
