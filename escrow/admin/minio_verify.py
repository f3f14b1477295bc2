"""Look at a MinIO after its set-up, through each role's own credential: is it who it should be, and no more?

Changes nothing. What a policy lets somebody do is not tried here, but in tests/system/test_minio_rights.py.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from escrow.admin.minio_setup import (
    Role,
    Step,
    administrator,
    asked,
    default_retention,
    lock_of,
    policies_of,
    policy_name,
)
from escrow.config import S3Settings
from escrow.errors import SetupError, UnavailableError
from escrow.store.interface import Bucket
from escrow.store.s3_check import at_start
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_credentials import read_credentials


def verify(settings: S3Settings, *, credentials: Path) -> Iterator[Step]:
    """Step by step. Every step has `made` False; one with `warning` is for a person to look at.

    SetupError `bucket_not_locked` (bucket), `ledger_not_locked` (bucket), `minio_user_differs` (role, found),
    `minio_refused` (step, reason), and those of `read_credentials` and `require_usable`.
    """
    with closing(S3Connection(settings)) as connection:
        yield _locks(connection)
    with asked("list users"):
        users: dict[str, Any] = json.loads(administrator(settings).user_list())
    ours: dict[str, str] = {}
    for role in Role:
        file = credentials / f"{role}.json"
        key = read_credentials(file).access_key
        ours[policy_name(settings, role)] = key
        _require_user(role, users.get(key), policy_name(settings, role))
        yield _enters(replace(settings, credentials=file), role)
    for key, user in users.items():
        for name in policies_of(user):
            if name in ours and ours[name] != key:
                what = f"the user {key} has the policy {name} too: remove it if nobody uses it any more"
                yield Step(what=what, made=False, warning=True)


def _locks(connection: S3Connection) -> Step:
    for bucket in Bucket:
        if lock_of(connection, bucket) is None:
            raise SetupError("bucket_not_locked", bucket=connection.bucket(bucket))
    mode, days = default_retention(connection)
    if mode is None or days < 1:
        raise SetupError("ledger_not_locked", bucket=connection.bucket(Bucket.LEDGER))
    return Step(what=f"verified: three locked buckets, entries for {days} days ({mode.lower()})", made=False)


def _require_user(role: Role, found: dict[str, Any] | None, policy: str) -> None:
    """It exists, may enter, and has its one policy: another beside it would give it more rights."""
    if found is None:
        raise SetupError("minio_user_differs", role=role.value, found="unknown to the server")
    if found.get("status") != "enabled":
        raise SetupError("minio_user_differs", role=role.value, found="disabled")
    if policies_of(found) != [policy] or found.get("memberOf"):
        held = [*policies_of(found), *(f"those of group {one}" for one in found.get("memberOf") or ())]
        raise SetupError("minio_user_differs", role=role.value, found=f"given {', '.join(held) or 'nothing'}")


def _enters(settings: S3Settings, role: Role) -> Step:
    """By the one act that every role may do."""
    with closing(S3Connection(settings)) as connection:
        try:
            connection.call("list_objects_v2", Bucket.LEDGER, MaxKeys=1)
        except UnavailableError as error:
            raise at_start(error, connection.settings) from error
    return Step(what=f"verified: {role} enters, with its own policy and no other", made=False)
