"""A real service: gunicorn in a process of its own, as `escrow serve` starts it.

Over S3 it is `escrow serve` itself. Over a folder it is striking.py: what is written to `Running.orders`
(`12 after`) kills the worker with SIGKILL at its 12th store call from then on.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from support import build

from escrow.config import S3Settings

PROGRAM = Path(__file__).with_name("striking.py")
START_S = 60
"""A service that has not answered by then never will: the test fails instead of hanging."""
SERVE = ("-m", "escrow.cli", "serve")


class Running:
    """A service that listens. `log` holds what it wrote to stderr, in all its lives."""

    def __init__(self, command: list[str], environ: Mapping[str, str], log: Path, orders: Path) -> None:
        self.port = 0
        self.log = log
        self.orders = orders
        self._command = command
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "not started"
        return self._process

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Until it is ready. Started again, it has the address that it had before."""
        began = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(self._command, stderr=sink, stdout=sink, env=self._environ)
        self._wait_until_it_listens(began)
        self._environ["ESCROW_BIND"] = f"127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """As a balancer waits before it sends anything here again."""
        deadline = time.monotonic() + START_S
        while self.ask("GET", "/readyz")[0] != 200:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=START_S)

    def kill(self) -> None:
        """Parent and workers, by SIGKILL: the machine went down."""
        family = [self.process.pid, *self.workers()]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=START_S)
        deadline = time.monotonic() + START_S
        while any(Path(f"/proc/{pid}").exists() for pid in family) and time.monotonic() < deadline:
            time.sleep(0.01)  # nobody's children now: whoever adopts them sees them end

    def connect(self, timeout: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: float = 30,
    ) -> tuple[int, bytes]:
        answer = self.answer(method, path, body, headers, timeout=timeout)
        return answer[0], answer[2]

    def answer(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: float = 30,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers, body."""
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log that tell of this."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def scrape(self) -> str:
        """What Prometheus would read."""
        address = self.lines("start")[-1]["metrics"]  # of its present life
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
            found: bytes = answer.read()
        return found.decode()

    def problem(self, method: str, path: str, body: bytes | None = None, **more: Any) -> dict[str, Any]:
        """The problem that it answers with, and beside its own members "retry_after"."""
        status, headers, raw = self.answer(method, path, body, **more)
        assert headers["Content-Type"] == "application/problem+json", (status, raw)
        found: dict[str, Any] = json.loads(raw)
        return found | {"retry_after": headers.get("Retry-After")}

    def workers(self) -> list[int]:
        """Process ids of the parent's children."""
        parent = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def _wait_until_it_listens(self, began: int) -> None:
        """The system chooses the port, so that no two services want the same; the log says which."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            said = self.log.read_bytes()[began:].decode()
            listening = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", said)
            if listening is not None:
                self.port = int(listening[1])
                self.wait_until_ready()  # in the listener's queue for the first worker
                return
            time.sleep(0.02)
        raise AssertionError(f"the service did not start:\n{self.log.read_text()}")


def environment(folder: Path, s3: S3Settings | None = None, **settings: object) -> dict[str, str]:
    """What a service over `folder` or S3 is told, with the service identity of build.py."""
    key = folder / "service.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(build.SERVICE.dump())
    values: dict[str, object] = {"public_url": build.URL, "service_identity": key, "drain_s": 0}
    values |= {"bind": "127.0.0.1:0", "workers": 1, "threads": 2}
    if s3 is None:
        values["store"] = folder / "store"
    else:
        given = {one.name: getattr(s3, one.name) for one in fields(s3)}
        values |= {f"s3_{name}": value for name, value in given.items() if value is not None}
    environ = {f"ESCROW_{name.upper()}": str(value) for name, value in (values | settings).items()}
    path = os.pathsep.join(filter(None, sys.path))
    return os.environ | environ | {"PYTHONPATH": path}


@contextmanager
def running(
    folder: Path, s3: S3Settings | None = None, *, name: str = "service", **settings: object
) -> Iterator[Running]:
    """Start a service over `folder`, or over S3; kill it at the end. `name`: of its log."""
    log, orders = folder / f"{name}.log", folder / f"{name}.orders"
    command = [sys.executable, *((str(PROGRAM),) if s3 is None else SERVE)]
    environ = environment(folder, s3, **settings) | {"ESCROW_TEST_STRIKE": str(orders)}
    service = Running(command, environ, log, orders)
    try:
        service.start()
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()
