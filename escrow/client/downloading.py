"""A payload to read from while it arrives: when the line breaks, it goes on where it stopped.

Bytes are as the service sends them. Whoever reads checks length, digest and every chunk's seal.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from escrow.client.courier import ReleaseCourier
from escrow.client.line import CHUNK, TOO_SLOW
from escrow.errors import ForgedError, UnavailableError
from escrow.model.ids import CaseId, RecordId

RESUMES = 8
"""A line that breaks this often, with no more than a CHUNK arriving between, is down."""


class PayloadReader:
    """`read` like a file, once through, from byte `start` on. `length`: what the signed statement says.

    Of what goes on after that one byte is given, by which the reader sees that it is too long.

    ForgedError `payload_not_as_signed` where the service announces another length.
    """

    def __init__(
        self, courier: ReleaseCourier, case: CaseId, record: RecordId, length: int, *, start: int = 0
    ) -> None:
        self._courier, self._case, self._record, self._length = courier, case, record, length
        self._done = self._broke_at = start
        self._breaks = 0
        self._left = memoryview(b"")
        self._chunks: Iterator[bytes] = iter(())
        self._line = ExitStack()

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end. UnavailableError once the line is down, or too slow."""
        if not self._left:
            self._left = memoryview(self._next_chunk())
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)

    def _next_chunk(self) -> bytes:
        while self._done <= self._length:
            try:
                chunk = next(self._chunks, b"")[: self._length + 1 - self._done]
            except UnavailableError as error:
                self._count_break(error)
                self._connect()
                continue
            self._done += len(chunk)
            return chunk
        return b""

    def _count_break(self, error: UnavailableError) -> None:
        """Raises where it breaks too often, or drips."""
        if self._done - self._broke_at > CHUNK:
            self._breaks = 0
        self._breaks, self._broke_at = self._breaks + 1, self._done
        if error.code == TOO_SLOW:
            raise error
        if self._breaks == RESUMES:
            raise UnavailableError("service_unreachable") from error

    def _connect(self) -> None:
        """From where we are on."""
        self._line.close()
        stream = self._line.enter_context(self._courier.payload(self._case, self._record, start=self._done))
        if stream.total != self._length:
            raise ForgedError("payload_not_as_signed", record=self._record)
        self._chunks = stream.chunks
