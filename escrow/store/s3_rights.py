"""What an S3 credential may do, asked one right at a time, so that nothing is written and nothing goes.

A server looks whether one may before it looks whether one can. So each question is a call that cannot
succeed: a read of what is not there, a write whose checksum is false, a removal of a name that nobody uses.
"Access denied" is one answer, every other refusal the other. Where a removal is allowed and the server keeps
a mark of it, the mark is taken away again.

The tables and `may_lock` are infra/policies/service.json as questions; a test compares them.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from escrow.errors import UnavailableError
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_errors import S3RefusedError

_POSSIBLE: Final = (
    "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "BadDigest", "InvalidDigest", "InvalidRequest",
    "InvalidArgument", "PreconditionFailed", "BucketAlreadyOwnedByYou", "BucketAlreadyExists",
    "ObjectLockConfigurationNotFoundError",
)  # fmt: skip
"""How servers say that one may and yet cannot."""
_FALSE_MD5: Final = "AAAAAAAAAAAAAAAAAAAAAA=="
_NOBODYS: Final = "00000000-0000-4000-8000-000000000000"
"""A version and an upload that do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One question. `action`: as policies of S3 spell it. `what`: in words, after "the credential may"."""

    action: str
    what: str
    bucket: Bucket
    operation: str
    resource: str = ""
    """What policies say behind the bucket's name; empty: the bucket itself."""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def needed() -> tuple[Right, ...]:
    """What a service must be allowed."""
    return (
        *(_bucket("s3:ListBucket", bucket, "list_objects_v2", MaxKeys=1) for bucket in _OWN),
        _bucket("s3:GetBucketVersioning", Bucket.RECORDS, "get_bucket_versioning"),
        _bucket("s3:GetBucketObjectLockConfiguration", Bucket.RECORDS, "get_object_lock_configuration"),
        *(_object("s3:GetObject", place, "get_object") for place in (*_places(), _later_cards())),
        *(_write(place) for place in _places()),
        *(_object(action, _payload(), *call) for action, call in _OF_PAYLOADS.items()),
    )


def asked_at_start() -> tuple[Right, ...]:
    """Of `needed`, what every start asks. No writes: a server that checks no checksums would keep them."""
    return tuple(right for right in needed() if right.action in _AT_START)


def harmful() -> tuple[Right, ...]:
    """What a service must not be allowed: whoever steals its credential has it too."""
    kept = [place for place in _places() if place.resource.endswith("*")]
    published = _Place(Bucket.PUBLIC, "releases/*", names.released(_id(), _id(), names.Released.MANIFEST))
    return (
        *(_object("s3:DeleteObject", place, "delete_object") for place in kept),
        *(_object("s3:DeleteObjectVersion", place, "delete_object", VersionId=_NOBODYS) for place in kept),
        _write(published),
        _object("s3:DeleteObject", published, "delete_object"),
        _write(_later_cards()),
        _write(_Place(Bucket.LEDGER, "*", f"elsewhere/{_id()}")),
        _bucket("s3:CreateBucket", Bucket.LEDGER, "create_bucket"),
    )


def may(connection: S3Connection, right: Right) -> bool:
    """Whether this credential has the right. UnavailableError where the server cannot be asked."""
    try:
        answer = connection.call(right.operation, right.bucket, expected=_POSSIBLE, **right.arguments)
    except S3RefusedError:
        return True
    except UnavailableError as error:
        if error.fields.get("reason") == "access_denied":
            return False
        raise
    if "Body" in answer:
        answer["Body"].close()
    if answer.get("DeleteMarker") and "VersionId" not in right.arguments:
        with suppress(UnavailableError, S3RefusedError):
            connection.call("delete_object", right.bucket, **right.arguments, VersionId=answer["VersionId"])
    return True


def may_lock(connection: S3Connection) -> bool | None:
    """Whether this credential may lock payloads (s3:PutObjectRetention). None: there is no payload to ask by.

    MinIO looks for the object before the right. So a payload that is locked is locked again as it is.
    """
    found = connection.call("list_objects_v2", Bucket.RECORDS, Prefix=names.PAYLOADS, MaxKeys=_LOOKED_AT)
    for one in found.get("Contents", ()):
        where = {"Key": one["Key"]}
        try:
            standing = connection.call("get_object_retention", Bucket.RECORDS, expected=_UNLOCKED, **where)
        except S3RefusedError:
            continue
        try:
            connection.call("put_object_retention", Bucket.RECORDS, **where, Retention=standing["Retention"])
        except UnavailableError as error:
            if error.fields.get("reason") == "access_denied":
                return False
            raise
        return True
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where objects of one kind lie, as a policy names it, and the name of one that is not there."""

    bucket: Bucket
    resource: str
    name: str


_LOOKED_AT: Final = 100
_UNLOCKED: Final = ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "NoSuchKey")
_OWN: Final = (Bucket.LEDGER, Bucket.RECORDS)
_OF_PAYLOADS: Final[dict[str, tuple[str]]] = {
    "s3:AbortMultipartUpload": ("abort_multipart_upload",),
    "s3:ListMultipartUploadParts": ("list_parts",),
    "s3:GetObjectVersion": ("get_object",),
    "s3:GetObjectRetention": ("get_object_retention",),
}
_AT_START: Final = (
    "s3:ListBucket", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload", "s3:GetObjectRetention",
)  # fmt: skip
_MORE: Final[dict[str, Mapping[str, Any]]] = {
    "s3:AbortMultipartUpload": {"UploadId": _NOBODYS},
    "s3:ListMultipartUploadParts": {"UploadId": _NOBODYS},
    "s3:GetObjectVersion": {"VersionId": _NOBODYS},
}


def _places() -> Iterator[_Place]:
    """Everything that a service writes. The canary and its like have one name each, and it is there."""
    case, payload = _id(), _payload().name
    yield _Place(Bucket.LEDGER, "cases/*", names.entry(case, 0))
    yield _Place(Bucket.LEDGER, "cards/*", names.card_index(_id(), case))
    yield _Place(Bucket.LEDGER, "references/*", names.reference(_id(), _id()))
    yield _Place(Bucket.LEDGER, "service", names.SERVICE)
    yield _Place(Bucket.RECORDS, "shares/*", names.share(case, _id()))
    yield _payload()
    yield _Place(Bucket.RECORDS, "uploads/*", names.upload_plan(payload))
    yield _Place(Bucket.RECORDS, "staged/*", names.staged(case, _id(), secrets.token_hex(16)))
    form = secrets.token_hex(names.FORM_DIGITS // 2)
    yield _Place(Bucket.RECORDS, "snapshots/*", names.snapshot(case, form, 0))
    yield _Place(Bucket.RECORDS, "changes/*", names.change(0, case))
    yield _Place(Bucket.RECORDS, "hooks/*", names.hook_opened(_id(), secrets.token_hex(16)))
    for bucket in Bucket:
        yield _Place(bucket, "canary", names.CANARY)


def _id() -> str:
    """Nobody's: random, so that no case, card or upload has it."""
    return secrets.token_hex(32)


def _later_cards() -> _Place:
    """Which a service reads, and an administrator writes."""
    return _Place(Bucket.LEDGER, "services/*", names.later_service(_id()))


def _payload() -> _Place:
    return _Place(Bucket.RECORDS, "payloads/*", names.payload(_id(), secrets.token_hex(16)))


_WORDS: Final = {
    "s3:ListBucket": "list what is in it",
    "s3:GetBucketVersioning": "ask whether it keeps versions",
    "s3:GetBucketObjectLockConfiguration": "ask whether it has Object Lock",
    "s3:GetObject": "read",
    "s3:PutObject": "write",
    "s3:DeleteObject": "delete",
    "s3:DeleteObjectVersion": "delete versions of",
    "s3:CreateBucket": "make buckets",
    "s3:AbortMultipartUpload": "give up uploads of",
    "s3:ListMultipartUploadParts": "list the parts of",
    "s3:GetObjectVersion": "read versions of",
    "s3:GetObjectRetention": "see the lock of",
}


def _bucket(action: str, bucket: Bucket, operation: str, **arguments: Any) -> Right:
    return Right(action=action, what=_WORDS[action], bucket=bucket, operation=operation, arguments=arguments)


def _object(action: str, place: _Place, operation: str, **arguments: Any) -> Right:
    more = {"Key": place.name, **_MORE.get(action, {}), **arguments}
    return Right(
        action=action, what=f"{_WORDS[action]} {place.resource}", bucket=place.bucket, operation=operation,
        resource=place.resource, arguments=more,
    )  # fmt: skip


def _write(place: _Place) -> Right:
    return _object(
        "s3:PutObject", place, "put_object", Body=b"never kept\n", ContentMD5=_FALSE_MD5, IfNoneMatch="*"
    )
