"""What is released to everybody, in the public bucket of an S3 server.

A short object is one create-only put. A long one is a multipart upload that is completed create-only, which
some servers that keep the first ignore, Ceph 16 among them. So whoever is about to publish a long one asks
first (`_require_create_only`), and publishes none there.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from escrow.errors import MalformedError, NotFoundError, SetupError, UnavailableError
from escrow.store import names
from escrow.store.canary import FIRST
from escrow.store.interface import MIB, Bucket, Outcome
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError, failed
from escrow.store.s3_reading import head, stream

_PUBLIC: Final = Bucket.PUBLIC
_PART: Final = 16 * MIB
_MAX_PARTS: Final = 10_000
_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict")
"""The second says that somebody is at it; whether the name is taken then, is looked at."""
_GONE: Final = ("NoSuchUpload", "NoSuchKey")
_COMPLETE: Final = "complete_multipart_upload"


class S3Publisher:
    """Keeps the contract of escrow/store/interface.py `Publisher`. `connection` is closed by who made it."""

    def __init__(self, connection: S3Connection, *, create: Callable[[Bucket, str, bytes], Outcome]) -> None:
        self._connection = connection
        self._create = create
        self._asked = False

    def publish(self, name: str, chunks: Iterable[bytes], *, length: int) -> bool:
        names.parse_released(name)
        size = max(_PART, -(-length // _MAX_PARTS))
        parts = _pieces(chunks, length, size)
        if length <= size:
            return self._create(_PUBLIC, name, b"".join(parts)) is Outcome.CREATED
        self._require_create_only()
        return self._long(name, parts)

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        names.parse_released(name)
        return stream(self._connection, _PUBLIC, name, start=start, stop=stop)

    def published_length(self, name: str) -> int:
        names.parse_released(name)
        return int(head(self._connection, _PUBLIC, name)["ContentLength"])

    def _require_create_only(self) -> None:
        """SetupError "store_not_create_only" (bucket) where a completed upload takes a name that is taken.

        Asked once, with a canary beside the releases. What gets through has the very bytes that are there.
        """
        if not self._asked:
            self._create(_PUBLIC, names.RELEASES_CANARY, FIRST)
            if self._long(names.RELEASES_CANARY, (FIRST,)):
                raise SetupError("store_not_create_only", bucket=_PUBLIC.value)
            self._asked = True

    def _long(self, name: str, parts: Iterable[bytes]) -> bool:
        upload = self._connection.call("create_multipart_upload", _PUBLIC, Key=name)["UploadId"]
        new = False
        try:
            tags = [self._send(name, upload, number, part) for number, part in enumerate(parts, start=1)]
            new = self._complete(name, upload, tags)
        finally:
            if not new:
                self._abort(name, upload)
        return new

    def _send(self, name: str, upload: str, number: int, part: bytes) -> dict[str, object]:
        answer = self._connection.call(
            "upload_part", _PUBLIC, Key=name, UploadId=upload, PartNumber=number, Body=part
        )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _complete(self, name: str, upload: str, tags: list[dict[str, object]]) -> bool:
        try:
            self._connection.call(
                _COMPLETE, _PUBLIC, Key=name, UploadId=upload, IfNoneMatch="*",
                MultipartUpload={"Parts": tags}, expected=_TAKEN,
            )  # fmt: skip
        except S3RefusedError:
            try:
                head(self._connection, _PUBLIC, name)
            except NotFoundError:
                raise failed("write_conflict", _PUBLIC, _COMPLETE) from None
            return False
        return True

    def _abort(self, name: str, upload: str) -> None:
        with suppress(S3RefusedError, UnavailableError):  # what went wrong before is what counts
            self._connection.call(
                "abort_multipart_upload", _PUBLIC, Key=name, UploadId=upload, expected=_GONE
            )


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
