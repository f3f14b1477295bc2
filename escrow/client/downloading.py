"""A payload to read from while it arrives: when the line breaks, it goes on where it stopped.

Bytes are as the service sends them. Whoever reads checks length, digest and every chunk's seal.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from escrow.client.courier import ReleaseCourier
from escrow.errors import ForgedError, UnavailableError
from escrow.model.ids import CaseId, RecordId

RESUMES = 8
"""A line that breaks this often without a byte arriving between is down."""


class PayloadReader:
    """`read` like a file, once through, from byte `start` on. `length`: what the signed statement says.

    ForgedError `payload_not_as_signed` where the service announces another length.
    """

    def __init__(
        self, courier: ReleaseCourier, case: CaseId, record: RecordId, length: int, *, start: int = 0
    ) -> None:
        self._courier, self._case, self._record, self._length = courier, case, record, length
        self._done = start
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
        """Up to `size` bytes; none at the end. UnavailableError once the line is down for good."""
        if not self._left:
            self._left = memoryview(self._next_chunk())
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)

    def _next_chunk(self) -> bytes:
        for _ in range(RESUMES):
            try:
                chunk = next(self._chunks, b"")
            except UnavailableError:
                self._connect()
                continue
            self._done += len(chunk)
            return chunk
        raise UnavailableError("service_unreachable")

    def _connect(self) -> None:
        """From where we are on."""
        self._line.close()
        stream = self._line.enter_context(self._courier.payload(self._case, self._record, start=self._done))
        if stream.total != self._length:
            raise ForgedError("payload_not_as_signed", record=self._record)
        self._chunks = stream.chunks
