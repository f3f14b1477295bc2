"""Who overwrites and deletes what lies in an S3 bucket, past everything that Escrow asks of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from escrow.config import S3Settings
from escrow.store.interface import Bucket
from escrow.store.s3_connection import S3Connection


@dataclass(frozen=True, slots=True)
class Vandal:
    """Over a connection whose credential may."""

    connection: S3Connection

    def put(self, bucket: Bucket, name: str, data: bytes) -> None:
        self.connection.call("put_object", bucket, Key=name, Body=data)

    def delete(self, bucket: Bucket, name: str) -> None:
        self.connection.call("delete_object", bucket, Key=name)


@contextmanager
def vandal_in(settings: S3Settings) -> Iterator[Vandal]:
    connection = S3Connection(settings)
    try:
        yield Vandal(connection)
    finally:
        connection.close()
