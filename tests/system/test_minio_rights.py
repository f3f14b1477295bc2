"""What each credential may not do on MinIO, tried: a stolen one does as much harm as these tests let it.

Every forbidden act is first shown to be possible at all, by the server's administrator on another object.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError
from support.minio import Minio, Site

from escrow.store import names
from escrow.store.interface import Bucket, Outcome
from escrow.store.s3 import S3Store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CASE, CARD, UPLOAD = "ab" * 32, "cd" * 32, "01" * 16
ENTRY = names.entry(CASE, 0)
PAYLOAD = names.payload(CASE, UPLOAD)
SHARE = names.share(CASE, "ef" * 32)
PLAN = names.upload_plan(PAYLOAD)
MANIFEST = names.released(CASE, "12" * 32, names.Released.MANIFEST)
ROLES = ("service", "release", "audit", "sweep", "restore")
REFUSED = {"AccessDenied", "InvalidRequest"}
"""How MinIO says no: the second where a lock stands, whoever asks."""
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)

Act = Callable[["S3Client", Site], object]


@pytest.fixture(scope="module")
def filled(minio_server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with one object of every kind; the payload is retained, as after a deposit."""
    site = Site(minio_server, tmp_path_factory.mktemp("rights"))
    with site.client("root") as root:
        for bucket, name in (
            (Bucket.LEDGER, ENTRY),
            (Bucket.LEDGER, names.card_index(CARD, CASE)),
            (Bucket.RECORDS, PAYLOAD),
            (Bucket.RECORDS, SHARE),
            (Bucket.RECORDS, PLAN),
            (Bucket.PUBLIC, MANIFEST),
        ):
            root.put_object(Bucket=site.bucket(bucket), Key=name, Body=b"first")
        _retain(root, site, PAYLOAD, LATER)
    return site


def _version(client: "S3Client", site: Site, bucket: Bucket, name: str) -> str:
    return client.head_object(Bucket=site.bucket(bucket), Key=name)["VersionId"]


def _retain(
    client: "S3Client", site: Site, name: str, until: datetime, *, mode: Any = "GOVERNANCE", **more: Any
) -> object:
    return client.put_object_retention(
        Bucket=site.bucket(Bucket.RECORDS),
        Key=name,
        Retention={"Mode": mode, "RetainUntilDate": until},
        **more,
    )


def _put(bucket: Bucket, name: str) -> Act:
    return lambda client, site: client.put_object(Bucket=site.bucket(bucket), Key=name, Body=b"other")


def _get(bucket: Bucket, name: str) -> Act:
    return lambda client, site: client.get_object(Bucket=site.bucket(bucket), Key=name)["Body"].read()


def _delete(bucket: Bucket, name: str) -> Act:
    return lambda client, site: client.delete_object(Bucket=site.bucket(bucket), Key=name)


def _delete_version(bucket: Bucket, name: str, **more: Any) -> Act:
    def act(client: "S3Client", site: Site) -> object:
        with site.client("root") as root:
            version = _version(root, site, bucket, name)
        return client.delete_object(Bucket=site.bucket(bucket), Key=name, VersionId=version, **more)

    return act


def _shorten(client: "S3Client", site: Site) -> object:
    return _retain(client, site, PAYLOAD, LATER - timedelta(days=20))


def _shorten_bypassing(client: "S3Client", site: Site) -> object:
    return _retain(client, site, PAYLOAD, LATER - timedelta(days=20), BypassGovernanceRetention=True)


def _unlock_bucket(client: "S3Client", site: Site) -> object:
    return client.put_object_lock_configuration(
        Bucket=site.bucket(Bucket.LEDGER), ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )


def _suspend_versions(client: "S3Client", site: Site) -> object:
    return client.put_bucket_versioning(
        Bucket=site.bucket(Bucket.RECORDS), VersioningConfiguration={"Status": "Suspended"}
    )


def _expire_all(client: "S3Client", site: Site) -> object:
    rule: Any = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    return client.put_bucket_lifecycle_configuration(
        Bucket=site.bucket(Bucket.LEDGER), LifecycleConfiguration={"Rules": [rule]}
    )


def _open_to_all(client: "S3Client", site: Site) -> object:
    return client.put_bucket_policy(Bucket=site.bucket(Bucket.RECORDS), Policy="{}")


def _list(bucket: Bucket) -> Act:
    return lambda client, site: client.list_objects_v2(Bucket=site.bucket(bucket))


EVERYBODY = {
    "delete a ledger entry": _delete(Bucket.LEDGER, ENTRY),
    "delete the first version of an entry": _delete_version(Bucket.LEDGER, ENTRY),
    "delete it bypassing governance": _delete_version(Bucket.LEDGER, ENTRY, BypassGovernanceRetention=True),
    "delete an index object": _delete(Bucket.LEDGER, names.card_index(CARD, CASE)),
    "delete a share object": _delete(Bucket.RECORDS, SHARE),
    "delete a version of a share object": _delete_version(Bucket.RECORDS, SHARE),
    "delete a retained payload's version": _delete_version(Bucket.RECORDS, PAYLOAD),
    "delete that bypassing governance": _delete_version(
        Bucket.RECORDS, PAYLOAD, BypassGovernanceRetention=True
    ),
    "shorten a payload's retention": _shorten,
    "take the ledger's default lock away": _unlock_bucket,
    "suspend versions": _suspend_versions,
    "let everything expire": _expire_all,
    "open a bucket to everybody": _open_to_all,
    "delete what was released": _delete(Bucket.PUBLIC, MANIFEST),
    "delete a version of what was released": _delete_version(Bucket.PUBLIC, MANIFEST),
}
"""What no everyday credential may do."""

OWN = {
    "service": {
        "delete a payload": _delete(Bucket.RECORDS, PAYLOAD),
        "write what is released": _put(Bucket.PUBLIC, MANIFEST),
        "read what is released": _get(Bucket.PUBLIC, MANIFEST),
        "write under a name of no kind": _put(Bucket.LEDGER, "elsewhere"),
    },
    "release": {
        "write an entry": _put(Bucket.LEDGER, ENTRY),
        "write a payload": _put(Bucket.RECORDS, PAYLOAD),
        "write a share object": _put(Bucket.RECORDS, SHARE),
        "write beside the releases": _put(Bucket.PUBLIC, "elsewhere"),
        "overwrite the public canary": _put(Bucket.PUBLIC, "canary"),
        "shorten a retention bypassing governance": _shorten_bypassing,
        "lengthen a retention": lambda client, site: _retain(
            client, site, PAYLOAD, LATER + timedelta(days=1)
        ),
    },
    "audit": {
        "write an entry": _put(Bucket.LEDGER, ENTRY),
        "write a payload": _put(Bucket.RECORDS, PAYLOAD),
        "write what is released": _put(Bucket.PUBLIC, MANIFEST),
        "delete a plan": _delete(Bucket.RECORDS, PLAN),
        "shorten a retention bypassing governance": _shorten_bypassing,
    },
    "sweep": {
        "write an entry": _put(Bucket.LEDGER, ENTRY),
        "write a payload": _put(Bucket.RECORDS, PAYLOAD),
        "read a share object": _get(Bucket.RECORDS, SHARE),
        "lengthen a retention": lambda client, site: _retain(
            client, site, PAYLOAD, LATER + timedelta(days=1)
        ),
        "shorten a retention bypassing governance": _shorten_bypassing,
        "write what is released": _put(Bucket.PUBLIC, MANIFEST),
    },
    "restore": {
        "delete a payload": _delete(Bucket.RECORDS, PAYLOAD),
        "write what is released": _put(Bucket.PUBLIC, MANIFEST),
    },
}


def _refused(act: Act, site: Site, client: "S3Client") -> None:
    with pytest.raises(ClientError) as caught:
        act(client, site)
    code = caught.value.response["Error"]["Code"]
    assert code in REFUSED, code


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("deed", EVERYBODY)
def test_no_everyday_credential_may(filled: Site, role: str, deed: str) -> None:
    with filled.client(role) as client:
        _refused(EVERYBODY[deed], filled, client)


@pytest.mark.parametrize(("role", "deed"), [(role, deed) for role, deeds in OWN.items() for deed in deeds])
def test_credential_reaches_nothing_that_its_role_need_not(filled: Site, role: str, deed: str) -> None:
    with filled.client(role) as client:
        _refused(OWN[role][deed], filled, client)


def test_all_that_is_refused_is_possible_for_the_administrator(site: Site) -> None:
    """So that no test above passes because an act is malformed."""
    with site.client("root") as root:
        acts = dict(EVERYBODY) | {
            f"{role}: {deed}": act for role, deeds in OWN.items() for deed, act in deeds.items()
        }
        locked = {"delete the first version of an entry", "delete a retained payload's version"}
        impossible = {"take the ledger's default lock away", "suspend versions", "open a bucket to everybody"}
        for deed, act in acts.items():
            if (
                deed in locked | impossible
            ):  # refused to everybody, or not what the server takes even from root
                continue
            _fill(root, site)
            act(root, site)


def _fill(root: "S3Client", site: Site) -> None:
    for bucket, name in (
        (Bucket.LEDGER, ENTRY), (Bucket.LEDGER, names.card_index(CARD, CASE)), (Bucket.RECORDS, PAYLOAD),
        (Bucket.RECORDS, SHARE), (Bucket.RECORDS, PLAN), (Bucket.PUBLIC, MANIFEST), (Bucket.PUBLIC, "canary"),
    ):  # fmt: skip
        root.put_object(Bucket=site.bucket(bucket), Key=name, Body=b"first")


def test_who_shortens_a_retention_on_minio_cannot_delete(site: Site) -> None:
    """MinIO lets whoever may set a retention bypass governance with it: so none may also delete."""
    with site.client("root") as root:
        _fill(root, site)
        _retain(root, site, PAYLOAD, LATER)
    for role in ("service", "restore"):
        with site.client(role) as client:
            _shorten_bypassing(client, site)
            _refused(_delete_version(Bucket.RECORDS, PAYLOAD), site, client)
    with site.client("sweep") as sweep:
        _refused(_shorten_bypassing, site, sweep)
        _refused(_delete_version(Bucket.RECORDS, PAYLOAD), site, sweep)


def test_nobody_shortens_a_retention_in_compliance_mode(site: Site) -> None:
    for role in ("service", "restore", "root"):
        with site.client("root") as root:
            _fill(root, site)
        with site.client(role) as client:
            _retain(client, site, PAYLOAD, LATER, mode="COMPLIANCE")
            _refused(_shorten_bypassing, site, client)
            _refused(_delete_version(Bucket.RECORDS, PAYLOAD, BypassGovernanceRetention=True), site, client)


def test_stranger_reads_what_was_released_and_lists_nothing(filled: Site) -> None:
    import boto3

    stranger = boto3.session.Session().client(
        "s3",
        endpoint_url=filled.server.endpoint,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    try:
        assert _get(Bucket.PUBLIC, MANIFEST)(stranger, filled) == b"first"
        for act in (
            _list(Bucket.PUBLIC),
            _get(Bucket.PUBLIC, "canary"),
            _get(Bucket.LEDGER, ENTRY),
            _list(Bucket.RECORDS),
        ):
            _refused(act, filled, stranger)
    finally:
        stranger.close()


def test_service_that_turned_bad_overwrites_and_the_first_version_stays(filled: Site) -> None:
    """S3 policies cannot insist on create-only everywhere; what was first can be found all the same."""
    with filled.client("service") as service:
        _put(Bucket.LEDGER, ENTRY)(service, filled)
    with filled.client("audit") as audit:
        found = audit.list_object_versions(Bucket=filled.bucket(Bucket.LEDGER), Prefix=ENTRY)["Versions"]
        first = found[-1]["VersionId"]
        body = audit.get_object(Bucket=filled.bucket(Bucket.LEDGER), Key=ENTRY, VersionId=first)["Body"]
        assert body.read() == b"first"


def test_setting_up_again_changes_nothing(site: Site) -> None:
    again = site.set_up_again()
    assert len(again) == len(site.steps)
    assert all(step.made for step in site.steps)
    assert [step.what for step in again if step.made] == []


def test_service_does_its_work_with_its_rights(site: Site) -> None:
    store = S3Store(site.settings("service"))
    try:
        store.check()
        store.check()
        assert store.create(Bucket.LEDGER, ENTRY, b"entry") is Outcome.CREATED
    finally:
        store.close()
