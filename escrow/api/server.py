"""Run the service: gunicorn, started from here with settings that each carry their reason.

The parent takes the address, checks the storage and builds the application, and only then says that it serves
and forks workers. On SIGTERM it first lets
readiness say no for `drain_s` seconds, so that a balancer stops sending, and only then stops taking
connections.
"""

import errno
import mmap
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

from escrow.api.app import create_app, utc_now
from escrow.api.blueprint import EXTENSION
from escrow.api.counting import Counting, counting
from escrow.api.logs import GUNICORN_LOGGING, configure_logs, started
from escrow.api.storage_log import StorageLog
from escrow.api.watching import Watchers
from escrow.api.worker import PatientWorker
from escrow.config import Settings
from escrow.errors import SetupError, UnavailableError
from escrow.service.desk import Clock, Desk
from escrow.store.interface import Store
from escrow.store.opening import open_store

KEEPALIVE_S = 5
"""How long an idle connection is kept.

A client posting several statements uses one, and few are held for nothing.
"""

BACKLOG = 2048
"""Connections that the system holds until a worker takes them."""

WORKER_CONNECTIONS = 500
"""Of each worker: a process may have 1024 files open where nobody raised that."""

MEMORY_FOLDER = "/dev/shm"  # noqa: S108  # gunicorn draws the names in it
"""Workers show every second that they live, by a file. On a slow disk that can block; a read-only root has no
place for it. Linux has this folder in memory, in containers too."""

log = structlog.get_logger("escrow")


class Draining:
    """One byte that parent and workers share: whether the service is about to stop."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def __call__(self) -> bool:
        return self._byte[0] == 1

    def begin(self) -> None:
        self._byte[0] = 1


class DrainingArbiter(Arbiter):  # type: ignore[misc]
    """A parent that says "not ready" for a while before it stops."""

    def __init__(self, app: "Server") -> None:
        self._server = app
        super().__init__(app)

    def handle_term(self) -> None:
        self._server.draining.begin()
        time.sleep(self._server.settings.drain_s)
        super().handle_term()

    def manage_workers(self) -> None:
        """Called about once a second: the process that serves metrics is looked after like a worker."""
        if self._server.counting is not None and self.LISTENERS:
            self._server.counting.process.tend(self.LISTENERS)
        super().manage_workers()


class Server(BaseApplication):  # type: ignore[misc]
    """The application and gunicorn's settings."""

    def __init__(
        self,
        settings: Settings,
        app: Flask,
        draining: Draining,
        listener: socket.socket,
        counts: Counting | None,
    ) -> None:
        self.settings = settings
        self.counting = counts
        self.draining = draining
        self._app = app
        self._handle = listener.detach()  # gunicorn closes it
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", f"fd://{self._handle}")
        for name, value in gunicorn_settings(self.settings).items():
            self.cfg.set(name, value)
        if self.counting is not None:
            self.cfg.set("post_worker_init", self.counting.post_worker_init)
            self.cfg.set("child_exit", self.counting.child_exit)

    def load(self) -> Flask:
        return self._app

    def run(self) -> None:
        DrainingArbiter(self).run()


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """Every setting that is not gunicorn's default, with its reason."""
    return {
        "worker_class": PatientWorker,  # threads: libsodium lets go of the interpreter's lock
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_connections": WORKER_CONNECTIONS,
        "preload_app": True,  # a wrong setting stops the start, not each worker; memory is shared by the fork
        "timeout": 60,  # a worker whose main loop is silent this long is dead; requests have their own
        "graceful_timeout": int(settings.grace_s),
        "worker_tmp_dir": MEMORY_FOLDER
        if os.access(MEMORY_FOLDER, os.W_OK)
        else None,  # elsewhere: gunicorn's
        "keepalive": KEEPALIVE_S,
        "control_socket_disable": True,  # nobody steers a running service through a socket file
        "limit_request_line": 4094,
        "limit_request_fields": 50,
        "limit_request_field_size": 8190,  # a token has 2 KiB at most
        "forwarded_allow_ips": "",  # nothing is decided by a peer's address or scheme, so none is believed
        "accesslog": None,  # the application logs requests itself, without paths
        "logconfig_dict": GUNICORN_LOGGING,
        "proc_name": "escrow",
    }


def listen(address: str, setting: str = "bind") -> socket.socket:
    """Take the address of this setting. SetupError `address_in_use`, `address_unusable`.

    gunicorn would try for five seconds and then leave without a word for people.
    """
    host, _, port = address.rpartition(":")
    six = ":" in host
    try:
        return socket.create_server(
            (host.strip("[]"), int(port)),
            family=socket.AF_INET6 if six else socket.AF_INET,
            backlog=BACKLOG,
            dualstack_ipv6=six and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        variable = f"ESCROW_{setting.upper()}"
        if error.errno == errno.EADDRINUSE:
            raise SetupError("address_in_use", address=address, setting=setting, variable=variable) from error
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise SetupError(
            "address_unusable", address=address, setting=setting, variable=variable, reason=reason
        ) from error


def serve(
    settings: Settings,
    *,
    store: Store | None = None,
    clock: Clock = utc_now,
    announce: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT. SetupError before anything is served; never returns normally.

    `announce` is called once all that could be refused has been looked at. SystemExit.
    """
    with ExitStack() as ends:
        listener = ends.enter_context(listen(settings.bind))
        configure_logs()
        watch = Watchers(StorageLog(settings.slow_storage_s))
        counts = None
        if settings.metrics_bind is not None:
            scraped = ends.enter_context(listen(settings.metrics_bind, "metrics_bind"))
            counts = ends.enter_context(counting(scraped, watch))
        kept = open_store(settings.store, watch=watch) if store is None else store
        kept.check()
        draining = Draining()
        app = create_app(settings, kept, clock, draining=draining, watch=watch)
        desk: Desk = app.extensions[EXTENSION]
        _require_own_store(desk)
        announce()
        log.info("start", **started(settings, None if counts is None else counts.address))
        ends.callback(_say_stop, os.getpid())
        Server(settings, app, draining, listener, counts).run()


def _require_own_store(desk: Desk) -> None:
    """SetupError also for a right that is missing, as from the store's own look at itself."""
    try:
        desk.require_own_store()
    except UnavailableError as error:
        if isinstance(desk.settings.store, Path):
            raise
        from escrow.store.s3_check import at_start  # boto3 takes a quarter of a second to import

        raise at_start(error, desk.settings.store) from error


def _say_stop(parent: int) -> None:
    """Workers leave by the same way, and each has said so already."""
    if os.getpid() == parent:
        log.info("stop")
