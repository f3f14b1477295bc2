"""One try to deliver one message. Rules (numbered as in README.md):

S1  The connection goes to an address that was checked (A1), with TLS that proves the name of the URL. Nothing
    is looked up a second time.
S2  No redirect is followed, no proxy of the environment used, no cookie kept. Of the answer only the
status is read, and no more than `MAX_HEAD` bytes of heads, interim answers (1xx) included.
S3  A try ends after `WHOLE_S`, however slowly the other side drips, or its name server answers.
S4  200 to 299 is delivered; 410 closes the hook; everything else is tried again.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, cast

import certifi
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

import escrow
from escrow.errors import SetupError
from escrow.model.webhook import Target
from escrow.webhooks.address import AddressRefusedError, Networks, Resolver, checked, system_resolver

CONNECT_S: Final = 5.0
ANSWER_S: Final = 10.0
WHOLE_S: Final = 20.0
"""Standard Webhooks asks receivers to answer within 15 s, and to do their work after it."""
_USED: Final = 3
"""Of a name's addresses: whoever has more has a balancer."""
GONE: Final = 410
MAX_HEAD: Final = 65536
_HEADERS: Final = {
    "content-type": "application/json",
    "user-agent": f"escrow-webhooks/{escrow.__version__}",
    "connection": "close",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`outcome`: a word for the log. `gone`: nobody will ever listen there again."""

    delivered: bool
    outcome: str
    gone: bool = False


class _NoAnswerError(Exception):
    """A name server took all the time of a try."""


Send = Callable[[Target, dict[str, str], bytes], Answer]


class Sender:
    """Sends to whoever may be sent to. Shared by threads. `resolve` is replaced by tests."""

    def __init__(
        self, networks: Networks, *, ca_file: Path | None = None, resolve: Resolver = system_resolver,
        whole_s: float = WHOLE_S,
    ) -> None:  # fmt: skip
        """SetupError `ca_file_unusable`."""
        self._networks, self._resolve, self._whole_s = networks, resolve, whole_s
        self._tls = ssl.create_default_context(cafile=certifi.where())
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if ca_file is not None:
            try:
                self._tls.load_verify_locations(ca_file)
            except OSError as error:  # ssl.SSLError is one
                reason = str(error.strerror or error)
                raise SetupError("ca_file_unusable", path=str(ca_file), reason=reason) from error

    def __call__(self, target: Target, headers: dict[str, str], body: bytes) -> Answer:
        """Never raises because of the other side."""
        began = time.monotonic()
        try:
            addresses = checked(target, self._networks, self._resolve_in_time)
        except AddressRefusedError as error:
            return Answer(delivered=False, outcome=error.reason)
        except _NoAnswerError:
            return Answer(delivered=False, outcome="too_slow")
        answer = Answer(delivered=False, outcome="unreachable")
        with _Deadline(max(0.0, self._whole_s - (time.monotonic() - began))) as deadline:
            for address in addresses[:_USED]:
                try:
                    return self._post(address, target, headers, body, deadline)
                except (HTTPError, OSError, ValueError) as error:  # http.client's errors too
                    outcome = "too_slow" if deadline.is_over else _outcome(error)
                    answer = Answer(delivered=False, outcome=outcome)
                    if outcome != "unreachable":
                        break  # it was reached: another address is the same receiver
        return answer

    def _resolve_in_time(self, host: str, port: int) -> Sequence[str]:
        """S3: no library cuts a look-up off, so it is left to a thread that ends when the system gives up."""
        found: Future[Sequence[str]] = Future()

        def look_up() -> None:
            try:
                found.set_result(self._resolve(host, port))
            except (OSError, ValueError) as error:  # raised again by who waits for it
                found.set_exception(error)

        threading.Thread(target=look_up, name="webhooks-name", daemon=True).start()
        if not wait([found], self._whole_s).done:
            raise _NoAnswerError
        return found.result()

    def _post(
        self, address: str, target: Target, headers: dict[str, str], body: bytes, deadline: "_Deadline"
    ) -> Answer:
        connection = _Pinned(address, target, self._tls, deadline)
        try:
            with _library_errors():
                connection.request(
                    "POST", target.path, body=body, headers={**headers, **_HEADERS, "host": target.netloc},
                    preload_content=False,
                )  # fmt: skip
                connection.timeout = ANSWER_S
                if connection.sock is not None:
                    connection.sock.settimeout(ANSWER_S)
                status = connection.getresponse().status
        finally:
            connection.close()
        return Answer(delivered=200 <= status < 300, outcome=f"status_{status}", gone=status == GONE)


class _Head:
    """What an answer is read from, line by line, up to `MAX_HEAD` bytes: the library itself passes over
    interim answers for as long as they come (S2).
    """

    def __init__(self, inner: BufferedReader) -> None:
        self._inner, self._left = inner, MAX_HEAD

    def readline(self, limit: int = -1) -> bytes:
        line = self._inner.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise HTTPException("the head has no end")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Answered(HTTPResponse):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fp = cast("BufferedReader", _Head(self.fp))


class _Pinned(HTTPSConnection):
    """Goes to one address and proves another name (S1)."""

    response_class = _Answered

    def __init__(self, address: str, target: Target, tls: ssl.SSLContext, deadline: "_Deadline") -> None:
        super().__init__(
            target.host, target.port, timeout=CONNECT_S, ssl_context=tls, server_hostname=target.host,
        )  # fmt: skip
        self._address, self._deadline = address, deadline

    def _new_conn(self) -> socket.socket:
        """Instead of the library's own, which would ask the DNS again."""
        line = socket.create_connection((self._address, self.port), timeout=CONNECT_S)
        self._deadline.watch(line)
        return line


class _Deadline:
    """Cuts a connection off when the time is over, in whatever it is waiting (S3)."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._guard = threading.Lock()
        self._line: socket.socket | None = None
        self.is_over = False

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._forget()

    def watch(self, line: socket.socket) -> None:
        """A second descriptor of the same connection: TLS takes the first one over."""
        self._forget()
        with self._guard:
            self._line = socket.socket(fileno=os.dup(line.fileno()))
            over = self.is_over
        if over:
            self._end()

    def _end(self) -> None:
        with self._guard:
            self.is_over = True
            if self._line is not None:
                try:
                    self._line.shutdown(socket.SHUT_RDWR)
                except OSError:  # it has ended by itself
                    return

    def _forget(self) -> None:
        with self._guard:
            if self._line is not None:
                self._line.close()
                self._line = None


@contextmanager
def _library_errors() -> Iterator[None]:
    """http.client's errors, which are of no family that urllib3 maps when it is used by the connection."""
    try:
        yield
    except HTTPException as error:
        raise ValueError("not HTTP") from error


def _outcome(error: Exception) -> str:
    """A word for the log."""
    inner = error.__cause__ or error
    if isinstance(error, ssl.SSLError) or isinstance(inner, ssl.SSLError):
        return "certificate_refused" if "CERTIFICATE" in str(inner).upper() else "tls_failed"
    if isinstance(error, ValueError):
        return "answer_malformed"
    if isinstance(error, TimeoutError):
        return "too_slow"
    return "unreachable"
