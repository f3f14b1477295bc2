"""Metrics of a service with several processes: the folder, who counts in it, and who serves it.

Everything here is done by gunicorn's parent, but for `post_worker_init`. Nothing of it may stop the service:
what goes wrong is said in the log. prometheus-client is imported here, once the folder is there, and nowhere
where no metrics are served.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from escrow.api.metrics_folder import MetricsFolder, metrics_folder
from escrow.api.watching import Watchers

if TYPE_CHECKING:
    from escrow.api.metrics import Metrics
    from escrow.api.metrics_server import MetricsProcess

log = structlog.get_logger("escrow")


class Counting:
    """What is there while metrics are served, and gunicorn's two hooks. `address`: where, as ADDRESS:PORT."""

    def __init__(
        self,
        address: str,
        folder: MetricsFolder,
        metrics: "Metrics",
        process: "MetricsProcess",
        watch: Watchers,
    ) -> None:
        self.address = address
        self.process = process
        self._folder = folder
        self._metrics = metrics
        self._watch = watch

    def post_worker_init(self, worker: Any) -> None:
        """In a new worker, before it serves. Not sooner: until then a signal to stop is lost on it."""
        self.process.leave()
        try:
            self._folder.reserve(worker.pid)
        except OSError as error:
            self._watch.drop(self._metrics)
            log.error("metrics_not_counted", exception=type(error).__name__)

    def child_exit(self, arbiter: Any, worker: Any) -> None:
        """In the parent, after a worker has ended in whichever way."""
        try:
            self._metrics.worker_ended()
            self._folder.bury(worker.pid, alive=arbiter.WORKERS)
        except Exception as error:  # noqa: BLE001  a parent that fell here would take all workers along
            log.error("metrics_not_counted", exception=type(error).__name__)


@contextmanager
def counting(listener: socket.socket, watch: Watchers) -> Iterator[Counting]:
    """Count from now on what `watch` is told, and be ready to serve it. SetupError
    `metrics_folder_unusable`.
    """
    with metrics_folder() as folder:
        from escrow.api.metrics import Metrics
        from escrow.api.metrics_server import MetricsProcess

        metrics, process = Metrics(), MetricsProcess(listener, folder)
        watch.add(metrics)
        host, port = listener.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        parent = os.getpid()
        try:
            yield Counting(address, folder, metrics, process, watch)
        finally:
            if os.getpid() == parent:
                process.end()
