"""The worker that serves connections: no peer holds one of its threads for long.

gunicorn bounds how long a worker may be silent, and a socket's timeout bounds one `recv`: neither bounds how
long a peer that sends a byte now and then holds a thread. Here every `recv` has a deadline, and threads wait
for no peer that has not sent anything, and for none that is to hang up.

Rules (numbered as in README.md):
 W1  A connection without a byte to read waits in the main loop, not in a thread.
 W2  A head is whole within HEAD_DEADLINE_S of its first byte, and a body of up to LONG bytes within as much
     again; of a longer body each STRETCH within `body_deadline_s`, so that one that keeps a least pace may
     take as long as it is long. What a long body must begin with, before it is known whether anybody wants
     the rest, comes as a short one does: each LONG bytes within HEAD_DEADLINE_S. Each byte that comes late
     counts as hanging up.
 W3  A peer that sends or takes nothing for `socket_timeout_s` has hung up.
 W4  A connection that is over is closed once its peer has closed it, or after the keep-alive time; only the
     main loop waits for that, and it waits for nothing else meanwhile.
 W5  A worker holds so many connections. For one more, the one that has been silent longest is closed: however
     many say nothing, who comes and speaks is served.
 W6  Reading a head takes no byte of the body, and what nobody wants is drained into a buffer that is
     overwritten: a body may be somebody's plain file, which is to leave nothing here (B4 of bodies.py).
"""

import errno
import io
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.body import Body, LengthReader  # type: ignore[import-untyped]
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from escrow.api.transfers import LONG
from escrow.config import Settings

HEAD_DEADLINE_S = 5.0
"""Enough for the worst line. Where a shorter `socket_timeout_s` is set, that."""
STRETCH = 64 * 1024 * 1024
"""Bytes of a long body that have one deadline between them: as many as a part may have."""
_DRAIN = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"


class PatientUnreader(SocketUnreader):  # type: ignore[misc]
    """gunicorn's source of bytes, with a deadline over any number of `recv` (W2, W3)."""

    def __init__(self, sock: socket.socket, stall_s: float) -> None:
        super().__init__(sock)
        self._stall_s = stall_s
        self._deadline = 0.0
        self._stretch_s: float | None = None
        self._stretch = self._stretch_left = 0
        self._ahead = bytearray(len(_END_OF_HEAD) - 1 + self.mxchunk)
        self._tail = b""
        self.in_head = True

    def allow(self, seconds: float) -> None:
        """From now on this long, for all that is still to come."""
        self._deadline = time.monotonic() + seconds
        self._stretch_s = None

    def allow_stretches(self, seconds: float, stretch: int = STRETCH) -> None:
        """From now on this long for so many bytes, and then as long again for as many more."""
        self.allow(seconds)
        self._stretch_s, self._stretch, self._stretch_left = seconds, stretch, stretch

    def chunk(self, size_hint: int | None = None) -> bytes:
        with self._waiting():
            found: bytes = self._head() if self.in_head else super().chunk(size_hint)
        self._count(len(found))
        return found

    def _head(self) -> bytes:
        """More of a head, and nothing behind it (W6): looked at first, in a buffer that is overwritten."""
        start, kept = len(_END_OF_HEAD) - 1, len(self._tail)
        with memoryview(self._ahead) as view:
            size = self.sock.recv_into(view[start:], flags=socket.MSG_PEEK)
        try:
            self._ahead[start - kept : start] = self._tail
            end = self._ahead.find(_END_OF_HEAD, start - kept, start + size)
        finally:
            self._ahead[start : start + size] = bytes(size)
        found: bytes = self.sock.recv(size if end < 0 else end + 1) if size else b""
        self._tail = b"" if end >= 0 else (self._tail + found)[-start:]
        return found

    def fill(self, view: memoryview) -> int:
        """As `chunk`, into a buffer; how many bytes came. Only where nothing is held back from before."""
        with self._waiting():
            found: int = self.sock.recv_into(view)
        self._count(found)
        return found

    def is_empty(self) -> bool:
        """Nothing was read further than it was asked for."""
        empty: bool = self.buf.seek(0, io.SEEK_END) == 0
        return empty

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Around one `recv`."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise _hung_up()
        self.sock.settimeout(min(self._stall_s, remaining))
        try:
            yield
        except TimeoutError:
            raise _hung_up() from None
        finally:
            self.sock.settimeout(self._stall_s)  # what is sent on the same socket has this one

    def _count(self, received: int) -> None:
        self._stretch_left -= received
        if self._stretch_s is not None and self._stretch_left <= 0:
            self.allow_stretches(self._stretch_s, self._stretch)


class PatientBody(Body):  # type: ignore[misc]
    """gunicorn's body of a request, which also fills a buffer (`Filling` of escrow/store/bodies.py).

    It is a `Paced` of bodies.py too.
    """

    def __init__(self, reader: Any, unreader: PatientUnreader, settings: Settings) -> None:
        super().__init__(reader)
        self._unreader = unreader
        self._settings = settings
        self._is_long = _left_of(self) > LONG

    def hurry(self) -> None:
        self._unreader.allow_stretches(short_deadline_s(self._settings), LONG)

    def take_time(self) -> None:
        if self._is_long:
            self._unreader.allow_stretches(self._settings.body_deadline_s)
        else:
            self._unreader.allow(short_deadline_s(self._settings))

    def hang_up(self) -> None:
        self.failed = True
        with suppress(OSError):  # the peer was faster
            self._unreader.sock.shutdown(socket.SHUT_RD)

    def fill(self, view: memoryview) -> int:
        """How many bytes came; 0 at the end, also where the peer ended early. OSError (W2, W3)."""
        reader = self.reader
        straight = isinstance(reader, LengthReader) and isinstance(reader.unreader, PatientUnreader)
        if self.buf.tell() or not straight or not reader.unreader.is_empty():
            data = self.read(min(len(view), LONG))
            view[: len(data)] = data
            return len(data)
        try:
            found: int = reader.unreader.fill(view[: reader.length])
        except OSError:
            self.failed = True
            raise
        reader.length -= found
        return found

    def discard(self) -> None:
        """A short rest that nobody has read, into a buffer that is overwritten (W6).

        A long one, and one in chunks, whose end is not known, goes with the connection.
        """
        if not isinstance(self.reader, LengthReader):
            self.failed = True
            return
        if not 0 < self.reader.length <= LONG or self.failed:
            return
        scratch = bytearray(self.reader.length)
        with memoryview(scratch) as view, suppress(OSError):
            while self.fill(view):
                pass
        scratch[:] = bytes(len(scratch))


def _left_of(body: Any) -> int:
    """Bytes of the announced body that nobody has read."""
    left: int = getattr(body.reader, "length", 0)
    return left


def short_deadline_s(settings: Settings) -> float:
    """For a head, and for a short body."""
    return min(HEAD_DEADLINE_S, settings.socket_timeout_s)


def _hung_up() -> OSError:
    """What gunicorn passes over in silence: a slow peer is not a fault of ours, and must not fill the log."""
    return ConnectionResetError(errno.ECONNRESET, "the peer is too slow")


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker under the rules above. `app` is escrow/api/server.py `Server`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._drained = bytearray(_DRAIN)

    @property
    def _settings(self) -> Settings:
        found: Settings = self.app.settings
        return found

    def _allow_short(self, conn: TConn) -> None:
        conn.parser.unreader.allow(short_deadline_s(self._settings))

    def accept(self, listener: socket.socket) -> None:
        """In the main loop, which also waits for the first byte (W1); gunicorn asks a thread for each."""
        if self.nr_conns + 1 >= self.worker_connections:  # at the number itself gunicorn accepts no more
            self._make_room()
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):  # a limit lower than was thought
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        self.nr_conns += 1
        self.poller.register(sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        conn.set_timeout()
        self.pending_conns.append(conn)

    def _make_room(self) -> None:
        """Close the connection that has been silent longest (W5); none where all are being served."""
        silent = self.pending_conns or self.keepalived_conns
        if silent:
            conn = silent.popleft()
            self.poller.unregister(conn.sock)
            self._forget(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        if client.fileno() >= 0:  # else closed for another (W5), in the very round that found it readable
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        if client.fileno() >= 0:
            super().on_client_socket_readable(conn, client)

    def handle(self, conn: TConn) -> Any:
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = PatientUnreader(conn.sock, self._settings.socket_timeout_s)
        self._allow_short(conn)
        conn.parser.unreader.in_head = True
        return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """The head is whole. What is left of the body afterwards, gunicorn reads away: a short one only."""
        self._allow_short(conn)
        conn.parser.unreader.in_head = False
        req.body = PatientBody(req.body.reader, conn.parser.unreader, self._settings)
        req.body.take_time()
        conn.sock.settimeout(self._settings.socket_timeout_s)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:  # in the middle of the answer
            raise _hung_up() from None
        finally:
            self._allow_short(conn)
            req.body.discard()
            if _left_of(req.body) > LONG:  # refused unread: W4 takes what comes, no thread does
                conn.parser.unreader.allow(0)

    def finish_request(self, conn: TConn, done: "Future[Any]") -> None:
        """In the main loop. gunicorn would wait here, for each connection, until the peer hangs up (W4)."""
        if done.cancelled() or done.exception() is not None or done.result():
            super().finish_request(conn, done)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError, KeyError):
            self._forget(conn)
            return
        conn.set_timeout()
        self.pending_conns.append(conn)  # the main loop closes those whose time is over

    def _drain(self, conn: TConn, sock: socket.socket) -> None:
        """Take what the peer still sends: closing over it would take our last answer back from the wire."""
        if sock.fileno() < 0:
            return
        try:
            count = sock.recv_into(self._drained)
            self._drained[:count] = bytes(count)
            if count:
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.poller.unregister(sock)
        self.pending_conns.remove(conn)
        self._forget(conn)

    def _forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
