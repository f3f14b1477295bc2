"""A real MinIO for tests: a process of its own on loopback, with fresh buckets for whoever asks.

`minio_server` is one for each test process. Where the program is missing, tests are skipped loudly, and fail
under `scripts/test --all`; `scripts/minio install` brings it.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.machine import absent
from support.s3_client import s3_client

from escrow.admin.minio_setup import (
    Role,
    Step,
    add_user,
    make_buckets,
    policy,
    policy_name,
    set_up,
)
from escrow.config import S3Settings
from escrow.store.interface import Bucket
from escrow.store.s3_credentials import Credentials, read_credentials, write_credentials

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REPOSITORY = Path(__file__).parents[2]
CACHED = REPOSITORY / ".cache/bin/minio"
POLICIES = REPOSITORY / "infra/policies"
START_S = 30


class Minio:
    """One server. `stop` and `start` keep its data, its port and its root credential."""

    host = "127.0.0.1"

    def __init__(self, program: str, folder: Path, root: Credentials | None = None) -> None:
        self.folder = folder
        self.root = root or Credentials(
            access_key="root" + secrets.token_hex(4), secret_key=secrets.token_hex(16)
        )
        self.port = free_port()
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder.with_name(self.folder.name + ".log")

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        self.launch()
        wait_until_ready(self.endpoint, self.process)

    def launch(self) -> None:
        """Start it and do not wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                env=os.environ
                | {
                    "MINIO_ROOT_USER": self.root.access_key,
                    "MINIO_ROOT_PASSWORD": self.root.secret_key,
                    "MINIO_BROWSER": "off",
                    "MINIO_UPDATE": "off",
                    "MINIO_CI_CD": "1",  # a cluster may have all its drives on one disk
                    "HOME": str(self.folder.parent),
                },
                preexec_fn=die_with_parent,
            )

    def _command(self) -> list[str]:
        return [self._program, "server", str(self.folder), "--address", f"{self.host}:{self.port}", "--quiet"]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It keeps its connections and answers nothing, as a machine does whose disk hangs."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def client(self, credentials: Credentials | None = None) -> "S3Client":
        """boto3's, as root unless told otherwise. The caller closes it."""
        return s3_client(self.endpoint, credentials or self.root)


def minio_program() -> str:
    return shutil.which("minio") or (
        str(CACHED) if CACHED.exists() else absent("MinIO", "scripts/minio install")
    )


class Site:
    """Three buckets of their own on a server, with the users and policies of production.

    A role's user is made when it is first asked for, since each takes the server a third of a second.
    """

    def __init__(
        self, server: Minio, folder: Path, *, lock: str = "governance", buckets: str | None = None
    ) -> None:
        self.server = server
        self.buckets = buckets or "t" + secrets.token_hex(4)
        self._folder = folder / self.buckets
        self._folder.mkdir(parents=True)
        self._lock = lock
        self._made: set[str] = {"root"}
        write_credentials(self._folder / "root.json", server.root)
        self._set_up()

    def settings(self, role: str) -> S3Settings:
        """For a role of escrow/admin/minio_setup.py, or for "root"."""
        if role not in self._made:
            root, wanted = self._settings("root"), policy(POLICIES, role, self.buckets)
            add_user(root, policy_name(root, Role(role)), wanted, self._folder / f"{role}.json")
            self._made.add(role)
        return self._settings(role)

    def credentials(self, role: str) -> Credentials:
        settings = self.settings(role)
        assert settings.credentials is not None
        return read_credentials(settings.credentials)

    def set_up(self) -> tuple[Step, ...]:
        """All roles, as an administrator does it."""
        self._made.update(Role)
        return self._set_up(*Role)

    def _set_up(self, *roles: Role) -> tuple[Step, ...]:
        made = set_up(self._settings("root"), policies=POLICIES, credentials=self._folder, roles=roles)
        return tuple(made)

    def _settings(self, role: str) -> S3Settings:
        return S3Settings(
            endpoint=self.server.endpoint,
            buckets=self.buckets,
            credentials=self._folder / f"{role}.json",
            lock=self._lock,
        )

    @contextmanager
    def client(self, role: str) -> "Iterator[S3Client]":
        """boto3's, with this role's credential."""
        client = self.server.client(self.credentials(role))
        try:
            yield client
        finally:
            client.close()

    def bucket(self, bucket: Bucket) -> str:
        return f"{self.buckets}-{bucket.value}"


class Plots:
    """Many fresh stores on one server, quickly: buckets of their own, and one user for all.

    It may what a service may, and list the public bucket, at which the contract of every store looks.
    """

    def __init__(self, server: Minio, folder: Path) -> None:
        self._server = server
        self._base = "p" + secrets.token_hex(4)
        self._count = 0
        self._credentials = folder / "service.json"
        self._root = folder / "root.json"
        folder.mkdir(parents=True)
        write_credentials(self._root, server.root)
        wanted = policy(POLICIES, Role.SERVICE, f"{self._base}*")
        public = f"arn:aws:s3:::{self._base}*-public"
        wanted["Statement"].append({"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [public]})
        for statement in wanted["Statement"]:  # MinIO compares a pattern with the bucket's name and a slash
            statement["Resource"] = [one if "/" in one else f"{one}/" for one in statement["Resource"]]
        add_user(self._settings(self._root), f"{self._base}-service", wanted, self._credentials)

    def fresh(self) -> S3Settings:
        """Three empty buckets."""
        self._count += 1
        for _ in make_buckets(self._settings(self._root)):
            pass
        return self._settings(self._credentials)

    def _settings(self, credentials: Path) -> S3Settings:
        return S3Settings(
            endpoint=self._server.endpoint,
            public_endpoint=self._server.endpoint,
            buckets=f"{self._base}{self._count:04d}",
            credentials=credentials,
        )


@pytest.fixture(scope="session")
def minio_plots(minio_server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Plots:
    return Plots(minio_server, tmp_path_factory.mktemp("plots") / "credentials")


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """One for each test process, started when first asked for."""
    with minio(tmp_path_factory.mktemp("minio") / "data") as server:
        yield server


@pytest.fixture
def site(minio_server: Minio, tmp_path: Path) -> Site:
    """Fresh buckets."""
    return Site(minio_server, tmp_path / "site")


@contextmanager
def minio(folder: Path) -> Iterator[Minio]:
    """A server over `folder`; it ends with the block, and with the process that started it."""
    server = Minio(minio_program(), folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def die_with_parent() -> None:
    """Linux: a test process that is killed leaves no server behind. Nor does a thread that ends."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait_until_ready(endpoint: str, process: subprocess.Popen[bytes], health: str = "ready") -> None:
    """`health`: "ready" says that it answers, "cluster" that enough of its nodes are there to write."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/minio/health/{health}", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise AssertionError("MinIO did not start")
