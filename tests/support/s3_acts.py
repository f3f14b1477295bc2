"""Acts on an S3 server, each a function of client and site, to be tried with one credential or another."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from support.minio import Site

from escrow.store import names
from escrow.store.interface import Bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CASE, CARD, UPLOAD = "ab" * 32, "cd" * 32, "01" * 16
ENTRY = names.entry(CASE, 0)
PAYLOAD = names.payload(CASE, UPLOAD)
SHARE = names.share(CASE, "ef" * 32)
PLAN = names.upload_plan(PAYLOAD)
CHANGE = names.change(29_000_000, CASE)
REFERENCE = names.reference(CARD, "34" * 32)
MANIFEST = names.released(CASE, "12" * 32, names.Released.MANIFEST)
REFUSED = {"AccessDenied", "InvalidRequest"}
"""How MinIO says no: the second where a lock stands, whoever asks."""
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)

Act = Callable[["S3Client", Site], object]


def version(client: "S3Client", site: Site, bucket: Bucket, name: str) -> str:
    return client.head_object(Bucket=site.bucket(bucket), Key=name)["VersionId"]


def retain(
    client: "S3Client", site: Site, name: str, until: datetime, *, mode: Any = "GOVERNANCE", **more: Any
) -> object:
    return client.put_object_retention(
        Bucket=site.bucket(Bucket.RECORDS),
        Key=name,
        Retention={"Mode": mode, "RetainUntilDate": until},
        **more,
    )


def put(bucket: Bucket, name: str) -> Act:
    return lambda client, site: client.put_object(Bucket=site.bucket(bucket), Key=name, Body=b"other")


def get(bucket: Bucket, name: str) -> Act:
    return lambda client, site: client.get_object(Bucket=site.bucket(bucket), Key=name)["Body"].read()


def copy(bucket: Bucket, name: str, taken: str) -> Act:
    """What lies under `name`, to another name of the records."""

    def act(client: "S3Client", site: Site) -> object:
        source: Any = {"Bucket": site.bucket(bucket), "Key": name}
        return client.copy_object(Bucket=site.bucket(Bucket.RECORDS), Key=taken, CopySource=source)

    return act


def delete(bucket: Bucket, name: str) -> Act:
    return lambda client, site: client.delete_object(Bucket=site.bucket(bucket), Key=name)


def delete_version(bucket: Bucket, name: str, **more: Any) -> Act:
    def act(client: "S3Client", site: Site) -> object:
        with site.client("root") as root:
            found = version(root, site, bucket, name)
        return client.delete_object(Bucket=site.bucket(bucket), Key=name, VersionId=found, **more)

    return act


def shorten(client: "S3Client", site: Site) -> object:
    return retain(client, site, PAYLOAD, LATER - timedelta(days=20))


def shorten_bypassing(client: "S3Client", site: Site) -> object:
    return retain(client, site, PAYLOAD, LATER - timedelta(days=20), BypassGovernanceRetention=True)


def unlock_bucket(client: "S3Client", site: Site) -> object:
    return client.put_object_lock_configuration(
        Bucket=site.bucket(Bucket.LEDGER), ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )


def suspend_versions(client: "S3Client", site: Site) -> object:
    return client.put_bucket_versioning(
        Bucket=site.bucket(Bucket.RECORDS), VersioningConfiguration={"Status": "Suspended"}
    )


def expire_all(client: "S3Client", site: Site) -> object:
    rule: Any = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    return client.put_bucket_lifecycle_configuration(
        Bucket=site.bucket(Bucket.LEDGER), LifecycleConfiguration={"Rules": [rule]}
    )


def open_to_all(client: "S3Client", site: Site) -> object:
    bucket = site.bucket(Bucket.RECORDS)
    resource = f"arn:aws:s3:::{bucket}/*"
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [resource]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def close_to_all(client: "S3Client", site: Site) -> object:
    return client.delete_bucket_policy(Bucket=site.bucket(Bucket.PUBLIC))


def retain_entry(client: "S3Client", site: Site) -> object:
    return client.put_object_retention(
        Bucket=site.bucket(Bucket.LEDGER),
        Key=ENTRY,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": LATER - timedelta(days=20)},
        BypassGovernanceRetention=True,
    )


def hold_entry(client: "S3Client", site: Site) -> object:
    return client.put_object_legal_hold(
        Bucket=site.bucket(Bucket.LEDGER), Key=ENTRY, LegalHold={"Status": "ON"}
    )


def delete_bucket(client: "S3Client", site: Site) -> object:
    """An empty one of our own beginning: a full one is refused to everybody."""
    name = f"{site.buckets}-spare"
    with site.client("root") as root:
        root.create_bucket(Bucket=name)
    try:
        return client.delete_bucket(Bucket=name)
    finally:
        with site.client("root") as root, suppress(ClientError):
            root.delete_bucket(Bucket=name)


def make_bucket(client: "S3Client", site: Site) -> object:
    return client.create_bucket(Bucket=f"{site.buckets}-more{secrets.token_hex(4)}")


def list_all(bucket: Bucket) -> Act:
    return lambda client, site: client.list_objects_v2(Bucket=site.bucket(bucket))


def abort(client: "S3Client", site: Site) -> object:
    where: Any = {"Bucket": site.bucket(Bucket.RECORDS), "Key": PAYLOAD}
    with site.client("root") as root:
        upload = root.create_multipart_upload(**where)["UploadId"]
    return client.abort_multipart_upload(**where, UploadId=upload)


def list_versions(bucket: Bucket) -> Act:
    return lambda client, site: client.list_object_versions(Bucket=site.bucket(bucket))


def lengthen(client: "S3Client", site: Site) -> object:
    return retain(client, site, PAYLOAD, LATER + timedelta(days=1))


def fill(root: "S3Client", site: Site) -> None:
    for bucket, name in (
        (Bucket.LEDGER, ENTRY), (Bucket.LEDGER, names.card_index(CARD, CASE)), (Bucket.RECORDS, PAYLOAD),
        (Bucket.RECORDS, SHARE), (Bucket.RECORDS, PLAN), (Bucket.PUBLIC, MANIFEST), (Bucket.PUBLIC, "canary"),
        (Bucket.RECORDS, CHANGE), (Bucket.LEDGER, REFERENCE),
    ):  # fmt: skip
        root.put_object(Bucket=site.bucket(bucket), Key=name, Body=b"first")


def refused(act: Act, site: Site, client: "S3Client") -> None:
    with pytest.raises(ClientError) as caught:
        act(client, site)
    code = caught.value.response["Error"]["Code"]
    assert code in REFUSED, code
