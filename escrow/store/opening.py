"""The store that the settings name: a folder, or three buckets of an S3 server."""

from pathlib import Path

from escrow.config import Storage
from escrow.store.folder import FolderStore
from escrow.store.interface import Store


def open_store(storage: Storage) -> Store:
    """Nothing is looked at yet; `Store.check` does that. SetupError where credentials cannot be read."""
    if isinstance(storage, Path):
        return FolderStore(storage)
    from escrow.store.s3 import S3Store  # boto3 takes a quarter of a second to import

    return S3Store(storage)
