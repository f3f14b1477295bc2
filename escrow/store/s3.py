"""The store in three buckets of an S3 server: MinIO, Ceph RGW, AWS and their like.

Everything rests on one thing that S3 servers promise since 2024: of writers who say `If-None-Match: *`, one
wins. Whether this server keeps the promise, every start asks (canary.py). How a payload comes to be is in
s3_uploads.py, how long it stays in s3_retention.py, what is refused at the start in s3_check.py.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, Final

from escrow.config import S3Settings
from escrow.errors import MalformedError, NotFoundError, TooLargeError
from escrow.store import names
from escrow.store.interface import MAX_PAGE, Bucket, Outcome, PartReceipt, StoredPayload, UploadPlan
from escrow.store.s3_check import require_usable
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError, failed
from escrow.store.s3_retention import S3Retention
from escrow.store.s3_uploads import S3Uploads
from escrow.store.watching import Watch, nobody

_RACES: Final = 8
"""Writes of one name at once may all be told to try again; the first that is not settles it."""
_TAKEN: Final = "PreconditionFailed"
_AGAIN: Final = "ConditionalRequestConflict"


class S3Store:
    """Keeps the contract of escrow/store/interface.py `Store`. `watch` and `serving`: see S3Connection."""

    def __init__(self, settings: S3Settings, *, watch: Watch = nobody, serving: bool = False) -> None:
        self.connection = S3Connection(settings, watch=watch, serving=serving)
        self._uploads = S3Uploads(self.connection, create=self.create, get=self.get)
        self._retention = S3Retention(self.connection)

    def close(self) -> None:
        """Let go of the connections."""
        self.connection.close()

    def check(self) -> None:
        require_usable(self, self.connection)

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        names.require_object(bucket, name)
        digest = b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")
        for _ in range(_RACES):
            try:
                self.connection.call(
                    "put_object", bucket, Key=name, Body=data, IfNoneMatch="*",
                    ContentMD5=digest,  # where the bucket locks what comes in, AWS asks for one
                    expected=(_TAKEN, _AGAIN),
                )  # fmt: skip
            except S3RefusedError as refused:
                if refused.code == _TAKEN:
                    found = self._same(bucket, name, data)
                    if found is not None:
                        return found
            else:
                return Outcome.CREATED
        raise failed("write_conflict", bucket, "put_object")

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        names.require_object(bucket, name)
        return self.connection.read(bucket, name, limit=limit)

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = MAX_PAGE) -> list[str]:
        names.require_prefix(prefix)
        if not 1 <= limit <= MAX_PAGE:
            raise MalformedError("page_limit_out_of_range", field="limit", limit=MAX_PAGE)
        page: list[str] = []
        for name in self._listing(bucket, prefix, after, limit):
            if names.is_object(bucket, name):
                page.append(name)
                if len(page) == limit:
                    break
        return page

    def begin_upload(self, name: str, plan: UploadPlan) -> None:
        self._uploads.begin(name, plan)

    def upload_plan(self, name: str) -> UploadPlan:
        return self._uploads.plan(name)

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        return self._uploads.put_part(name, number, body)

    def put_payload(self, name: str, body: BinaryIO, *, sha256: str | None = None) -> StoredPayload:
        return self._uploads.put_payload(name, body, sha256)

    def part_addresses(self, name: str, numbers: Sequence[int], *, valid_s: int) -> list[str] | None:
        return self._uploads.part_addresses(name, numbers, valid_s)

    def parts(self, name: str) -> list[PartReceipt]:
        return self._uploads.parts(name)

    def complete_upload(self, name: str) -> StoredPayload:
        return self._uploads.complete(name)

    def payload(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return self._uploads.payload(name, start, stop)

    def payload_length(self, name: str) -> int:
        return self._uploads.length(name)

    def retain(self, name: str, until: datetime) -> None:
        self._retention.extend(name, until)

    def retention(self, name: str) -> datetime | None:
        return self._retention.latest(name)

    def _same(self, bucket: Bucket, name: str, data: bytes) -> Outcome | None:
        """What a taken name holds: our bytes (perhaps from a try whose answer was lost) or others.

        None: it is gone again, which only somebody who may delete brings about.
        """
        try:
            found = self.get(bucket, name, limit=len(data))
        except TooLargeError:
            return Outcome.ALREADY_OTHER
        except NotFoundError:
            return None
        return Outcome.ALREADY_SAME if found == data else Outcome.ALREADY_OTHER

    def _listing(self, bucket: Bucket, prefix: str, after: str, limit: int) -> Iterator[str]:
        """Every name under the prefix after a text, page by page; also names that are none of ours."""
        while True:
            answer = self.connection.call(
                "list_objects_v2", bucket, Prefix=prefix, StartAfter=after, MaxKeys=limit
            )
            found = [one["Key"] for one in answer.get("Contents", ())]
            yield from found
            if not answer.get("IsTruncated") or not found:
                return
            after = found[-1]
