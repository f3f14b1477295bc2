"""Bytes on their way from one store to another, measured and checked as they pass; none are kept."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import Final

from escrow.admin.manifest import Item
from escrow.crypto.outlet import Sink
from escrow.errors import ForgedError

_AHEAD: Final = 16
"""Pieces that may wait to be read: 1 MiB of what `Outlet` writes."""


class Measured:
    """Passes chunks on, and knows what they were once all have passed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._whole, self._length = chunks, hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._whole.update(chunk)
            self._length += len(chunk)
            yield chunk

    @property
    def item(self) -> Item:
        return Item(sha256=self._whole.hexdigest(), length=self._length)


def measure(chunks: Iterable[bytes]) -> Item:
    """Digest and length of all of it."""
    measured = Measured(chunks)
    for _ in measured:
        pass
    return measured.item


def checked(chunks: Iterable[bytes], expected: Item) -> Iterator[bytes]:
    """The same chunks; after the last, ForgedError `payload_digest_false` if they were not the signed ones.

    Whoever writes them down finishes only after the last, so that nothing false is ever whole.
    """
    measured = Measured(chunks)
    yield from measured
    if measured.item != expected:
        raise ForgedError("payload_digest_false", expected=expected.sha256, found=measured.item.sha256)


class ChunkSource:
    """Chunks, to be read like a file, once through."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


class _UnreadError(Exception):
    """Nobody reads on; ends the thread that writes."""


class _Queued:
    """A sink whose bytes are read elsewhere, and which waits for the reader."""

    def __init__(self) -> None:
        self.pieces: Queue[bytes | None] = Queue(_AHEAD)
        self.unread = Event()

    def write(self, data: memoryview, /) -> int:
        if self.unread.is_set():
            raise _UnreadError
        self.pieces.put(bytes(data))
        return len(data)


def pulled(push: Callable[[Sink], None]) -> Iterator[bytes]:
    """What `push` writes into its sink, as chunks to read; its error is raised after the last.

    Constant memory: the writer, a thread of its own, waits for the reader, and ends with it.
    """
    sink, ended = _Queued(), False

    def write_all() -> None:
        try:
            push(sink)
        finally:
            sink.pieces.put(None)

    with ThreadPoolExecutor(1) as writer:
        work = writer.submit(write_all)
        try:
            while (piece := sink.pieces.get()) is not None:
                yield piece
            ended = True
            work.result()
        finally:
            sink.unread.set()
            while not ended and sink.pieces.get() is not None:
                pass
