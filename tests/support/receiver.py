"""A receiver of webhooks: a small real HTTPS server on loopback, by an authority of its own."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.certificates import write_certificates

Behave = Callable[[BaseHTTPRequestHandler, int], None]


def answer(status: int, **headers: str) -> Behave:
    """Answer every message so."""

    def behave(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return behave


@dataclass(frozen=True, slots=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`behave` is given the handler and the number of the message, from 1. `over` is set when it ends."""

    port: int
    authority: Path
    behave: Behave = field(default_factory=lambda: answer(204))
    got: list[Got] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/hook?of=court"


@contextmanager
def receiving(folder: Path, *, host: str = "localhost") -> Iterator[Receiver]:
    authority = write_certificates(folder / "tls", host=host)
    found = Receiver(port=0, authority=authority)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.got.append(Got(self.path, headers, body))
            found.behave(self, len(found.got))

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # cut off, as some tests want it
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "tls/certificate.pem", folder / "tls/key.pem")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
