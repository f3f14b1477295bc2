"""Whether the S3 server answers at all, so that a service does not spend its threads on waiting for it.

A server whose disk hangs, or whose machine went down without a farewell, takes requests and answers none.
Each caller would wait for its time-out, one after the other, and soon every thread would. Rules:

 P1  Where a call had no answer, and none has come to any other since it began, the server is silent.
 P2  Of a silent server one call at a time still asks, a short one, and the next PAUSE_S after it has failed.
     Everybody else is refused at once.
 P3  Any answer, also a refusal, ends the silence.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

PAUSE_S: Final = 1.0
"""Whoever stands in a queue for one case is refused in that time, instead of asking in turn."""


class SilentError(Exception):
    """The server was not asked: it answers nobody. Never leaves the store room."""


class Pulse:
    """Of one server, in one process; shared by threads.

    `is_silence`: whether an error says that no answer came.
    """

    def __init__(self, is_silence: Callable[[Exception], bool]) -> None:
        self._is_silence = is_silence
        self._lock = Lock()
        self._short = 0
        self._silent = False
        self._answered_at = 0.0
        self._failed_at = 0.0

    @contextmanager
    def asking(self, *, short: bool) -> Iterator[None]:
        """Around one call. SilentError, before it is made."""
        with self._lock:
            if self._silent and not (short and self._may_ask()):
                raise SilentError
            self._short += short
        began, answered = time.monotonic(), True
        try:
            yield
        except Exception as error:
            answered = not self._is_silence(error)
            raise
        finally:
            with self._lock:
                self._short -= short
                self._note(began, answered)

    def _may_ask(self) -> bool:
        """P2."""
        return self._short == 0 and time.monotonic() - self._failed_at >= PAUSE_S

    def _note(self, began: float, answered: bool) -> None:
        now = time.monotonic()
        if answered:
            self._silent, self._answered_at = False, now
        elif self._answered_at < began:
            self._silent, self._failed_at = True, now
