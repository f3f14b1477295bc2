"""What S3 locks by itself, and until when a version is locked: read along with its bytes."""

from datetime import UTC, timedelta
from typing import Final

from escrow.store import names
from escrow.store.interface import Bucket, LockedObject
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError

_NO_LOCK: Final = "ObjectLockConfigurationNotFoundError"


class S3Locks:
    """Keeps the contract of escrow/store/interface.py `Locking`. `connection` is closed by who made it."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    def term(self, bucket: Bucket) -> timedelta | None:
        try:
            found = self._connection.call("get_object_lock_configuration", bucket, expected=(_NO_LOCK,))
        except S3RefusedError:
            return None
        rule = found["ObjectLockConfiguration"].get("Rule", {}).get("DefaultRetention", {})
        days = rule.get("Days", 0) + 365 * rule.get("Years", 0)
        return timedelta(days=days) if days else None

    def get_locked(self, bucket: Bucket, name: str, version: str, *, limit: int) -> LockedObject:
        names.require_object(bucket, name)
        data, answer = self._connection.read_answer(bucket, name, limit=limit, version=version)
        until = answer.get("ObjectLockRetainUntilDate")
        return LockedObject(data=data, until=None if until is None else until.astimezone(UTC))
