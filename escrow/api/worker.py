"""The worker that serves connections: no peer holds one of its threads for long.

gunicorn bounds how long a worker may be silent, and a socket's timeout bounds one `recv`: neither bounds how
long a peer that sends a byte now and then holds a thread. Here every `recv` has a deadline, and threads wait
for no peer that has not sent anything, and for none that is to hang up.

Rules (numbered as in README.md):
 W1  A connection without a byte to read waits in the main loop, not in a thread.
 W2  A request's head is whole within HEAD_DEADLINE_S of its first byte, and a body of up to LONG bytes within
     as much again; a longer body within `body_deadline_s`. Each byte that comes late counts as hanging up.
 W3  A peer that sends or takes nothing for `socket_timeout_s` has hung up.
 W4  A connection that is over is closed once its peer has closed it, or after the keep-alive time; only the
     main loop waits for that, and it waits for nothing else meanwhile.
"""

import errno
import socket
import time
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker  # type: ignore[import-untyped]

from escrow.api.transfers import LONG
from escrow.config import Settings

HEAD_DEADLINE_S = 5.0
"""Enough for the worst line. Where a shorter `socket_timeout_s` is set, that."""
_DRAIN = 64 * 1024


class PatientUnreader(SocketUnreader):  # type: ignore[misc]
    """gunicorn's source of bytes, with a deadline over any number of `recv` (W2, W3)."""

    def __init__(self, sock: socket.socket, stall_s: float) -> None:
        super().__init__(sock)
        self._stall_s = stall_s
        self._deadline = 0.0

    def allow(self, seconds: float) -> None:
        """From now on this long, for all that is still to come."""
        self._deadline = time.monotonic() + seconds

    def chunk(self, size_hint: int | None = None) -> bytes:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise _hung_up()
        self.sock.settimeout(min(self._stall_s, remaining))
        try:
            found: bytes = super().chunk(size_hint)
        except TimeoutError:
            raise _hung_up() from None
        finally:
            self.sock.settimeout(self._stall_s)  # what is sent on the same socket has this one
        return found


def _left_of(req: Any) -> int:
    """Bytes of the announced body that nobody has read."""
    left: int = getattr(req.body.reader, "length", 0)
    return left


def _hung_up() -> OSError:
    """What gunicorn passes over in silence: a slow peer is not a fault of ours, and must not fill the log."""
    return ConnectionResetError(errno.ECONNRESET, "the peer is too slow")


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker under the rules above. `app` is escrow/api/server.py `Server`."""

    @property
    def _settings(self) -> Settings:
        found: Settings = self.app.settings
        return found

    def _allow_short(self, conn: TConn) -> None:
        conn.parser.unreader.allow(min(HEAD_DEADLINE_S, self._settings.socket_timeout_s))

    def handle(self, conn: TConn) -> Any:
        if not conn.initialized:
            if not conn.wait_for_data(0):  # W1
                return _DEFER
            conn.init()
            conn.parser.unreader = PatientUnreader(conn.sock, self._settings.socket_timeout_s)
        self._allow_short(conn)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """The head is whole. What is left of the body afterwards, gunicorn reads away: a short one only."""
        self._allow_short(conn)
        if _left_of(req) > LONG:
            conn.parser.unreader.allow(self._settings.body_deadline_s)
        conn.sock.settimeout(self._settings.socket_timeout_s)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:  # in the middle of the answer
            raise _hung_up() from None
        finally:
            self._allow_short(conn)
            if _left_of(req) > LONG:  # refused unread: W4 takes what comes, no thread does
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
        try:
            if sock.recv(_DRAIN):
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
