"""What is released to everybody, in the public bucket of an S3 server.

A short object is one create-only put. A long one is a multipart upload that is completed create-only: MinIO
and AWS refuse the second. A server that ignores the condition keeps both as versions, of the same bytes,
since what is released is the same whoever releases it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from escrow.errors import MalformedError
from escrow.store import names
from escrow.store.interface import MIB, Bucket
from escrow.store.s3_connection import S3Connection, S3RefusedError
from escrow.store.s3_reading import head, stream

_PUBLIC: Final = Bucket.PUBLIC
_PART: Final = 16 * MIB
_MAX_PARTS: Final = 10_000
_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict")


class S3Publisher:
    """Keeps the contract of escrow/store/interface.py `Publisher`. `connection` is closed by who made it."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    def publish(self, name: str, chunks: Iterable[bytes], *, length: int) -> bool:
        names.parse_released(name)
        size = max(_PART, -(-length // _MAX_PARTS))
        parts = _pieces(chunks, length, size)
        if length > size:
            return self._long(name, parts)
        try:
            self._connection.call(
                "put_object", _PUBLIC, Key=name, Body=b"".join(parts), IfNoneMatch="*", expected=_TAKEN
            )
        except S3RefusedError:
            return False
        return True

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        names.parse_released(name)
        return stream(self._connection, _PUBLIC, name, start=start, stop=stop)

    def published_length(self, name: str) -> int:
        names.parse_released(name)
        return int(head(self._connection, _PUBLIC, name)["ContentLength"])

    def _long(self, name: str, parts: Iterable[bytes]) -> bool:
        upload = self._connection.call("create_multipart_upload", _PUBLIC, Key=name)["UploadId"]
        done = False
        try:
            tags = [
                {
                    "PartNumber": number,
                    "ETag": self._connection.call(
                        "upload_part", _PUBLIC, Key=name, UploadId=upload, PartNumber=number, Body=part
                    )["ETag"],
                }
                for number, part in enumerate(parts, start=1)
            ]
            self._connection.call(
                "complete_multipart_upload", _PUBLIC, Key=name, UploadId=upload, IfNoneMatch="*",
                MultipartUpload={"Parts": tags}, expected=_TAKEN,
            )  # fmt: skip
            done = True
        except S3RefusedError:
            return False
        finally:
            if not done:
                with suppress(S3RefusedError):
                    self._connection.call(
                        "abort_multipart_upload",
                        _PUBLIC,
                        Key=name,
                        UploadId=upload,
                        expected=("NoSuchUpload",),
                    )
        return True


def _pieces(chunks: Iterable[bytes], length: int, size: int) -> Iterator[bytes]:
    """The bytes in pieces of `size`; exactly `length`, or MalformedError `payload_length_out_of_range`."""
    piece, seen = bytearray(), 0
    for chunk in chunks:
        seen += len(chunk)
        if seen > length:
            break
        piece += chunk
        while len(piece) >= size:
            yield bytes(piece[:size])
            del piece[:size]
    if seen != length:
        raise MalformedError("payload_length_out_of_range", field="length", limit=length)
    if piece:
        yield bytes(piece)
