"""A small proxy in front of a MinIO that makes it one of those S3 servers on which no service must start.

`offset`: its clock is that far off. `overwrites`: it takes a create-only put and overwrites in silence; such
a put is signed again, as root, without its condition.
"""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from support.minio import Minio

CONDITION = "If-None-Match"
NOT_PASSED_ON = {"connection", "transfer-encoding", "date", "server", "content-length"}


@contextmanager
def meddling(server: Minio, *, offset: timedelta = timedelta(0), overwrites: bool = False) -> Iterator[str]:
    """Its endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if overwrites and CONDITION in self.headers:
                self._overwrite(body)
                return
            line = http.client.HTTPConnection(server.host, server.port, timeout=30)
            line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                line.putheader(name, value)
            line.endheaders(body)
            answer = line.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
            line.close()

        def _overwrite(self, body: bytes) -> None:
            bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
            client = server.client()
            client.put_object(Bucket=bucket, Key=key, Body=body)
            client.close()
            self._answer(200, [("ETag", '"0"')], b"")

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + offset, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers:
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815  # as http.server names them

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
            thread.join()
