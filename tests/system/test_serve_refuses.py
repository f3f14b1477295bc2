"""`escrow serve` itself on storage on which it must not start: its exit code, and its words on the terminal.

What the store finds out is tested in tests/store/test_store_s3_refusals.py; here, that whoever starts a
service is told what is wrong and what to do, and that nothing ever listened.
"""

import io
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import build
from support.meddling import meddling
from support.minio import POLICIES, Minio, Plots, Site, free_port
from support.refusals import refuses
from support.running import SERVE, environment, running

from escrow.admin.minio_setup import Role, add_user, policy
from escrow.config import S3Settings
from escrow.errors import SetupError, UnavailableError
from escrow.store import names
from escrow.store.interface import MIB, Bucket, UploadPlan
from escrow.store.s3 import S3Store

SETUP = 8


@pytest.fixture(scope="module")
def site(minio_server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One for all: nothing here gets as far as changing it."""
    return Site(minio_server, tmp_path_factory.mktemp("site"))


def refused(folder: Path, settings: S3Settings, **more: object) -> str:
    """What `escrow serve` says before it ends."""
    done = subprocess.run(
        [sys.executable, *SERVE], env=environment(folder, settings, **more), capture_output=True, text=True,
        check=False, timeout=90,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (SETUP, ""), done
    assert "Traceback" not in done.stderr
    assert "Listening" not in done.stderr
    lines = [
        line for line in done.stderr.splitlines() if not line.startswith("{")
    ]  # what the log says is JSON
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == ["error", "hint"], done.stderr
    return "\n".join(lines)


def test_server_that_overwrites_what_is_to_be_created(
    minio_server: Minio, minio_plots: Plots, tmp_path: Path
) -> None:
    with meddling(minio_server, overwrites=True) as endpoint:
        said = refused(tmp_path, replace(minio_plots.fresh(), endpoint=endpoint, public_endpoint=None))
    assert "(ledger)" in said
    assert "If-None-Match" in said


@pytest.mark.parametrize("offset", [timedelta(days=1), timedelta(days=-1), timedelta(minutes=6)])
def test_server_whose_clock_is_off(site: Site, tmp_path: Path, offset: timedelta) -> None:
    with meddling(site.server, offset=offset) as endpoint:
        said = refused(tmp_path, replace(site.settings("service"), endpoint=endpoint))
    assert endpoint in said
    assert "network time" in said


def test_address_where_nobody_answers(site: Site, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    said = refused(tmp_path, replace(site.settings("service"), endpoint=endpoint))
    assert endpoint in said
    assert "s3_endpoint" in said


def test_server_that_takes_the_connection_and_says_nothing(
    minio_server: Minio, site: Site, tmp_path: Path
) -> None:
    with minio_server.frozen():
        said = refused(tmp_path, replace(site.settings("service"), patience_s=1))
    assert minio_server.endpoint in said


def test_buckets_without_locks(site: Site, tmp_path: Path) -> None:
    plain = f"{site.buckets}-u"
    with site.client("root") as client:
        for bucket in Bucket:
            client.create_bucket(Bucket=f"{plain}-{bucket.value}")
    said = refused(tmp_path, replace(site.settings("root"), buckets=plain))
    assert f"{plain}-records has no Object Lock" in said
    assert "scripts/minio setup" in said


def test_buckets_that_are_not_there(site: Site, tmp_path: Path) -> None:
    said = refused(tmp_path, replace(site.settings("root"), buckets=f"{site.buckets}-no"))
    assert f"no bucket {site.buckets}-no-records" in said


@pytest.fixture
def other(site: Site, tmp_path: Path) -> Path:
    """Another service's folder; the store is another's already."""
    with running(tmp_path, site.settings("service")):
        pass
    folder = tmp_path / "other"
    folder.mkdir()
    key = folder / "service.key"
    key.touch(mode=0o600)
    key.write_text(build.party("another service").dump())
    return folder


def test_storage_of_another_service(site: Site, other: Path) -> None:
    said = refused(other, site.settings("service"))
    assert build.SERVICE.card.groups in said


def test_policy_of_before_a_service_could_change_its_key(site: Site, other: Path, tmp_path: Path) -> None:
    said = refused(other, lacking(site, tmp_path, "KnowOwnCards", "s3:GetObject"))
    assert "scripts/minio setup --replace-policies" in said


def test_credential_of_another_role(site: Site, tmp_path: Path) -> None:
    said = refused(tmp_path, site.settings("release"))
    assert f"{site.buckets}-" in said
    assert "infra/policies" in said


NEEDED = [
    ("ReadLedger", "s3:ListBucket"),
    ("AppendToLedger", "s3:GetObject"),
    ("AppendToLedger", "s3:PutObject"),
    ("LookAtRecords", "s3:ListBucket"),
    ("LookAtRecords", "s3:GetBucketObjectLockConfiguration"),
    ("KeepRecords", "s3:GetObject"),
    ("KeepRecords", "s3:PutObject"),
    ("TakeUploads", "s3:AbortMultipartUpload"),
    ("TakeUploads", "s3:ListMultipartUploadParts"),
    ("TakeUploads", "s3:GetObjectRetention"),
    ("AskPublic", "s3:GetObject"),
    ("AskPublic", "s3:PutObject"),
]


def lacking(site: Site, folder: Path, statement: str, action: str) -> S3Settings:
    """A service's credential without one action."""
    wanted: Any = policy(POLICIES, Role.SERVICE, site.buckets)
    for one in wanted["Statement"]:
        if one["Sid"] == statement:
            one["Action"].remove(action)
    wanted["Statement"] = [one for one in wanted["Statement"] if one["Action"]]
    credentials = folder / "lacking.json"
    name = f"{site.buckets}-{statement}-{action[3:]}"
    add_user(site.settings("root"), name, wanted, credentials)
    return replace(site.settings("service"), credentials=credentials)


@pytest.mark.parametrize(("statement", "action"), NEEDED)
def test_credential_without_one_right_that_a_service_needs(
    site: Site, tmp_path: Path, statement: str, action: str
) -> None:
    """At the start, and not by the first deposit that needs it, months later."""
    with (
        closing(S3Store(lacking(site, tmp_path, statement, action))) as store,
        refuses(SetupError, "store_access_denied"),
    ):
        store.check()


def test_credential_that_may_not_set_a_retention_is_named_by_the_first_deposit(
    site: Site, tmp_path: Path
) -> None:
    """The one right that cannot be asked for before there is a payload."""
    payload = names.payload("ab" * 32, "01" * 16)
    with closing(S3Store(lacking(site, tmp_path, "TakeUploads", "s3:PutObjectRetention"))) as store:
        store.check()
        store.begin_upload(payload, UploadPlan(length=4, part_size=5 * MIB))
        store.put_part(payload, 1, io.BytesIO(b"data"))
        store.complete_upload(payload)
        with refuses(
            UnavailableError, "storage_failed", operation="put_object_retention", reason="access_denied"
        ):
            store.retain(payload, datetime.now(UTC) + timedelta(days=1))
