"""The store that the settings name: a folder, or three buckets of an S3 server.

A service opens a `Store`, which removes nothing. An `Archive` is for scripts: it has the tools
beside, each of which needs a credential that may use it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from escrow.config import Storage
from escrow.store.folder import FolderStore
from escrow.store.folder_publishing import FolderPublisher
from escrow.store.folder_strays import FolderStrays
from escrow.store.folder_sweeping import FolderSweeper
from escrow.store.interface import Locking, Publisher, Store, Strays, Sweepable, Versioned
from escrow.store.watching import Watch, nobody


def open_store(storage: Storage, *, watch: Watch = nobody) -> Store:
    """For a service. Nothing is looked at yet; `Store.check` does that.

    SetupError where credentials cannot be read.
    `watch` is told of every call to an S3 server; a folder has nothing to tell.
    """
    if isinstance(storage, Path):
        return FolderStore(storage)
    from escrow.store.s3 import S3Store  # boto3 takes a quarter of a second to import

    return S3Store(storage, watch=watch, serving=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A store and the tools over it. `versions` None: nothing is kept of what somebody overwrites.

    `locks` None: nothing keeps whoever may write there from removing anything.
    """

    store: Store
    publisher: Publisher
    sweeper: Sweepable
    strays: Strays
    versions: Versioned | None
    locks: Locking | None


@contextmanager
def open_archive(storage: Storage) -> Iterator[Archive]:
    """For a script, as long as it runs. What its credential may not do, the server refuses."""
    if isinstance(storage, Path):
        yield Archive(
            store=FolderStore(storage),
            publisher=FolderPublisher(storage),
            sweeper=FolderSweeper(storage),
            strays=FolderStrays(storage),
            versions=None,
            locks=None,
        )
        return
    from escrow.store.s3 import S3Store
    from escrow.store.s3_locks import S3Locks
    from escrow.store.s3_publishing import S3Publisher
    from escrow.store.s3_strays import S3Strays
    from escrow.store.s3_sweeping import S3Sweeper
    from escrow.store.s3_versions import S3Versions

    store = S3Store(storage)
    line = store.connection
    try:
        yield Archive(
            store=store,
            publisher=S3Publisher(line, create=store.create),
            sweeper=S3Sweeper(line),
            strays=S3Strays(line),
            versions=S3Versions(line),
            locks=S3Locks(line),
        )
    finally:
        store.close()
