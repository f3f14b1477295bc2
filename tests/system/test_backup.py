"""infra/guides/backup.md, command by command: a second MinIO, an audit of it, releases and a service from it.

And copies made while a service appends.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import guides
from support.kept import CASE, GOLDEN, KEPT, MEMO, fill
from support.live import Live, serving
from support.machine import absent, require_program
from support.minio import REPOSITORY, Site, free_port, minio

from escrow.client import HttpCourier, Identity
from escrow.store import names
from escrow.store.interface import Bucket

pytestmark = pytest.mark.timeout(300)
PAGE = "infra/guides/backup.md"
GUIDE = guides.read(PAGE, (REPOSITORY / PAGE).read_text())
FORGED = 5


@dataclass(slots=True, kw_only=True)
class Places:
    """Two MinIOs, and the words of the guide with this test's places in them."""

    site: Site
    copy: Site
    folder: Path
    said: list[str] = field(default_factory=list)

    def words(self, heading: str) -> str:
        text = GUIDE.commands(heading)
        text = re.sub(r"SITE=\S+", f"SITE={self.site.server.endpoint}", text)
        text = re.sub(r"COPY=\S+", f"COPY={self.copy.server.endpoint}", text)
        text = re.sub(r"CREDENTIALS=\S+", f"CREDENTIALS={self.folder}/site/escrow", text)
        text = re.sub(r"SERVICE=\S+", f"SERVICE={self.folder}/service", text)
        text = re.sub(r"KEEP=\S+", f"KEEP={self.folder}/keep", text)
        return text.replace("scripts/minio ", f"{sys.executable} -m escrow.cli.minio_script ")

    def run(self, script: str, *, status: int = 0) -> str:
        """In the repository, as the guide says. What it printed."""
        path = os.pathsep.join(
            (str(Path(sys.executable).parent), str(REPOSITORY / ".cache/bin"), "/usr/bin:/bin")
        )
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=REPOSITORY, capture_output=True, text=True,
            check=False, env={"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8"},
        )  # fmt: skip
        self.said.append(done.stdout + done.stderr)
        assert done.returncode == status, f"{done.returncode}: {done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    require_program("jq", "apt-get install jq")
    if not (shutil.which("mc") or (REPOSITORY / ".cache/bin/mc").exists()):
        absent("mc", "scripts/minio install --with-mc")
    with minio(tmp_path / "first/data") as first, minio(tmp_path / "second/data") as second:
        site = Site(first, tmp_path / "site", buckets="escrow")
        for role in ("service", "release", "audit"):
            site.credentials(role)
        keep = tmp_path / "keep"
        keep.mkdir(mode=0o700)
        copy = Site(second, tmp_path / "copy", buckets="escrow")  # its other users are made as the guide says
        (keep / "credentials").mkdir(mode=0o700)
        shutil.copy(copy.settings("root").credentials or "", keep / "root.json")
        for role in ("audit", "restore"):
            shutil.copy(copy.settings(role).credentials or "", keep / "credentials")
        yield Places(site=site, copy=copy, folder=tmp_path)


@pytest.fixture
def service(places: Places) -> Path:
    """The folder of the service whose case is kept, as `escrow service init` would have left it."""
    folder, port = places.folder / "service", free_port()
    folder.mkdir(mode=0o700)
    (folder / "identity").touch(mode=0o600)
    (folder / "identity").write_bytes((GOLDEN / "operator/service/identity").read_bytes())
    (folder / "service.toml").write_text(
        f'public_url = "http://127.0.0.1:{port}"\nbind = "127.0.0.1:{port}"\n'
        f's3_endpoint = "{places.site.server.endpoint}"\ns3_buckets = "escrow"\n'
        f's3_credentials = "{places.folder}/site/escrow/service.json"\n'
        f'service_identity = "{folder}/identity"\nconvenors = "open"\n'
    )
    fill(places.site)
    return folder


def test_site_that_is_gone_is_audited_released_and_served_from_its_copy(
    places: Places, service: Path
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)  # over when the site has been audited
    with places.site.client("root") as root:
        name = {"Bucket": places.site.bucket(Bucket.LEDGER), "Key": names.entry(CASE, 0)}
        lock: Any = {"Mode": "GOVERNANCE", "RetainUntilDate": soon}
        root.put_object_retention(**name, Retention=lock, BypassGovernanceRetention=True)
    places.run(places.words("Back up"))
    assert "FAULT" not in places.said[-1]
    assert places.said[-1].count("sound") == 2  # the site, then the copy
    with places.copy.client("root") as root:
        name = {"Bucket": places.copy.bucket(Bucket.LEDGER), "Key": names.entry(CASE, 0)}
        assert root.get_object_retention(**name)["Retention"]["Mode"] == "GOVERNANCE"
    places.site.server.stop()  # from here on there is only the copy

    released = places.words("Release from the copy")
    variables = places.words("Back up").split("\n\n")[0].split("alias_of()")[0]
    release, hand = released.split("scripts/release.py hand")
    out = places.run(variables + release)
    row = next(line for line in out.splitlines() if line.startswith("to hand over"))
    case, request = row.split()[3:5]
    with places.copy.client("root") as root:
        found = root.list_objects_v2(Bucket=places.copy.bucket(Bucket.PUBLIC), Prefix=names.RELEASES)
        keys = [one["Key"] for one in found["Contents"] if one["Key"].endswith("/document")]
        assert [
            root.get_object(Bucket=places.copy.bucket(Bucket.PUBLIC), Key=key)["Body"].read() for key in keys
        ] == [MEMO]
    exported = f"{variables}\nexport ESCROW_S3_ENDPOINT=$COPY CASE={case} REQUEST={request}\n"
    places.run(f"{exported}scripts/release.py hand{hand}")
    assert "2,350,000" in _opened(places, "handed")

    serve = places.words("Serve from the copy").replace("escrow serve $KEEP/service", "")
    places.run(variables + serve)
    _serves(places)


def _opened(places: Places, folder: str) -> str:
    """By the named reader, with nothing but that folder and its own identity."""
    home = places.folder / "reader"
    home.mkdir(mode=0o700)
    (home / "identity").touch(mode=0o600)
    (home / "identity").write_bytes((GOLDEN / "arbitrator/.escrow/identity").read_bytes())
    places.run(f"escrow --home {home} open {places.folder}/keep/{folder} --out {home}/opened.txt")
    return (home / "opened.txt").read_text()


def _serves(places: Places) -> None:
    """The service over the copy gives a party the case, under the identity that the charter pins."""
    folder = places.folder / "keep/service"
    environ = {"HOME": str(places.folder), "PATH": "/usr/bin:/bin"}
    with serving(folder, environ) as url:
        card = Identity.load((GOLDEN / "operator/service/identity").read_text()).card
        assert HttpCourier(url).service().card == card
        claimant = Identity.load((GOLDEN / "northquay/.escrow/identity").read_text())
        ours = HttpCourier(url, claimant)
        assert list(ours.cases(after=None).cases) == [CASE]
        assert len(ours.entries(CASE, after=-1).entries) == len(
            list((KEPT / f"ledger/cases/{CASE}/entries").iterdir())
        )


# While the service appends


@pytest.fixture
def live(places: Places) -> Iterator[Live]:
    """A service on the site, and three parties who go on depositing and signing off."""
    folder = places.folder / "service"
    places.run(
        f"escrow service init {folder} --bind 127.0.0.1:{free_port()} "
        f"--s3-endpoint {places.site.server.endpoint} "
        f"--s3-credentials {places.folder}/site/escrow/service.json"
    )
    with serving(folder, {"HOME": str(places.folder), "PATH": "/usr/bin:/bin"}) as url:
        yield Live(url, places.folder / "homes")


def test_records_copied_before_the_ledger_leave_an_entry_without_its_payload(
    places: Places, live: Live
) -> None:
    live.deposit()
    ledger, _, records, _public = _mirrors(places)
    with _copying(places) as copy:
        copy(records)
        live.deposit()
        copy(ledger)
    found = _audit(places, status=FORGED)
    assert "payload_missing" in found


def test_backup_while_the_service_appends_is_whole_at_any_interleaving(places: Places, live: Live) -> None:
    live.deposit()
    with _copying(places) as copy:
        for line in _mirrors(places):
            copy(line)
            live.deposit()  # with its request and sign-offs
    assert "sound" in _audit(places)


def test_backup_during_a_stream_of_deposits_is_whole(places: Places, live: Live) -> None:
    stop, failed = threading.Event(), []

    def stream() -> None:
        try:
            while not stop.is_set():
                live.deposit()
        except Exception as error:  # noqa: BLE001  # told by the test's own thread
            failed.append(error)

    live.deposit()
    thread = threading.Thread(target=stream)
    thread.start()
    try:
        with _copying(places) as copy:
            for _ in range(2):
                for line in _mirrors(places):
                    copy(line)
                assert "sound" in _audit(places)
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert live.count > 3


def _mirrors(places: Places) -> list[str]:
    lines = [line for line in places.words("Back up").splitlines() if line.startswith("mc --quiet mirror")]
    assert [line.rpartition("-")[2] for line in lines] == ["ledger", "ledger", "records", "public"]
    return lines


@contextmanager
def _copying(places: Places) -> Iterator[Callable[[str], None]]:
    """The guide's aliases; a call does one of its lines."""
    text = places.words("Back up")
    head = text[: text.index("}\n") + 2].replace("$(mktemp -d)", f"{places.folder}/mc")
    aliases = "\n".join(re.findall(r"(?m)^alias_of .*$", text))
    places.run(f"{head}\n{aliases}")
    yield lambda line: places.run(f"export MC_CONFIG_DIR={places.folder}/mc\n{line}") and None


def _audit(places: Places, status: int = 0) -> str:
    line = places.words("Back up").strip().splitlines()[-1]
    head = places.words("Back up").split("alias_of()")[0]
    return places.run(f"{head}\n{line}", status=status)
