"""Every credential can do what its role is for: the other half of test_minio_rights.py."""

import pytest
from botocore.exceptions import ClientError
from support.minio import Site
from support.s3_acts import (
    CARD,
    CASE,
    ENTRY,
    MANIFEST,
    PAYLOAD,
    PLAN,
    SHARE,
    Act,
    abort,
    delete,
    delete_version,
    fill,
    get,
    lengthen,
    list_all,
    list_versions,
    put,
)

from escrow.store import names
from escrow.store.interface import Bucket

NEEDED: dict[str, dict[str, Act]] = {
    "service": {
        "read an entry": get(Bucket.LEDGER, ENTRY),
        "list entries": list_all(Bucket.LEDGER),
        "write an entry": put(Bucket.LEDGER, ENTRY),
        "write an index object": put(Bucket.LEDGER, names.card_index(CARD, CASE)),
        "write a share object": put(Bucket.RECORDS, SHARE),
        "write a payload": put(Bucket.RECORDS, PAYLOAD),
        "retain a payload": lengthen,
        "give an upload up": abort,
    },
    "release": {
        "read an entry": get(Bucket.LEDGER, ENTRY),
        "read a share object": get(Bucket.RECORDS, SHARE),
        "read a payload": get(Bucket.RECORDS, PAYLOAD),
        "write what is released": put(Bucket.PUBLIC, MANIFEST),
        "read what is released": get(Bucket.PUBLIC, MANIFEST),
    },
    "audit": {
        "read an entry": get(Bucket.LEDGER, ENTRY),
        "list its versions": list_versions(Bucket.LEDGER),
        "read a share object": get(Bucket.RECORDS, SHARE),
        "list versions of payloads": list_versions(Bucket.RECORDS),
        "read what is released": get(Bucket.PUBLIC, MANIFEST),
    },
    "sweep": {
        "read an entry": get(Bucket.LEDGER, ENTRY),
        "delete a payload that no lock holds": delete_version(Bucket.RECORDS, PAYLOAD),
        "delete a plan": delete(Bucket.RECORDS, PLAN),
        "give an upload up": abort,
    },
    "restore": {
        "read an entry": get(Bucket.LEDGER, ENTRY),
        "list its versions": list_versions(Bucket.LEDGER),
        "write an entry": put(Bucket.LEDGER, ENTRY),
        "write a share object": put(Bucket.RECORDS, SHARE),
        "retain a payload": lengthen,
    },
}


def test_every_role_can_do_what_it_is_for(site: Site) -> None:
    for role, acts in NEEDED.items():
        with site.client("root") as root, site.client(role) as client:
            for deed, act in acts.items():
                fill(root, site)
                try:
                    act(client, site)
                except ClientError as error:
                    pytest.fail(f"{role} may not {deed}: {error}")
