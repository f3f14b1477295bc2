"""A part on its way to an S3 server: a slow line is no fault, one that stands still is."""

import io
from typing import Any


class PieceByPiece(io.RawIOBase):
    """Bytes as a file, without a copy: boto3 sends a file in pieces, each within a time-out of its own.

    Given as bytes, all of a part would have to be on its way within the time-out for a connection.
    """

    def __init__(self, data: bytearray) -> None:
        self._view = memoryview(data)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._view[self._at : self._at + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._view.release()
        super().close()
