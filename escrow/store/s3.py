"""The store in three buckets of an S3 server: MinIO, Ceph RGW, AWS."""

from escrow.config import S3Settings


class S3Store:
    """Keeps the contract of escrow/store/interface.py `Store`."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
