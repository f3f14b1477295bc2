"""The second thread of sealing and opening: it hashes ciphertext and writes while the caller runs the cipher.

libsodium, hashlib and the kernel all let go of the interpreter's lock, so the two threads use two cores. What
travels between them is a fixed number of buffers, used over and over: that bounds the memory, and makes the
faster side wait for the slower. The caller takes a buffer, fills it, gives it away, and finishes:

    with Outlet(sink, CHUNK) as outlet:
        buffer = outlet.take()
        ...
        outlet.give(buffer, hashed=..., written=...)
        digest = outlet.finish()

An error on either side stops both. The sink's error surfaces in the caller, unchanged, at its next `take` or
at `finish`; leaving the block early, for any reason, drops what is not yet written and waits for the thread.
"""

from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Protocol, Self

from escrow.crypto import aead
from escrow.crypto.transcript import Sha256

BUFFERS = 12
"""6 MiB at chunks of 256 KiB. From 4 on, more made no difference that could be measured on a busy machine."""


WRITE = 64 * 1024
"""Bytes in one write. In a comparison side by side, 256 KiB at once took the kernel four times as long."""


class Sink(Protocol):
    """Anything that takes bytes in order and says how many it took, like a file opened for writing.

    What it is handed is overwritten as soon as `write` returns: a sink that keeps bytes copies them.
    """

    def write(self, data: memoryview, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Buffer:
    """Room for one chunk in both forms."""

    plain: memoryview
    sealed: memoryview

    @classmethod
    def of(cls, chunk: int) -> Self:
        plain, sealed = bytearray(chunk), bytearray(chunk + aead.TAG_BYTES)
        return cls(plain=memoryview(plain), sealed=memoryview(sealed))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Job:
    buffer: Buffer
    hashed: memoryview
    written: memoryview


class Outlet:
    """Hashes and writes in a thread of its own. For one stream; see the top of this file."""

    def __init__(self, sink: Sink, chunk: int) -> None:
        self._sink = sink
        self._sha256 = Sha256()
        self._free: SimpleQueue[Buffer] = SimpleQueue()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._dropping = False
        self._thread = Thread(target=self._run, name="escrow-outlet", daemon=True)
        for _ in range(BUFFERS):
            self._free.put(Buffer.of(chunk))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dropping = True
        self._jobs.put(None)
        self._thread.join()

    def take(self) -> Buffer:
        """A buffer to fill; waits until one is free."""
        buffer = self._free.get()
        self._raise_error()
        return buffer

    def give(self, buffer: Buffer, *, hashed: memoryview, written: memoryview) -> None:
        """Hash the one and write the other, both views of `buffer`, which is not the caller's any more."""
        self._jobs.put(_Job(buffer=buffer, hashed=hashed, written=written))

    def finish(self) -> bytes:
        """Wait until all is written; the SHA-256 of all that was hashed."""
        self._jobs.put(None)
        self._thread.join()
        self._raise_error()
        return self._sha256.digest()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None and not self._dropping:
                try:
                    self._sha256.update(job.hashed)
                    self._write(job.written)
                except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                    self._error = error
            self._free.put(job.buffer)  # also after an error, else the caller would wait for ever

    def _write(self, data: memoryview) -> None:
        while data:
            count = self._sink.write(data[:WRITE])
            if not count:  # None or 0: a non-blocking sink is full, and trying again at once would spin
                raise BlockingIOError("the sink must block and say how many bytes it took")
            data = data[count:]
