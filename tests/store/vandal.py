"""Who overwrites and deletes what lies in an S3 bucket, past everything that Escrow asks of it."""

from dataclasses import dataclass

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
