"""The service is gone; its buckets on MinIO are left. Administrators release, audit and restore, each with a
credential that may no more than that.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from support.kept import CASE, GOLDEN, SCRIPTS, environment, fill
from support.minio import Site
from support.refusals import refuses

from escrow.errors import RefusedError, UnavailableError
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.opening import open_archive

FORGED = 5


@pytest.fixture
def filled(site: Site) -> Site:
    return fill(site)


def script(name: str, site: Site, role: str, *args: str, status: int = 0) -> str:
    environ = environment(site, role)
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *args], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_release_without_its_service_publishes_and_hands_over(filled: Site, tmp_path: Path) -> None:
    listed = script("release.py", filled, "release", "due")
    assert listed.count("to publish") == 1
    assert "Nothing was written" in script("release.py", filled, "release", "publish", "--due")
    log = tmp_path / "done.jsonl"
    published = script("release.py", filled, "release", "publish", "--due", "--yes", "--log", str(log))
    assert published.startswith("published")
    assert len(log.read_text().splitlines()) == 1
    again = script("release.py", filled, "release", "publish", "--due", "--yes")
    assert again == "Nothing is due.\n"
    row = next(line for line in listed.splitlines() if line.startswith("to hand over"))
    case, request = row.split()[3:5]
    script("release.py", filled, "release", "hand", case, request, "--out", str(tmp_path / "handed"))
    opened = tmp_path / "opened.txt"
    home = GOLDEN / "arbitrator"
    identity = next(path for path in home.rglob("identity") if path.is_file())
    private = tmp_path / "identity"
    private.touch(mode=0o600)
    private.write_bytes(identity.read_bytes())
    who = ["--home", str(tmp_path / "home"), "--identity", str(private)]
    words = [sys.executable, "-m", "escrow.cli", *who, "open", str(tmp_path / "handed"), "--out", str(opened)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2,350,000" in opened.read_text()


def test_release_credential_can_publish_and_not_write_the_ledger(filled: Site) -> None:
    with open_archive(filled.settings("release")) as archive, pytest.raises(UnavailableError) as caught:
        archive.store.create(Bucket.LEDGER, names.entry(CASE, 99), b"forged")
    assert caught.value.fields["reason"] == "access_denied"


@pytest.mark.parametrize("how", ["overwritten", "deleted"])
def test_entry_that_somebody_hid_is_named_audited_by_its_first_version_and_put_back(
    filled: Site, how: str
) -> None:
    entry = names.entry(CASE, 5)
    where = {"Bucket": filled.bucket(Bucket.LEDGER), "Key": entry}
    with filled.client("root") as root:
        genuine = root.get_object(**where)["Body"].read()
        if how == "deleted":
            root.delete_object(**where)
        else:
            root.put_object(**where, Body=b"forged")
    found = script("audit.py", filled, "audit", status=FORGED)
    assert f"object_{how}" in found
    assert "1 FAULT," in found  # all else holds, by the first version
    planned = script("audit.py", filled, "audit", "--restore", status=FORGED)
    assert f"would restore: {entry}" in planned
    with open_archive(filled.settings("audit")) as archive:
        assert archive.versions is not None
        (first,) = (
            one for one in archive.versions.versions(Bucket.LEDGER, entry) if one.data_length == len(genuine)
        )
        with refuses(RefusedError, "restore_forbidden"):
            archive.versions.restore(Bucket.LEDGER, entry, first.version)
    script("audit.py", filled, "restore", "--restore", "--yes")
    assert "sound" in script("audit.py", filled, "audit")
    with filled.client("audit") as audit:
        assert audit.get_object(**where)["Body"].read() == genuine


def test_first_version_cannot_be_removed_by_who_overwrote_it(filled: Site) -> None:
    entry = names.entry(CASE, 0)
    where = {"Bucket": filled.bucket(Bucket.LEDGER), "Key": entry}
    with filled.client("service") as service:
        first = service.head_object(**where)["VersionId"]
        service.put_object(**where, Body=b"forged")
        with pytest.raises(ClientError):
            service.delete_object(**where, VersionId=first)
    assert "object_overwritten" in script("audit.py", filled, "audit", status=FORGED)
