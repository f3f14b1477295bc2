"""Look at an object on S3, and read it in chunks of 1 MiB, going on where a line breaks."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, cast

from escrow.errors import MalformedError, NotFoundError
from escrow.store.interface import MIB, Bucket
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import BROKEN, S3RefusedError, failed

CHUNK: Final = MIB
_RESUMES: Final = 3
"""A line that breaks this often without a byte arriving between is down."""


def head(connection: S3Connection, bucket: Bucket, name: str, version: str | None = None) -> Any:
    """boto3's answer to HeadObject. NotFoundError `object_unknown`."""
    chosen: Any = {} if version is None else {"VersionId": version}
    try:
        return connection.call("head_object", bucket, Key=name, expected=("NoSuchKey",), **chosen)
    except S3RefusedError:
        raise NotFoundError("object_unknown") from None


def stream(
    connection: S3Connection,
    bucket: Bucket,
    name: str,
    *,
    start: int = 0,
    stop: int | None = None,
    version: str | None = None,
) -> Iterator[bytes]:
    """Bytes `start` to `stop`, as `Store.payload` gives them; refused by this call itself."""
    found = head(connection, bucket, name, version)
    length = int(found["ContentLength"])
    stop = length if stop is None else stop
    if not 0 <= start <= stop <= length:
        raise MalformedError("range_out_of_bounds", field="range", length=length)
    chosen: Any = {"IfMatch": found["ETag"]} if version is None else {"VersionId": version}
    return _chunks(connection, bucket, name, start, stop, chosen)


def _chunks(
    connection: S3Connection, bucket: Bucket, name: str, start: int, stop: int, chosen: Any
) -> Iterator[bytes]:
    """Of that very object: one that is put in its place meanwhile is not gone on with."""
    at, tries = start, 0
    while at < stop:
        try:
            answer = connection.call(
                "get_object", bucket, Key=name, Range=f"bytes={at}-{stop - 1}", **chosen,
                expected=("NoSuchKey", "PreconditionFailed"),
            )  # fmt: skip
        except S3RefusedError:
            raise failed("object_replaced", bucket, "get_object") from None
        with closing(answer["Body"]) as body:
            while chunk := _next(body):
                at, tries = at + len(chunk), 0
                yield chunk
        tries += 1
        if at < stop and tries > _RESUMES:
            raise failed("unreachable", bucket, "get_object")


def _next(body: Any) -> bytes:
    """Nothing at the end, and nothing when the line breaks: whoever counts bytes sees which."""
    try:
        return cast(bytes, body.read(CHUNK))
    except BROKEN:
        return b""
