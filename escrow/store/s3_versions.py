"""What S3 keeps of objects that somebody overwrote or deleted."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final
from xml.etree import ElementTree

from escrow.errors import RefusedError
from escrow.store import names
from escrow.store.interface import Bucket, ObjectVersion
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError
from escrow.store.s3_reading import head, stream

_WHOLE: Final = 5 * 1024**3
"""What one copy on the server takes; longer payloads are copied in parts."""
_PART: Final = 1024**3
_ORDER: Final = "EscrowOrder"


class S3Versions:
    """Keeps the contract of escrow/store/interface.py `Versioned`. `connection` is closed by who made it."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    def versions(self, bucket: Bucket, prefix: str, *, after: str = "") -> Iterator[ObjectVersion]:
        for _, same in groupby(self._listed(bucket, prefix, after), key=lambda one: one.name):
            yield from reversed(list(same))

    def get_version(self, bucket: Bucket, name: str, version: str, *, limit: int) -> bytes:
        names.require_object(bucket, name)
        return self._connection.read(bucket, name, limit=limit, version=version)

    def payload_version(self, name: str, version: str) -> Iterator[bytes]:
        names.parse_payload(name)
        return self.stream_version(Bucket.RECORDS, name, version)

    def stream_version(self, bucket: Bucket, name: str, version: str) -> Iterator[bytes]:
        names.require_object(bucket, name)
        return stream(self._connection, bucket, name, version=version)

    def restore(self, bucket: Bucket, name: str, version: str) -> None:
        names.require_object(bucket, name)
        length = int(head(self._connection, bucket, name, version)["ContentLength"])
        source = {"Bucket": self._connection.bucket(bucket), "Key": name, "VersionId": version}
        try:
            if length <= _WHOLE:
                self._connection.call(
                    "copy_object", bucket, Key=name, CopySource=source, expected=("AccessDenied",)
                )
            else:
                self._copy_parts(bucket, name, source, length)
        except S3RefusedError:
            raise RefusedError("restore_forbidden", bucket=self._connection.bucket(bucket)) from None

    def retained_until(self, bucket: Bucket, name: str, version: str) -> datetime | None:
        found: datetime | None = head(self._connection, bucket, name, version).get(
            "ObjectLockRetainUntilDate"
        )
        return None if found is None else found.astimezone(UTC)

    def _copy_parts(self, bucket: Bucket, name: str, source: dict[str, str], length: int) -> None:
        denied = ("AccessDenied",)
        upload = self._connection.call("create_multipart_upload", bucket, Key=name, expected=denied)[
            "UploadId"
        ]
        parts = []
        for number, start in enumerate(range(0, length, _PART), start=1):
            last = min(start + _PART, length) - 1
            answer = self._connection.call(
                "upload_part_copy", bucket, Key=name, UploadId=upload, PartNumber=number, CopySource=source,
                CopySourceRange=f"bytes={start}-{last}", expected=denied,
            )  # fmt: skip
            parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
        self._connection.call(
            "complete_multipart_upload", bucket, Key=name, UploadId=upload, MultipartUpload={"Parts": parts}
        )

    def _listed(self, bucket: Bucket, prefix: str, begin: str) -> Iterator[ObjectVersion]:
        """Names sorted; of one name the latest first, as S3 lists them: times are too coarse to sort by."""
        self._connection.client.meta.events.register(
            "before-parse.s3.ListObjectVersions", _keep_order, unique_id=_ORDER
        )
        after: dict[str, Any] = {"KeyMarker": begin} if begin else {}
        while True:
            answer: Any = self._connection.call("list_object_versions", bucket, Prefix=prefix, **after)
            kept = (_version(one, one["Size"]) for one in answer.get("Versions", ()))
            marks = (_version(one, None) for one in answer.get("DeleteMarkers", ()))
            yield from (next(marks if is_marker else kept) for is_marker in answer[_ORDER])
            if not answer.get("IsTruncated"):
                return
            after = {"KeyMarker": answer["NextKeyMarker"]}
            if answer.get("NextVersionIdMarker"):
                after["VersionIdMarker"] = answer["NextVersionIdMarker"]


def _version(found: Any, length: int | None) -> ObjectVersion:
    return ObjectVersion(
        name=found["Key"],
        version=found["VersionId"],
        is_latest=found["IsLatest"],
        written_at=found["LastModified"].astimezone(UTC),
        data_length=length,
    )


def _keep_order(response_dict: Any, customized_response_dict: Any, **_: Any) -> None:
    """boto3 tells versions and markers apart, and with that forgets their order: of each, is it a marker?"""
    if response_dict["status_code"] == 200:
        listing = ElementTree.fromstring(response_dict["body"])  # noqa: S314  as boto3 reads it
        found = (one.tag.rpartition("}")[2] for one in listing)
        order = [tag == "DeleteMarker" for tag in found if tag in ("Version", "DeleteMarker")]
        customized_response_dict[_ORDER] = order
