"""Sorted listings of large folders, kept until the folder changes: a page of ten thousand names costs a look.

A file system gives a folder another time of change whenever a name comes or goes, by a clock that ticks every
few milliseconds. So a listing is kept only if the folder had not changed for SETTLED_NS when it was read, and
is believed only while that time, and the folder itself, are the same.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

SETTLED_NS: Final = 2_000_000_000
"""Far above the tick of any file system's clock, FAT's two seconds included."""
LARGE: Final = 200
"""Below, reading a folder costs as little as asking whether it has changed."""
KEPT: Final = 32
"""Listings in memory: of ten thousand names, 2 MiB each."""

Stamp = tuple[int, int, int]


class Listings:
    """What folders hold, as `read` says it: sorted. Shared by threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Stamp, list[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: str, read: Callable[[], list[str]]) -> list[str]:
        """Nobody may change what this returns. OSErrors of `read` pass through."""
        try:
            stamp = _stamp(path)
        except OSError:
            return read()
        with self._lock:
            kept = self._kept.get(path)
            if kept is not None and kept[0] == stamp:
                self._kept.move_to_end(path)
                return kept[1]
        found = read()
        if len(found) >= LARGE and time.time_ns() - stamp[2] > SETTLED_NS and _stamp(path) == stamp:
            with self._lock:
                self._kept[path] = stamp, found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found


def _stamp(path: str) -> Stamp:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns
