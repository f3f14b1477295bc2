"""A real nginx on loopback, over a few lines of configuration; it ends with the block."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.machine import require_program
from support.minio import die_with_parent

START_S = 30
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
{user}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/none;
    uwsgi_temp_path {folder}/none;
    scgi_temp_path {folder}/none;
    {lines}
}}
"""


@contextmanager
def nginx(folder: Path, port: int, lines: str) -> Iterator[None]:
    """`lines`: what stands in `http`; it listens on `port` of 127.0.0.1."""
    program = require_program("nginx", "apt-get install nginx-light")
    folder.mkdir(exist_ok=True)
    user = "user root;" if os.geteuid() == 0 else ""  # the test's folder is its owner's
    file, log = folder / "nginx.conf", folder / "nginx.log"
    file.write_text(CONFIGURATION.format(folder=folder, user=user, lines=lines))
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [program, "-c", file, "-p", folder, "-e", log], stdout=sink, stderr=sink,
            preexec_fn=die_with_parent,
        )  # fmt: skip
    try:
        _await(port, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_S)


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nginx did not start:\n{log.read_text()}")
