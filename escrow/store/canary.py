"""The start-up check that a store keeps its first promise: a name, once taken, stays taken.

Some S3 servers take a "create only if absent" and overwrite in silence. Two service processes on such a
server would both believe that they wrote entry n. So every start tries to overwrite one fixed object in every
bucket, and a service whose store lets that happen refuses to start.
"""

from typing import Final

from escrow.errors import NotFoundError, SetupError, TooLargeError
from escrow.store import names
from escrow.store.interface import Bucket, Outcome, Store

FIRST: Final = b"escrow canary: the first write stays\n"
SECOND: Final = b"escrow canary: a second write got through\n"


def require_create_only(store: Store) -> None:
    """Try to overwrite the canary of every bucket. SetupError "store_not_create_only" (bucket)."""
    for bucket in Bucket:
        store.create(bucket, names.CANARY, FIRST)  # the very first start; at every later one it is taken
        second = store.create(bucket, names.CANARY, SECOND)
        if second is not Outcome.ALREADY_OTHER or _read(store, bucket) != FIRST:
            raise SetupError("store_not_create_only", bucket=bucket.value)


def _read(store: Store, bucket: Bucket) -> bytes | None:
    try:
        return store.get(bucket, names.CANARY, limit=len(SECOND))
    except (NotFoundError, TooLargeError):
        return None
