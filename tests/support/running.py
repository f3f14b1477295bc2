"""A real service: gunicorn in a process of its own, as `escrow serve` starts it, over storage that may break.

What is written to `Running.orders` (`12 after`) kills the worker with SIGKILL at its 12th store call from
then on; see striking.py, which is the program that runs.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import build

PROGRAM = Path(__file__).with_name("striking.py")
START_S = 20
"""A service that has not answered by then never will: the test fails instead of hanging."""


class Running:
    """A service that listens. `log` holds what it wrote to stderr."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, orders: Path) -> None:
        self.process = process
        self.port = 0
        self.log = log
        self.orders = orders

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log that tell of this."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def scrape(self) -> str:
        """What Prometheus would read."""
        address = self.lines("start")[0]["metrics"]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
            found: bytes = answer.read()
        return found.decode()

    def workers(self) -> list[int]:
        """Process ids of the parent's children."""
        parent = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def wait_until_ready(self) -> None:
        """The system chooses the port, so that no two services want the same; the log says which."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            listening = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log.read_text())
            if listening is not None:
                self.port = int(listening[1])
                if self.ask("GET", "/readyz")[0] == 200:  # waits in the listener's queue for the first worker
                    return
            time.sleep(0.02)
        raise AssertionError(f"the service did not start:\n{self.log.read_text()}")


@contextmanager
def running(folder: Path, **settings: object) -> Iterator[Running]:
    """Start a service over `folder`, with the service identity of build.py; stop it at the end.

    A setting that is None is not given: `store=None` where there are settings of S3.
    """
    key = folder / "service.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(build.SERVICE.dump())
    log, orders = folder / "service.log", folder / "service.orders"
    values = {"public_url": build.URL, "store": folder / "store", "service_identity": key, "drain_s": 0}
    values |= {"bind": "127.0.0.1:0", "workers": 1, "threads": 2} | settings
    given = {name: value for name, value in values.items() if value is not None}
    environ = {f"ESCROW_{name.upper()}": str(value) for name, value in given.items()}
    path = os.pathsep.join(filter(None, sys.path))
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            stderr=sink,
            stdout=sink,
            env=os.environ | environ | {"ESCROW_TEST_STRIKE": str(orders), "PYTHONPATH": path},
        )
    service = Running(process, log, orders)
    try:
        service.wait_until_ready()
        yield service
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=START_S)
