"""Long transfers: few at a time, and in pieces, so that short requests always find a thread.

A slow line is no fault, so a payload of gigabytes may take hours; what may not happen is that slow lines take
every thread. Rules (numbered as in README.md):
 T1  A body or an answer of more than LONG bytes is a long transfer. Of a worker's threads all but two may be
     in long transfers; who asks for one more is told `service_busy`, at once.
 T2  An answer goes out in pieces of at most LONG bytes: the timeout of a socket is for all of one `sendall`,
     and a page of megabytes would be cut off on an honest slow line.
 T3  Who has yet to show that it may have a place holds one only until somebody else needs it: then the one
     that has held such a place longest is cut off, and told `service_busy`. A stranger's request is over
     before it keeps any.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from flask import Response

from escrow.api.watching import LongTransfers, Sent
from escrow.errors import EscrowError, UnavailableError
from escrow.store.watching import Watch, nobody

LONG = 64 * 1024
SPARE_THREADS = 2


class Transfers:
    """The long transfers of one worker process (T1).

    `watch` is told of each, and of payloads that went out.
    """

    def __init__(self, threads: int, *, watch: Watch = nobody) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._free = max(1, threads - SPARE_THREADS)
        self._lent: dict[object, Callable[[], None]] = {}
        """Places that may be wanted back (T3), the oldest first: how each holder is cut off."""

    def take(self) -> None:
        """UnavailableError `service_busy`. Whoever takes gives back."""
        with self._lock:
            self._take()
        self._watch(LongTransfers(change=1))

    def give_back(self) -> None:
        with self._lock:
            self._free += 1
        self._watch(LongTransfers(change=-1))

    def _take(self) -> None:
        if self._free:
            self._free -= 1
        elif self._lent:
            oldest = next(iter(self._lent))
            self._lent.pop(oldest)()  # under the lock: its request cannot end, and its line serve another
        else:
            raise UnavailableError("service_busy")

    @contextmanager
    def borrowing(self, cut_off: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """A place that is given up when wanted (T3), until it is kept by calling what this gives.

        `cut_off` ends the wait of whoever borrows. UnavailableError `service_busy`, also afterwards.
        """
        me, kept = object(), False
        with self._lock:
            self._take()
            self._lent[me] = cut_off
        self._watch(LongTransfers(change=1))

        def keep() -> None:
            nonlocal kept
            with self._lock:
                if self._lent.pop(me, None) is None:
                    raise UnavailableError("service_busy")
                kept = True

        try:
            yield keep
        except EscrowError as error:
            if not kept and me not in self._lent:  # what it failed at is that it was cut off
                raise UnavailableError("service_busy") from error
            raise
        finally:
            with self._lock:
                if self._lent.pop(me, None) is not None or kept:
                    self._free += 1
            self._watch(LongTransfers(change=-1))

    @contextmanager
    def receiving(self, length: int) -> Iterator[None]:
        """Around the reading of a body of this announced length."""
        if length <= LONG:
            yield
            return
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def send(self, response: Response) -> None:
        """Let this answer go out as T1 and T2 say. UnavailableError `service_busy`."""
        length = response.content_length or 0
        is_payload = response.mimetype == "application/octet-stream"
        if length <= LONG:
            if is_payload and length:
                self._watch(Sent(bytes=length))
            return
        self.take()

        def over(sent: int) -> None:
            self.give_back()
            if is_payload:
                self._watch(Sent(bytes=sent))

        response.response = _Pieces(response.response, over)  # type: ignore[arg-type]


class _Pieces:
    """What an answer consists of, cut up. The transfer is over at its end, or when the server closes it.

    `over` is told then, once, how many bytes were handed over. The server closes every answer, also one
    that it never began to send.
    """

    def __init__(self, whole: Iterable[bytes], over: Callable[[int], None]) -> None:
        self._whole = whole
        self._pieces = _cut(whole)
        self._tell_over = over
        self._over = False
        self._sent = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except BaseException:
            self.close()
            raise
        self._sent += len(piece)
        return piece

    def close(self) -> None:
        if self._over:
            return
        self._over = True
        self._tell_over(self._sent)
        close = getattr(self._whole, "close", None)
        if close is not None:
            close()


def _cut(whole: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in whole:
        view = memoryview(chunk)
        for start in range(0, len(view), LONG):
            yield bytes(view[start : start + LONG])
