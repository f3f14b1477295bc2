"""Remove from S3 what no entry names, with a credential that may; the server's locks decide last."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from escrow.errors import NotFoundError, RefusedError, UnavailableError
from escrow.store import names, notes
from escrow.store.interface import Bucket
from escrow.store.s3_check import server_time
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError, failed
from escrow.store.s3_reading import head

_RECORDS: Final = Bucket.RECORDS
_LOCKED: Final = ("AccessDenied", "InvalidRequest", "ObjectLocked")
"""How servers refuse to delete a version that is locked; the first, also where the credential may not."""
_JUST_OVER: Final = timedelta(seconds=2)
"""A lock that ends between being asked to delete and being looked at was the reason; clocks have seconds."""
_GONE: Final = ("NoSuchUpload", "NoSuchKey")
"""How servers say that an upload is over: Ceph in the second way."""


class S3Sweeper:
    """Keeps the contract of escrow/store/interface.py `Sweepable`. `connection` is closed by who made it."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    def now(self) -> datetime:
        return server_time(self._connection, _RECORDS)

    def written_at(self, bucket: Bucket, name: str) -> datetime:
        names.require_object(bucket, name)
        found: datetime = head(self._connection, bucket, name)["LastModified"]
        return found.astimezone(UTC)

    def discard_upload(self, name: str) -> None:
        """The parts first, which the server does in one step: what is not completed then, never will be."""
        names.parse_payload(name)
        self._require_open(name)
        plan = names.upload_plan(name)
        try:
            raw = self._connection.read(_RECORDS, plan, limit=notes.NOTE_LIMIT)
        except NotFoundError:
            return
        with suppress(S3RefusedError):
            self._connection.call(
                "abort_multipart_upload", _RECORDS, Key=name, UploadId=notes.parse_multipart(raw),
                expected=_GONE,
            )  # fmt: skip
        self._require_open(name)
        self.discard(plan)

    def discard(self, name: str) -> None:
        """Every version and marker of it: one that stays would come to light when those above are gone."""
        names.require_discardable(name)
        while found := self._versions(name):
            for version in found:
                try:
                    self._connection.call(
                        "delete_object", _RECORDS, Key=name, VersionId=version, expected=_LOCKED
                    )
                except S3RefusedError as error:
                    raise self._locked(name, version, error.code) from None

    def _require_open(self, name: str) -> None:
        with suppress(NotFoundError):
            head(self._connection, _RECORDS, name)
            raise RefusedError("upload_completed")

    def _locked(self, name: str, version: str, code: str) -> RefusedError | UnavailableError:
        """What a refusal to delete means: a lock that stands, or that the credential may not."""
        until = None
        with suppress(NotFoundError, UnavailableError):  # a marker has no lock, and cannot be looked at
            until = head(self._connection, _RECORDS, name, version).get("ObjectLockRetainUntilDate")
        if until is None or until < self.now() - _JUST_OVER:
            return failed(code, _RECORDS, "delete_object")
        return RefusedError("object_retained", until=until.astimezone(UTC).isoformat())

    def _versions(self, name: str) -> list[str]:
        """Up to a page of them, versions before the markers that may lie above them."""
        answer: Any = self._connection.call("list_object_versions", _RECORDS, Prefix=name)
        found = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
        return [one["VersionId"] for one in found if one["Key"] == name]
