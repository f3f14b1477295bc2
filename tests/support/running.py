"""A real service: gunicorn in a process of its own, as `escrow serve` starts it, with storage that tests may break.

Run as a program it serves. `ESCROW_TEST_STRIKE` names a file; what is written there (`12 after`) kills the worker with
SIGKILL at its 12th store call from then on. Nothing in escrow/ knows of this.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store.faulty import FaultyStore, Mode, When
from support import build

from escrow.api.server import serve
from escrow.config import load_settings
from escrow.store.folder import FolderStore
from escrow.store.interface import Store

START_S = 20
"""A service that has not answered by then never will: the test fails instead of hanging."""


class StrikingStore:
    """Passes everything on; reads its orders before each call."""

    def __init__(self, inner: Store, orders: Path) -> None:
        self._inner = inner
        self._orders = orders
        self._last = ""
        self._faulty = FaultyStore(inner, kill_at=0)

    def __getattr__(self, call: str) -> Any:
        found = self._orders.read_text() if self._orders.exists() else ""
        if found != self._last:
            self._last = found
            number, when = found.split() if found else ("0", "before")
            self._faulty = FaultyStore(self._inner, kill_at=int(number), when=When(when), mode=Mode.SIGKILL)
        return getattr(self._faulty, call)


class Running:
    """A service that listens. `log` holds what it wrote to stderr."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path, orders: Path) -> None:
        self.process = process
        self.port = port
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

    def workers(self) -> list[int]:
        """Process ids of the parent's children."""
        parent = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"the service did not start:\n{self.log.read_text()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, **settings: object) -> Iterator[Running]:
    """Start a service over `folder`, with the service identity of build.py; kill it at the end."""
    key = folder / "service.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(build.SERVICE.dump())
    port = free_port()
    log, orders = folder / f"log-{port}", folder / f"orders-{port}"
    values = {"public_url": build.URL, "store": folder / "store", "service_identity": key, "drain_s": 0}
    values |= {"bind": f"127.0.0.1:{port}", "workers": 1, "threads": 2} | settings
    environ = {f"ESCROW_{name.upper()}": str(value) for name, value in values.items()}
    path = os.pathsep.join(filter(None, sys.path))
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, __file__],
            stderr=sink,
            stdout=sink,
            env=os.environ | environ | {"ESCROW_TEST_STRIKE": str(orders), "PYTHONPATH": path},
        )
    service = Running(process, port, log, orders)
    try:
        service.wait_until_ready()
        yield service
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=START_S)


def main() -> None:
    found = load_settings(os.environ)
    store = StrikingStore(FolderStore(found.store), Path(os.environ["ESCROW_TEST_STRIKE"]))
    serve(found, store=store)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
