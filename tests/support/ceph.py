"""A real Ceph RGW for tests: one monitor, one OSD in memory, one gateway, on loopback.

Nobody here wrote it, and it disagrees with MinIO in useful ways. Debian has it. Where it is missing, tests
are skipped loudly, and fail under `scripts/test --all`.
"""

import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.machine import require_program
from support.minio import die_with_parent, free_port
from support.s3_client import s3_client

from escrow.config import S3Settings
from escrow.store.interface import Bucket
from escrow.store.s3_credentials import Credentials, read_credentials, write_credentials

INSTALL = "apt-get install radosgw ceph-mon ceph-osd ceph-common"
START_S = 90

CONF = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon}
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon data avail crit = 1
mon data avail warn = 1
mon data = {folder}/mon
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush chooseleaf type = 0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
log to stderr = false

[client.rgw]
ms mon client mode = crc
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{rgw} tcp_nodelay=1
rgw enable usage log = false
"""


class CephDidNotStartError(AssertionError):
    """With what its processes said."""


class Ceph:
    """One gateway. `fresh` gives three empty buckets."""

    def __init__(self, endpoint: str, credentials: Path) -> None:
        self.endpoint = endpoint
        self._credentials = credentials
        self._base = "c" + secrets.token_hex(4)
        self._count = 0

    def fresh(self, *, locked: bool) -> S3Settings:
        """`locked`: the records with Object Lock, which brings versions; with them Ceph 16 lets all win."""
        self._count += 1
        settings = S3Settings(
            endpoint=self.endpoint,
            public_endpoint=self.endpoint,
            buckets=f"{self._base}{self._count:04d}",
            credentials=self._credentials,
        )
        client = s3_client(self.endpoint, read_credentials(self._credentials))
        for bucket in Bucket:
            name = f"{settings.buckets}-{bucket.value}"
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked and bucket is Bucket.RECORDS)
        client.close()
        return settings


@contextmanager
def ceph(folder: Path) -> Iterator[Ceph]:
    """Everything in `folder`; it ends with the block, and with the process that started it."""
    for program in ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph"):
        require_program(program, INSTALL)
    mon, rgw = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    for inner in ("mon", "osd", "rgw"):
        (folder / inner).mkdir()
    conf = folder / "ceph.conf"
    fsid = str(uuid.uuid4())
    conf.write_text(CONF.format(fsid=fsid, mon=mon, rgw=rgw, folder=folder))
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str) -> str:
        done = subprocess.run(
            [words[0], "-c", str(conf), *words[1:]],
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"
        return done.stdout

    def start(*words: str) -> None:
        log = (folder / f"{words[0]}.out").open("wb")
        with log:
            started.append(
                subprocess.Popen(
                    [words[0], "-c", str(conf), "-f", *words[1:]],
                    stdout=log,
                    stderr=log,
                    preexec_fn=die_with_parent,
                )
            )

    try:
        monmap = str(folder / "monmap")
        subprocess.run(
            ["monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:127.0.0.1:{mon}]", monmap],
            check=True, capture_output=True,
        )  # fmt: skip
        run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        start("ceph-mon", "-i", "a")
        osd = str(uuid.uuid4())
        run("ceph", "--connect-timeout", "60", "osd", "new", osd)
        run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        start("ceph-osd", "-i", "0")
        start("radosgw", "-n", "client.rgw")
        endpoint = f"http://127.0.0.1:{rgw}"
        _wait(endpoint, started, folder)
        known = Credentials(access_key=secrets.token_hex(8), secret_key=secrets.token_hex(16))
        run(
            "radosgw-admin", "-n", "client.rgw", "user", "create", "--uid", "escrow",
            "--display-name", "escrow", "--access-key", known.access_key, "--secret", known.secret_key,
        )  # fmt: skip
        write_credentials(folder / "credentials.json", known)
        yield Ceph(endpoint, folder / "credentials.json")
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ceph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """One for each test process that asks for it: keep its tests in one file."""
    with ExitStack() as running:
        try:
            server = running.enter_context(ceph(tmp_path_factory.mktemp("ceph") / "c"))
        except CephDidNotStartError:  # somebody took a port between choosing and using it
            server = running.enter_context(ceph(tmp_path_factory.mktemp("ceph") / "c"))
        yield server


def _wait(endpoint: str, started: list[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(process.poll() is None for process in started):
        try:
            with urllib.request.urlopen(endpoint, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    died = [process.args[0] for process in started if process.poll() is not None]  # type: ignore[index]
    said = "\n".join(path.read_text(errors="replace")[-1500:] for path in folder.glob("*.out"))
    raise CephDidNotStartError(f"died: {died}\n{said}")
