"""Read ahead in a few threads, in order: a server far away is waited for once, not once an object.

What is read and not used yet is bounded by `DEPTH` objects, so by 72 MiB where every entry is as long as it
may be, and by a few hundred kilobytes where they are as usual.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")
DEPTH: Final = 8


class Readers:
    """Threads for one run. `stopping` is set at its end: whoever reads something long looks at it.

    `ahead` False: storage is as near as memory, where threads cost more than they save.
    """

    def __init__(self, *, ahead: bool = True) -> None:
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(DEPTH, thread_name_prefix="reader")
        self.stopping = threading.Event()

    def each(self, work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """As `map`: the answers in order, the first error where its answer would be."""
        if not self._ahead:
            yield from map(work, items)
            return
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(self._pool.submit(work, item))
                if len(waiting) == DEPTH:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._pool.shutdown(cancel_futures=True)
