"""A slow line to the S3 server is no fault: a part may take longer than a connection may."""

import io
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from store.contract import CASE
from support.minio import Minio, Plots

from escrow.store import names, s3_connection
from escrow.store.interface import MIB, UploadPlan
from escrow.store.s3 import S3Store

PIECE_S = 2
BYTES_A_SECOND = 3 * MIB
PART = 12 * MIB
"""Twice as long under way as a piece of it may be; what the system holds in its buffers is far less."""
CHUNK = 64 * 1024


@contextmanager
def slow_line(server: Minio) -> Iterator[str]:
    """The endpoint of a line that carries so many bytes a second towards the server."""

    class Line(socketserver.BaseRequestHandler):
        def setup(self) -> None:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)

        def handle(self) -> None:
            with socket.create_connection((server.host, server.port)) as far:
                back = threading.Thread(target=carry, args=(far, self.request, 0))
                back.start()
                carry(self.request, far, BYTES_A_SECOND)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as line:
        thread = threading.Thread(target=line.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{line.server_address[1]}"
        finally:
            line.shutdown()
            thread.join()


def carry(source: Any, sink: Any, rate: int) -> None:
    try:
        while found := source.recv(CHUNK):
            sink.sendall(found)
            if rate:
                time.sleep(len(found) / rate)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two has hung up


def test_part_that_takes_longer_than_a_connection_may_is_not_given_up(
    minio_server: Minio, minio_plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_connection, "CONNECT_S", PIECE_S)
    payload = names.payload(CASE, "51" * 16)
    with (
        slow_line(minio_server) as endpoint,
        closing(S3Store(replace(minio_plots.fresh(), endpoint=endpoint))) as store,
    ):
        store.begin_upload(payload, UploadPlan(length=PART, part_size=PART))
        assert store.put_part(payload, 1, io.BytesIO(bytes(PART))).length == PART
        assert store.complete_upload(payload).length == PART
