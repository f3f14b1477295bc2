"""`escrow doctor` on a real MinIO: rights too few and too many, locks, clock, room; and it leaves nothing."""

import copy
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.doctored import Found, doctored
from support.machine import absent
from support.minio import POLICIES, Minio, Site, minio
from support.s3_acts import LATER, PAYLOAD, retain

from escrow.admin import doctor_store
from escrow.admin.finding import State
from escrow.admin.minio_setup import add_user
from escrow.config import S3Settings
from escrow.store.interface import Bucket
from escrow.store.s3_credentials import Credentials, write_credentials
from escrow.store.s3_rights import harmful, needed


def examined(folder: Path, settings: S3Settings, **more: object) -> Found:
    return doctored(
        folder, store=None, s3_endpoint=settings.endpoint, s3_buckets=settings.buckets,
        s3_credentials=settings.credentials, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def standing(minio_server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One for all tests that leave it as it is."""
    return Site(minio_server, tmp_path_factory.mktemp("doctored"))


def everything(site: Site) -> list[tuple[str, str, str]]:
    """Every version and every mark of all buckets, and unfinished uploads."""
    found = []
    with site.client("root") as root:
        for bucket in Bucket:
            name = site.bucket(bucket)
            answer = root.list_object_versions(Bucket=name)
            rows: Any = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
            found += [(name, one["Key"], one["VersionId"]) for one in rows]
            uploads: Any = root.list_multipart_uploads(Bucket=name).get("Uploads", ())
            found += [(name, one["Key"], one["UploadId"]) for one in uploads]
    return sorted(found)


def test_questions_are_those_of_the_policy_of_the_service() -> None:
    said = set()
    for statement in json.loads((POLICIES / "service.json").read_text())["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        for resource in statement["Resource"]:
            bucket, _, rest = resource.rpartition(":")[2].partition("/")
            said |= {(action, bucket.removeprefix("escrow-"), rest) for action in statement["Action"]}
    asked = {(right.action, right.bucket.value, right.resource) for right in needed()}
    asked.add(("s3:PutObjectRetention", "records", "payloads/*"))  # may_lock
    unasked = {one for one in said - asked if one[0] == "s3:GetBucketLocation"}  # S3 libraries ask, we do not
    assert said - unasked == asked


def test_site_as_set_up_has_no_fault_and_the_doctor_leaves_nothing(standing: Site, tmp_path: Path) -> None:
    examined(tmp_path, standing.settings("service"))
    before = everything(standing)
    found = examined(tmp_path, standing.settings("service"))
    assert everything(standing) == before
    assert [key for _, key, _ in before] == ["canary"] * 3
    assert found.faults == []
    assert f"has the {len(needed())} rights" in found.good("rights")
    assert "it can delete nothing" in found.good("rights")
    assert "differ by no more than" in found.good("clock")


def test_credential_of_the_administrator_has_rights_too_much_and_the_doctor_leaves_nothing(
    standing: Site, tmp_path: Path
) -> None:
    examined(tmp_path, standing.settings("service"))
    before = everything(standing)
    found = examined(tmp_path, standing.settings("root"))
    assert everything(standing) == before
    assert found.faults == ["doctor_right_too_much"] * len(harmful())


def test_credential_of_another_role_lacks_rights_and_each_is_named(standing: Site, tmp_path: Path) -> None:
    found = examined(tmp_path, standing.settings("audit"))
    assert found.faults[0] == "store_access_denied"
    assert set(found.faults[1:]) == {"doctor_right_missing"}
    lacking = [
        one.error.fields for one in found.all if one.error and one.error.code == "doctor_right_missing"
    ]
    assert {"bucket": standing.bucket(Bucket.LEDGER), "what": "write cases/*"} in lacking
    assert {"bucket": standing.bucket(Bucket.RECORDS), "what": "write payloads/*"} in lacking


def with_policy(site: Site, folder: Path, wanted: dict[str, Any]) -> S3Settings:
    """The service's settings, for a user with this policy."""
    write_credentials(folder / "administrator.json", site.server.root)
    file = folder / "other.json"
    root = S3Settings(
        endpoint=site.server.endpoint, buckets=site.buckets, credentials=folder / "administrator.json"
    )
    add_user(root, f"{site.buckets}-{secrets.token_hex(4)}", wanted, file)
    return S3Settings(endpoint=site.server.endpoint, buckets=site.buckets, credentials=file)


def policy(site: Site) -> dict[str, Any]:
    text = (POLICIES / "service.json").read_text().replace(":::escrow-", f":::{site.buckets}-")
    found: dict[str, Any] = json.loads(text)
    return found


def statement(wanted: dict[str, Any], sid: str) -> dict[str, Any]:
    (found,) = (one for one in wanted["Statement"] if one["Sid"] == sid)
    return dict(found)


@pytest.mark.parametrize(
    "sid",
    [
        "ReadLedger",
        "AppendToLedger",
        "KnowOwnCards",
        "LookAtRecords",
        "KeepRecords",
        "TakeUploads",
        "AskPublic",
    ],
)
def test_each_right_that_is_taken_away_is_missed(standing: Site, tmp_path: Path, sid: str) -> None:
    wanted = policy(standing)
    actions = statement(wanted, sid)["Action"]
    taken = next(one for one in actions if one in {right.action for right in needed()})
    actions.remove(taken)
    wanted["Statement"] = [one for one in wanted["Statement"] if one["Action"]]
    found = examined(tmp_path, with_policy(standing, tmp_path, wanted))
    assert "doctor_right_missing" in found.faults
    spoken = [one.error.fields["what"] for one in found.all if one.error and "what" in one.error.fields]
    expected = {one.what for one in needed() if one.action == taken}
    assert expected & set(spoken)


def test_right_to_delete_payloads_alone_is_found(standing: Site, tmp_path: Path) -> None:
    wanted = policy(standing)
    more = copy.deepcopy(statement(wanted, "TakeUploads"))
    more |= {"Sid": "Wrong", "Action": ["s3:DeleteObject"]}
    wanted["Statement"].append(more)
    examined(tmp_path, standing.settings("service"))
    before = everything(standing)
    found = examined(tmp_path, with_policy(standing, tmp_path, wanted))
    assert set(found.faults) == {"doctor_right_too_much"}
    fields = [one.error.fields for one in found.all if one.error and one.error.code == found.faults[0]]
    assert {"bucket": standing.bucket(Bucket.RECORDS), "what": "delete payloads/*"} in fields
    assert all("payloads/*" in str(one["what"]) for one in fields)
    assert everything(standing) == before


def test_right_to_lock_that_is_missing_is_found_once_there_is_a_locked_payload(
    site: Site, tmp_path: Path
) -> None:
    found = examined(tmp_path, site.settings("service"))
    assert "doctor_lock_of_payloads" in found.codes(State.NOTE)
    wanted = policy(site)
    statement(wanted, "TakeUploads")["Action"].remove("s3:PutObjectRetention")
    with site.client("root") as root:
        root.put_object(Bucket=site.bucket(Bucket.RECORDS), Key=PAYLOAD, Body=b"first")
        retain(root, site, PAYLOAD, LATER)
        assert examined(tmp_path, site.settings("service")).faults == []
        found = examined(tmp_path, with_policy(site, tmp_path, wanted))
        kept = root.get_object_retention(Bucket=site.bucket(Bucket.RECORDS), Key=PAYLOAD)["Retention"]
    assert found.faults == ["doctor_right_missing"]
    assert "the credential may not lock payloads/*" in found.words("doctor_right_missing")
    assert kept["RetainUntilDate"] == LATER


def test_buckets_without_lock_are_a_fault(standing: Site, tmp_path: Path) -> None:
    settings = S3Settings(
        endpoint=standing.server.endpoint, buckets=f"{standing.buckets}-u",
        credentials=standing.settings("root").credentials,
    )  # fmt: skip
    with standing.client("root") as root:
        for bucket in Bucket:
            root.create_bucket(Bucket=f"{settings.buckets}-{bucket.value}")
    found = examined(tmp_path, settings)
    assert found.faults[0] == "store_not_locked"
    assert "scripts/minio setup" in found.words("store_not_locked")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("access_key", "store_credentials_refused"), ("secret_key", "store_credentials_refused")],
)
def test_unknown_credential_is_one_fault_and_not_twenty(
    standing: Site, tmp_path: Path, wrong: str, code: str
) -> None:
    known = standing.credentials("service")
    other = {"access_key": known.access_key, "secret_key": known.secret_key} | {wrong: "0" * 20}
    write_credentials(tmp_path / "wrong.json", Credentials(**other))
    found = examined(tmp_path, S3Settings(
        endpoint=standing.server.endpoint, buckets=standing.buckets, credentials=tmp_path / "wrong.json"
    ))  # fmt: skip
    assert found.faults == [code]


def test_missing_buckets_are_one_fault(standing: Site, tmp_path: Path) -> None:
    settings = S3Settings(
        endpoint=standing.server.endpoint,
        buckets="elsewhere",
        credentials=standing.settings("root").credentials,
    )
    assert examined(tmp_path, settings).faults == ["store_bucket_missing"]


def test_clock_that_drifts_is_a_warning_and_one_that_is_off_a_fault(
    standing: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's clock as the doctor and the start check read it; the server's is real."""
    ahead = timedelta(seconds=90)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + ahead

    monkeypatch.setattr(doctor_store, "datetime", Wrong)
    found = examined(tmp_path, standing.settings("service"))
    assert found.faults == []
    assert "doctor_clock_drifts" in found.warnings
    monkeypatch.setattr("escrow.store.s3_check.datetime", Wrong)
    ahead = timedelta(minutes=10)
    assert examined(tmp_path, standing.settings("service")).faults == ["store_clock_differs"]


SOON_S = 60


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[Minio]:
    """A MinIO on a disk of its own, a small one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", disk], capture_output=True
    ).returncode:
        absent("mounting", "run the tests of a full disk as root on Linux")
    try:
        with minio(disk / "data") as server:
            yield server
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_full_disk_of_the_server_is_a_fault(cramped: Minio, tmp_path: Path) -> None:
    site = Site(cramped, tmp_path / "site")
    assert examined(tmp_path, site.settings("service")).faults == []
    with suppress(OSError), (tmp_path / "disk/filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(65536))
    deadline = time.monotonic() + SOON_S  # MinIO looks at its disk now and then
    while "storage_full" not in (faults := examined(tmp_path, site.settings("service")).faults):
        assert time.monotonic() < deadline, faults


def test_server_that_stands_still_is_one_fault(tmp_path: Path) -> None:
    with minio(tmp_path / "data") as server:
        settings = Site(server, tmp_path / "site").settings("service")
    assert examined(tmp_path, settings).faults == ["store_unreachable"]
