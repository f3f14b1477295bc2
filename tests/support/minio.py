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

import boto3
from support.machine import absent

from escrow.store.s3_credentials import Credentials

CACHED = Path(__file__).parents[2] / ".cache/bin/minio"
START_S = 30


class Minio:
    """One server. `stop` and `start` keep its data, its port and its root credential."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.root = Credentials(access_key="root" + secrets.token_hex(4), secret_key=secrets.token_hex(16))
        self.port = free_port()
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder.with_name(self.folder.name + ".log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._program, "server", str(self.folder), "--address", f"127.0.0.1:{self.port}", "--quiet"],
                stdout=log,
                stderr=log,
                env=os.environ
                | {
                    "MINIO_ROOT_USER": self.root.access_key,
                    "MINIO_ROOT_PASSWORD": self.root.secret_key,
                    "MINIO_BROWSER": "off",
                    "MINIO_UPDATE": "off",
                    "HOME": str(self.folder.parent),
                },
                preexec_fn=die_with_parent,
            )
        wait_until_ready(self.endpoint, self._process)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S)
            self._process = None

    def client(self, credentials: Credentials | None = None):  # type: ignore[no-untyped-def]
        """boto3's, as root unless told otherwise. The caller closes it."""
        who = credentials or self.root
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
        )


def minio_program() -> str:
    return shutil.which("minio") or (str(CACHED) if CACHED.exists() else absent("MinIO", "scripts/minio install"))


@contextmanager
def minio(folder: Path) -> Iterator[Minio]:
    """A server over `folder`; it ends with the block, and with the process that started it."""
    server = Minio(minio_program(), folder)
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def die_with_parent() -> None:
    """Linux: a test process that is killed leaves no server behind."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait_until_ready(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/minio/health/ready", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise AssertionError("MinIO did not start")
