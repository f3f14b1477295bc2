"""Two administrators release from MinIO at once, with the credential `release` and no service; all of it is
checked again with nothing but what they published.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.kept import SCRIPTS, environment, fill
from support.minio import Site

from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.names import Released

FORGED, UNAVAILABLE = 5, 7


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
    assert ended(start(filled, "audit", *words), UNAVAILABLE)[1]
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
