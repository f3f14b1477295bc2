"""Two administrators release from MinIO at once, with the credential `release` and no service; all of it is
checked again with nothing but what they published.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from client.town import Town
from support.kept import SCRIPTS, environment, fill, now
from support.minio import Site

from escrow.client import PathChoice
from escrow.store import names
from escrow.store.interface import MIB, Bucket
from escrow.store.names import Released
from escrow.store.s3 import S3Store

FORGED, NOT_FOUND, SETUP = 5, 6, 8


@pytest.fixture
def filled(site: Site) -> Site:
    return fill(site)


def start(site: Site, role: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / "release.py"), *words],
        env=environment(site, role),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    out, said = process.communicate(timeout=60)
    assert process.returncode == status, f"{process.returncode}: {out}\n{said}"
    return out, said


def test_credential_that_may_only_read_publishes_nothing(filled: Site) -> None:
    listed = ended(start(filled, "audit", "due", "--json"))[0]
    rows = [json.loads(line) for line in listed.splitlines()]
    asked = next(row for row in rows if row["standing"] == "to publish")
    words = ("publish", asked["case"], asked["request"], "--yes")
    for again in (words, ("publish", "--due", "--yes")):
        said = ended(start(filled, "audit", *again, "--json"), SETUP)[1]
        assert json.loads(said)["error"]["code"] == "store_access_denied"
    with filled.client("root") as root:
        found = root.list_objects_v2(Bucket=filled.bucket(Bucket.PUBLIC), Prefix=names.RELEASES)
    assert found["KeyCount"] == 0


def test_two_administrators_at_once_publish_one_release_that_proves_itself(
    filled: Site, tmp_path: Path
) -> None:
    both = [start(filled, "release", "publish", "--due", "--yes", "--json") for _ in range(2)]
    told = [json.loads(line) for process in both for line in ended(process)[0].splitlines()]
    written = [item for line in told for item in line["written"]]
    assert sorted(written) == sorted(item.value for item in Released)  # each by one of them
    case, request = told[0]["case"], told[0]["request"]
    assert "signed off by" in ended(start(filled, "audit", "check", case, request))[0]

    copy = tmp_path / "copy"
    copy.mkdir()
    with filled.client("root") as root:
        for item in Released:
            where = {"Bucket": filled.bucket(Bucket.PUBLIC), "Key": names.released(case, request, item)}
            (copy / item.value).write_bytes(root.get_object(**where)["Body"].read())
            assert (
                len(root.list_object_versions(Bucket=where["Bucket"], Prefix=where["Key"])["Versions"]) == 1
            )
        root.put_object(
            Bucket=filled.bucket(Bucket.PUBLIC),
            Key=names.released(case, request, Released.PAYLOAD),
            Body=b"another",
        )
    assert "payload" in ended(start(filled, "release", "check", case, request), FORGED)[1]
    assert "signed off by" in ended(start(filled, "release", "check", case, request, "--from", str(copy)))[0]


def test_anybody_checks_a_release_without_a_credential_and_sees_nothing_else(filled: Site) -> None:
    ended(start(filled, "release", "publish", "--due", "--yes"))
    rows = [json.loads(line) for line in ended(start(filled, "audit", "due", "--json"))[0].splitlines()]
    asked = next(row for row in rows if row["standing"] == "published")
    anybody = {"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
    anybody |= {"ESCROW_S3_ENDPOINT": filled.server.endpoint, "ESCROW_S3_BUCKETS": filled.buckets}

    def typed(*words: str, status: int) -> tuple[str, str]:
        command = [sys.executable, str(SCRIPTS / "release.py"), *words, "--json"]
        done = subprocess.run(command, env=anybody, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout, done.stderr

    told, _ = typed("check", asked["case"], asked["request"], status=0)
    assert json.loads(told)["deed"] == "checked"
    assert _code(typed("check", asked["case"], "ab" * 32, status=NOT_FOUND)) == "not_published"
    assert _code(typed("due", status=SETUP)) == "store_credential_needed"


def _code(told: tuple[str, str]) -> str:
    return str(json.loads(told[1])["error"]["code"])


def test_release_of_a_document_longer_than_one_put_is_whole_and_proves_itself(
    site: Site, tmp_path: Path
) -> None:
    document = b"".join(b"page %08d\n" % number for number in range(1_250_000))
    assert len(document) > 16 * MIB
    deposited_for_all(site, tmp_path, document)
    both = [start(site, "release", "publish", "--due", "--yes", "--json") for _ in range(2)]
    told = [json.loads(line) for process in both for line in ended(process)[0].splitlines()]
    written = [item for line in told for item in line["written"]]
    assert sorted(written) == sorted(item.value for item in Released)
    case, request = told[0]["case"], told[0]["request"]
    assert "signed off by" in ended(start(site, "audit", "check", case, request))[0]
    with site.client("root") as root:
        where = {"Bucket": site.bucket(Bucket.PUBLIC)}
        found = root.get_object(**where, Key=names.released(case, request, Released.DOCUMENT))
        assert found["Body"].read() == document
        assert "-" in found["ETag"]  # sent in parts
        kept = root.list_object_versions(**where, Prefix=names.releases(case))["Versions"]
        assert sorted(one["Key"] for one in kept) == sorted(
            names.released(case, request, item) for item in Released
        )
        assert root.list_multipart_uploads(**where).get("Uploads", []) == []


def deposited_for_all(site: Site, folder: Path, document: bytes) -> None:
    """A case on these buckets in which a record was released to everybody, by the service and the SDK."""
    store = S3Store(site.settings("service"))
    town = Town(folder, store=store)
    town.office.clock.now = now()
    case, people = town.accepted()
    (folder / "document.txt").write_bytes(document)
    memo = PathChoice(name="memo", not_before=town.office.clock.now, purpose="the public shall know")
    people["respondent"].deposit(case, folder / "document.txt", [memo], title="Memo", label="Memo")
    record = people["claimant"].records(case)[0].record
    request = people["claimant"].request(case, record, "memo").statement
    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    store.close()
