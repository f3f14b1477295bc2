"""How long payloads are retained, on S3: Object Lock on the one version that is there.

Set by version id, so that nobody's later marker or version is locked instead; read back, because some servers
take a retention and forget it.
"""

from datetime import datetime
from typing import Any, Final

from escrow.errors import RefusedError
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.retention import whole_second
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError, failed
from escrow.store.s3_reading import head

_RECORDS: Final = Bucket.RECORDS
_NOT_SHORTER: Final = ("AccessDenied", "InvalidRequest")
"""How servers refuse to shorten a lock. Both are said of other things too, so what stands is looked at."""

_SWEPT: Final = "NoSuchKey"
"""Between looking and locking; looking again says so."""


class S3Retention:
    """escrow/store/interface.py says what each call decides."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection
        self._mode = connection.settings.lock.upper()

    def extend(self, name: str, until: datetime) -> None:
        """Set a time that is not before the one that stands; in governance mode too."""
        wanted = whole_second(until)
        found = self._look(name)
        standing = _until(found)
        if standing is not None and wanted < standing:
            raise RefusedError("retention_shortened", until=standing.isoformat())
        if wanted != standing:
            self._put(name, wanted, found)

    def _put(self, name: str, wanted: datetime, found: Any) -> None:
        version = {"VersionId": found["VersionId"]} if "VersionId" in found else {}
        refused = "retention_not_kept"
        try:
            self._connection.call(
                "put_object_retention", _RECORDS, Key=name, **version, expected=(*_NOT_SHORTER, _SWEPT),
                Retention={"Mode": self._mode, "RetainUntilDate": wanted},
            )  # fmt: skip
        except S3RefusedError as error:
            refused = error.code
        kept = _until(head(self._connection, _RECORDS, name, found.get("VersionId")))
        if kept is None or kept < wanted:
            raise failed(refused, _RECORDS, "put_object_retention")
        if refused in _NOT_SHORTER and kept > wanted:  # somebody else has set a later time meanwhile
            raise RefusedError("retention_shortened", until=kept.isoformat())

    def latest(self, name: str) -> datetime | None:
        """The time that stands."""
        return _until(self._look(name))

    def _look(self, name: str) -> Any:
        names.parse_payload(name)
        return head(self._connection, _RECORDS, name)


def _until(found: Any) -> datetime | None:
    until: datetime | None = found.get("ObjectLockRetainUntilDate")
    return until
