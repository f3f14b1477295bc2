"""The sweep on MinIO with the credential that production gives it, and what MinIO refuses it."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from support.leftovers import AT_ONCE, leftovers, now, sweep, upload
from support.minio import Minio, Site
from support.refusals import refuses

from escrow.admin.sweep import remove
from escrow.errors import NotFoundError, RefusedError, UnavailableError
from escrow.store.interface import Bucket
from escrow.store.opening import open_archive
from escrow.store.s3 import S3Store


@pytest.fixture
def fresh(minio_server: Minio, tmp_path: Path) -> Site:
    return Site(minio_server, tmp_path / "site")


def uploaded(site: Site, *, whole: bool) -> str:
    """As a service leaves it."""
    store = S3Store(site.settings("service"))
    try:
        return upload(store, 1, whole=whole)
    finally:
        store.close()


@pytest.mark.parametrize("whole", [False, True])
def test_upload_that_was_given_up_goes_and_leaves_no_version(fresh: Site, whole: bool) -> None:
    uploaded(fresh, whole=whole)
    with open_archive(fresh.settings("sweep")) as archive:
        assert len(sweep(archive, AT_ONCE)) == 1
        assert sweep(archive, AT_ONCE) == []
        assert archive.versions is not None
        assert list(archive.versions.versions(Bucket.RECORDS, "")) == []
    with fresh.client("root") as root:
        assert root.list_multipart_uploads(Bucket=fresh.bucket(Bucket.RECORDS)).get("Uploads", []) == []


def test_deposit_that_comes_between_looking_and_removing_wins(fresh: Site) -> None:
    name = uploaded(fresh, whole=True)
    with open_archive(fresh.settings("sweep")) as archive:
        (found,) = list(leftovers(archive, AT_ONCE))
        store = S3Store(fresh.settings("service"))
        store.retain(name, now() + timedelta(days=1))
        store.close()
        assert not remove(archive, found)
        assert archive.store.payload_length(name) > 0


def test_lock_refuses_what_a_sweep_would_remove_by_mistake(fresh: Site) -> None:
    name = uploaded(fresh, whole=True)
    store = S3Store(fresh.settings("service"))
    store.retain(name, now() + timedelta(days=1))
    store.close()
    with open_archive(fresh.settings("sweep")) as archive:
        with refuses(RefusedError, "object_retained"):
            archive.sweeper.discard(name)
        with pytest.raises(UnavailableError) as caught:  # and it may not set another time either
            archive.store.retain(name, now() + timedelta(days=2))
        assert caught.value.fields["reason"] == "access_denied"


def test_whoever_goes_on_with_a_swept_upload_is_told_that_it_is_unknown(fresh: Site) -> None:
    store = S3Store(fresh.settings("service"))
    name = upload(store, 1)
    with open_archive(fresh.settings("sweep")) as archive:
        archive.sweeper.discard_upload(name)
    with refuses(NotFoundError, "upload_unknown"):
        store.put_part(name, 1, io.BytesIO(b"ciphertext"))
    store.close()
