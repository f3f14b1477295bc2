"""What each credential may not do on MinIO, tried: a stolen one does as much harm as these tests let it.

Every forbidden act is first shown to be possible at all, by the server's administrator on another object.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.client import Config
from minio.error import MinioAdminException
from support.minio import Minio, Site
from support.s3_acts import (
    CARD,
    CASE,
    CHANGE,
    ENTRY,
    LATER,
    MANIFEST,
    PAYLOAD,
    PLAN,
    REFERENCE,
    SHARE,
    close_to_all,
    copy,
    delete,
    delete_bucket,
    delete_version,
    expire_all,
    fill,
    get,
    hold_entry,
    list_all,
    make_bucket,
    open_to_all,
    put,
    refused,
    retain,
    retain_entry,
    shorten,
    shorten_bypassing,
    suspend_versions,
    unlock_bucket,
)

from escrow.admin.minio_setup import administrator
from escrow.errors import UnavailableError
from escrow.store import names
from escrow.store.canary import note_next, owner, require_same_service
from escrow.store.interface import Bucket, Outcome
from escrow.store.opening import open_archive
from escrow.store.s3 import S3Store
from escrow.store.s3_credentials import Credentials

ROLES = ("service", "release", "audit", "sweep", "restore", "webhooks")


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
            (Bucket.RECORDS, CHANGE),
            (Bucket.LEDGER, REFERENCE),
            (Bucket.PUBLIC, MANIFEST),
        ):
            root.put_object(Bucket=site.bucket(bucket), Key=name, Body=b"first")
        retain(root, site, PAYLOAD, LATER)
    return site


EVERYBODY = {
    "delete a ledger entry": delete(Bucket.LEDGER, ENTRY),
    "delete the first version of an entry": delete_version(Bucket.LEDGER, ENTRY),
    "delete it bypassing governance": delete_version(Bucket.LEDGER, ENTRY, BypassGovernanceRetention=True),
    "delete an index object": delete(Bucket.LEDGER, names.card_index(CARD, CASE)),
    "delete a reference": delete(Bucket.LEDGER, REFERENCE),
    "delete a share object": delete(Bucket.RECORDS, SHARE),
    "delete a version of a share object": delete_version(Bucket.RECORDS, SHARE),
    "delete a retained payload's version": delete_version(Bucket.RECORDS, PAYLOAD),
    "delete that bypassing governance": delete_version(
        Bucket.RECORDS, PAYLOAD, BypassGovernanceRetention=True
    ),
    "shorten a payload's retention": shorten,
    "take the ledger's default lock away": unlock_bucket,
    "suspend versions": suspend_versions,
    "let everything expire": expire_all,
    "open a bucket to everybody": open_to_all,
    "take what was released from everybody": close_to_all,
    "delete a bucket": delete_bucket,
    "make a bucket": make_bucket,
    "delete what was released": delete(Bucket.PUBLIC, MANIFEST),
    "delete a version of what was released": delete_version(Bucket.PUBLIC, MANIFEST),
}
"""What no everyday credential may do."""

OWN = {
    "service": {
        "delete a payload": delete(Bucket.RECORDS, PAYLOAD),
        "delete a change": delete(Bucket.RECORDS, CHANGE),
        "write what is released": put(Bucket.PUBLIC, MANIFEST),
        "read what is released": get(Bucket.PUBLIC, MANIFEST),
        "write under a name of no kind": put(Bucket.LEDGER, "elsewhere"),
        "list the public bucket": list_all(Bucket.PUBLIC),
        "shorten the retention of an entry": retain_entry,
        "hold an entry for ever": hold_entry,
        "copy an entry to where payloads lie": copy(Bucket.LEDGER, ENTRY, PAYLOAD),
        "copy a share object to where payloads lie": copy(Bucket.RECORDS, SHARE, PAYLOAD),
    },
    "release": {
        "write an entry": put(Bucket.LEDGER, ENTRY),
        "write a payload": put(Bucket.RECORDS, PAYLOAD),
        "write a share object": put(Bucket.RECORDS, SHARE),
        "write beside the releases": put(Bucket.PUBLIC, "elsewhere"),
        "overwrite the public canary": put(Bucket.PUBLIC, "canary"),
        "shorten a retention bypassing governance": shorten_bypassing,
        "lengthen a retention": lambda client, site: retain(client, site, PAYLOAD, LATER + timedelta(days=1)),
    },
    "audit": {
        "write an entry": put(Bucket.LEDGER, ENTRY),
        "write a payload": put(Bucket.RECORDS, PAYLOAD),
        "write what is released": put(Bucket.PUBLIC, MANIFEST),
        "write a canary": put(Bucket.LEDGER, names.CANARY),
        "shorten the retention of an entry": retain_entry,
        "delete a plan": delete(Bucket.RECORDS, PLAN),
        "shorten a retention bypassing governance": shorten_bypassing,
    },
    "sweep": {
        "write an entry": put(Bucket.LEDGER, ENTRY),
        "write a payload": put(Bucket.RECORDS, PAYLOAD),
        "write a change": put(Bucket.RECORDS, CHANGE),
        "read a reference": get(Bucket.LEDGER, REFERENCE),
        "read a share object": get(Bucket.RECORDS, SHARE),
        "write a share object": put(Bucket.RECORDS, SHARE),
        "shorten the retention of an entry": retain_entry,
        "lengthen a retention": lambda client, site: retain(client, site, PAYLOAD, LATER + timedelta(days=1)),
        "shorten a retention bypassing governance": shorten_bypassing,
        "write what is released": put(Bucket.PUBLIC, MANIFEST),
    },
    "webhooks": {
        "write an entry": put(Bucket.LEDGER, ENTRY),
        "write a payload": put(Bucket.RECORDS, PAYLOAD),
        "write a change": put(Bucket.RECORDS, CHANGE),
        "read a share object": get(Bucket.RECORDS, SHARE),
        "read a payload": get(Bucket.RECORDS, PAYLOAD),
        "read a reference": get(Bucket.LEDGER, REFERENCE),
        "write what is released": put(Bucket.PUBLIC, MANIFEST),
        "list the public bucket": list_all(Bucket.PUBLIC),
        "shorten a retention bypassing governance": shorten_bypassing,
    },
    "restore": {
        "delete a payload": delete(Bucket.RECORDS, PAYLOAD),
        "write what is released": put(Bucket.PUBLIC, MANIFEST),
    },
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("deed", EVERYBODY)
def test_no_everyday_credential_may(filled: Site, role: str, deed: str) -> None:
    with filled.client(role) as client:
        refused(EVERYBODY[deed], filled, client)


@pytest.mark.parametrize(("role", "deed"), [(role, deed) for role, deeds in OWN.items() for deed in deeds])
def test_credential_reaches_nothing_that_its_role_need_not(filled: Site, role: str, deed: str) -> None:
    with filled.client(role) as client:
        refused(OWN[role][deed], filled, client)


def test_all_that_is_refused_is_possible_for_the_administrator(site: Site) -> None:
    """So that no test above passes because an act is malformed."""
    with site.client("root") as root:
        acts = dict(EVERYBODY) | {
            f"{role}: {deed}": act for role, deeds in OWN.items() for deed, act in deeds.items()
        }
        locked = {"delete the first version of an entry", "delete a retained payload's version"}
        impossible = {"take the ledger's default lock away", "suspend versions"}
        for deed, act in acts.items():
            if (
                deed in locked | impossible
            ):  # refused to everybody, or not what the server takes even from root
                continue
            fill(root, site)
            act(root, site)


def test_who_shortens_a_retention_on_minio_cannot_delete(site: Site) -> None:
    """MinIO lets whoever may set a retention bypass governance with it: so none may also delete."""
    with site.client("root") as root:
        fill(root, site)
        retain(root, site, PAYLOAD, LATER)
    for role in ("service", "restore"):
        with site.client(role) as client:
            shorten_bypassing(client, site)
            refused(delete_version(Bucket.RECORDS, PAYLOAD), site, client)
    with site.client("sweep") as sweep:
        refused(shorten_bypassing, site, sweep)
        refused(delete_version(Bucket.RECORDS, PAYLOAD), site, sweep)


def test_nobody_shortens_a_retention_in_compliance_mode(site: Site) -> None:
    for role in ("service", "restore", "root"):
        with site.client("root") as root:
            fill(root, site)
        with site.client(role) as client:
            retain(client, site, PAYLOAD, LATER, mode="COMPLIANCE")
            refused(shorten_bypassing, site, client)
            refused(delete_version(Bucket.RECORDS, PAYLOAD, BypassGovernanceRetention=True), site, client)


def test_stranger_reads_what_was_released_and_lists_nothing(filled: Site) -> None:
    import boto3

    stranger = boto3.session.Session().client(
        "s3",
        endpoint_url=filled.server.endpoint,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    try:
        assert get(Bucket.PUBLIC, MANIFEST)(stranger, filled) == b"first"
        for act in (
            list_all(Bucket.PUBLIC),
            get(Bucket.PUBLIC, "canary"),
            get(Bucket.LEDGER, ENTRY),
            list_all(Bucket.RECORDS),
        ):
            refused(act, filled, stranger)
    finally:
        stranger.close()


def test_service_that_turned_bad_overwrites_and_the_first_version_stays(filled: Site) -> None:
    """S3 policies cannot insist on create-only everywhere; what was first can be found all the same."""
    with filled.client("service") as service:
        put(Bucket.LEDGER, ENTRY)(service, filled)
    with filled.client("audit") as audit:
        found = audit.list_object_versions(Bucket=filled.bucket(Bucket.LEDGER), Prefix=ENTRY)["Versions"]
        first = found[-1]["VersionId"]
        body = audit.get_object(Bucket=filled.bucket(Bucket.LEDGER), Key=ENTRY, VersionId=first)["Body"]
        assert body.read() == b"first"


def test_setting_up_again_changes_nothing(site: Site) -> None:
    first = site.set_up()
    assert sum(step.made for step in first) == 2 * len(ROLES)  # a policy and a user each
    again = site.set_up()
    assert len(again) == len(first)
    assert [step.what for step in again if step.made] == []


def test_service_does_its_work_with_its_rights(site: Site) -> None:
    store = S3Store(site.settings("service"))
    try:
        store.check()
        store.check()
        assert store.create(Bucket.LEDGER, ENTRY, b"entry") is Outcome.CREATED
    finally:
        store.close()


@pytest.mark.parametrize("role", ROLES)
def test_no_everyday_credential_administers(filled: Site, role: str) -> None:
    """Users, policies, and so all other credentials: through MinIO's own interface, which S3 has not."""
    admin = administrator(filled.settings(role))
    other = "service" if role == "audit" else "audit"  # MinIO lets everybody change a secret of their own
    nobody: Any = {"Version": "2012-10-17", "Statement": []}
    acts: dict[str, Callable[[], object]] = {
        "list users": admin.user_list,
        "make a user": lambda: admin.user_add("stranger", "a secret of some length"),
        "take another's place": lambda: admin.user_add(
            filled.credentials(other).access_key, "a secret of some length"
        ),
        "read policies": admin.policy_list,
        "change its own policy": lambda: admin.policy_add(
            policy_name=f"{filled.buckets}-{role}", policy=nobody
        ),
        "get more rights": lambda: admin.attach_policy(
            ["readwrite"], user=filled.credentials(role).access_key
        ),
        "stop the server": admin.service_stop,
        "look at the server": admin.info,
    }
    for deed, act in acts.items():
        with pytest.raises(MinioAdminException) as caught:
            act()
        assert "AccessDenied" in str(caught.value), deed
    assert json.loads(administrator(filled.settings("root")).user_list())


def test_a_key_made_by_a_service_has_no_more_rights_than_it(filled: Site) -> None:
    """MinIO lets every user make keys of its own, with its own rights; they end with it."""
    made = json.loads(administrator(filled.settings("service")).add_service_account())["credentials"]
    child = Credentials(access_key=made["accessKey"], secret_key=made["secretKey"])
    client = filled.server.client(child)
    try:
        assert get(Bucket.LEDGER, ENTRY)(client, filled)
        for deed in ("delete an index object", "delete a retained payload's version"):
            refused(EVERYBODY[deed], filled, client)
    finally:
        client.close()


def test_service_notes_a_change_and_a_reference_and_the_sweep_removes_the_change_alone(site: Site) -> None:
    store = S3Store(site.settings("service"))
    assert store.create(Bucket.RECORDS, CHANGE, b"x") is Outcome.CREATED
    assert store.create(Bucket.LEDGER, REFERENCE, b"x") is Outcome.CREATED
    assert store.names(Bucket.RECORDS, names.CHANGES) == [CHANGE]
    with open_archive(site.settings("sweep")) as archive:
        archive.sweeper.discard(CHANGE)
    assert store.names(Bucket.RECORDS, names.CHANGES) == []
    assert store.get(Bucket.LEDGER, REFERENCE, limit=10) == b"x"
    store.close()


def test_service_reads_which_cards_it_has_had_and_adds_none(site: Site) -> None:
    """Who steals its credential could else have a case of a service of its own released."""
    store, keeper = S3Store(site.settings("service")), S3Store(site.settings("restore"))
    with pytest.raises(UnavailableError, match="access_denied"):
        note_next(store, CARD, CASE)
    assert owner(store) is None
    note_next(keeper, CARD, CASE)  # before the first start
    require_same_service(store, CARD)
    require_same_service(store, CASE)
    with pytest.raises(UnavailableError, match="access_denied"):
        note_next(store, CASE, "ab" * 32)
    note_next(keeper, CASE, "ab" * 32)
    require_same_service(store, "ab" * 32)
    store.close()
    keeper.close()
