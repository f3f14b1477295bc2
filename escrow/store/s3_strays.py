"""What lies in a bucket and is no object of ours, by its name."""

from collections.abc import Iterator
from typing import Any

from escrow.store import names
from escrow.store.interface import Bucket, Stray, StrayKind
from escrow.store.s3_connection import S3Connection


class S3Strays:
    """Keeps the contract of escrow/store/interface.py `Strays`. `connection` is closed by who made it."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    def strays(self, bucket: Bucket) -> Iterator[Stray]:
        after: dict[str, Any] = {}
        while True:
            answer = self._connection.call("list_objects_v2", bucket, **after)
            for one in answer.get("Contents", ()):
                if not names.is_object(bucket, one["Key"]):
                    yield Stray(name=one["Key"], kind=StrayKind.NAME)
            if not answer.get("IsTruncated"):
                return
            after = {"ContinuationToken": answer["NextContinuationToken"]}
