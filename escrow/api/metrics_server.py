"""The process that serves `GET /metrics`, on an address of its own and never on the public one.

A process and not a thread of gunicorn's parent: the parent forks workers, and a fork copies whatever lock a
thread holds. Whatever befalls it, the service goes on, and a new one is started. It ends with its parent,
also with one that was killed.
"""

import gc
import http.client
import os
import platform
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

import escrow
from escrow.api.metrics_folder import MetricsFolder

AGAIN_S: Final = 5
"""How soon after a start another is tried."""
READY_S: Final = 3
"""What takes longer to say that it is ready is not; Prometheus itself waits for ten."""
PEER_S: Final = 5
POLL_S: Final = 0.5
_FOR_THE_PARENT: Final = (
    signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH,
)  # fmt: skip
"""Terminals and supervisors send them to all; while the parent drains, numbers are still to be had."""

log = structlog.get_logger("escrow")


class MetricsProcess:
    """In the parent: see that the process is there. Everything is called by its one thread."""

    def __init__(self, listener: socket.socket, folder: MetricsFolder) -> None:
        self._listener = listener
        self._folder = folder
        self._pid = 0
        self._started = 0.0

    def tend(self, public: Sequence[Any]) -> None:
        """Start it where it is not running. `public`: the service's own listeners. Never raises."""
        if self._alive() or (self._started and time.monotonic() - self._started < AGAIN_S):
            return
        if self._started:
            log.warning("metrics_restarted")
        self._started = time.monotonic()
        try:
            pid = os.fork()
        except OSError as error:
            log.error("metrics_not_served", exception=type(error).__name__)
            return
        if pid:
            self._pid = pid
            return
        try:
            self._serve(public)
        finally:  # nothing of the parent's may run here
            os._exit(1)

    def leave(self) -> None:
        """In a worker: it has nothing to do with this address."""
        self._listener.close()

    def end(self) -> None:
        if self._alive():
            os.kill(self._pid, signal.SIGKILL)  # it holds nothing that must be put away

    def _alive(self) -> bool:
        """gunicorn waits for every child, also for this one; afterwards its id is nobody's."""
        if not self._pid:
            return False
        try:
            found, _ = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:
            found = self._pid
        if found:
            self._pid = 0
        return self._pid != 0

    def _serve(self, public: Sequence[Any]) -> None:
        for number in _FOR_THE_PARENT:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        address = public[0].getsockname()
        for one in public:
            one.sock.close()
        gc.freeze()  # what came with the fork is not looked through, and so stays shared
        _Server(self._listener, registry(self._folder, address)).serve_forever(POLL_S)


def registry(folder: MetricsFolder, public: Any) -> CollectorRegistry:
    """All that is served: what every process counted, and what is looked at when asked."""
    found = CollectorRegistry()
    found.register(_Counted(folder))
    found.register(_Now(public))
    return found


class _Counted:
    """What all processes counted."""

    def __init__(self, folder: MetricsFolder) -> None:
        self._folder = folder

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        with self._folder.reading() as path:
            yield from MultiProcessCollector(None, path).collect()  # type: ignore[no-untyped-call]


class _Now:
    """What the service is, and whether it would be sent requests now."""

    def __init__(self, public: Any) -> None:
        self._public = public

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(
            "escrow_build_info", "Always 1; the labels say what runs", labels=("version", "python")
        )
        build.add_metric((escrow.__version__, platform.python_version()), 1)
        yield build
        yield GaugeMetricFamily("escrow_ready", "Whether /readyz answers 200", value=_is_ready(self._public))

    def describe(self) -> Iterator[Metric]:
        return iter(())


def _is_ready(public: Any) -> int:
    """Asked as a balancer asks: through the public address, a worker and the storage."""
    host, port = public[0], public[1]
    if host in ("0.0.0.0", "::"):  # noqa: S104  that of the listener, of which every one is ours
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    connection = http.client.HTTPConnection(host, port, timeout=READY_S)
    try:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        return int(connection.getresponse().status == 200)
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, found: CollectorRegistry) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.registry = found
        self._parent = os.getppid()

    def service_actions(self) -> None:
        """Between requests: a parent that was killed leaves its address free for the next one."""
        if os.getppid() != self._parent:
            os._exit(0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that hung up is no news; of anything else its kind is said."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("metrics_not_served", exception=type(error).__name__)


class _Handler(BaseHTTPRequestHandler):
    timeout = PEER_S
    server: _Server
    server_version = "escrow"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.send_error(404)
            return
        try:
            body = generate_latest(self.server.registry)
        except Exception as error:  # noqa: BLE001  told to who asks, who raises an alarm
            log.error("metrics_unreadable", exception=type(error).__name__)
            self.send_error(500)
            return
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Who scrapes, and how often, is no news."""
