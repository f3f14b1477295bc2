"""Set a MinIO up as production needs it: buckets, locks, and one user with one policy for each role.

Safe to run again: what is there is looked at and said, what is missing is made, and nothing is loosened or
shortened. A policy that somebody changed is left as it is, and refused unless it is to be replaced. A bucket
that exists without Object Lock cannot be mended, since MinIO locks only buckets that were made so: refused.

The policies are the files in infra/policies, written for buckets that begin with `escrow-`.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from escrow.config import S3Settings
from escrow.errors import SetupError, UnavailableError
from escrow.store.interface import Bucket
from escrow.store.s3_check import at_start
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_credentials import Credentials, read_credentials, write_credentials
from escrow.store.s3_errors import S3RefusedError

LEDGER_DAYS: Final = 3650
"""How long what somebody overwrites or deletes can be found again: as long as most charters keep records.

Entries are small, so a longer time costs little; it can be made longer later, never shorter."""
PUBLIC_READ: Final = "public-read"
_NAME_IN_FILES: Final = ":::escrow-"


class Role(StrEnum):
    """Who reaches the buckets, each with its own credential; infra/policies/README.md says who may what."""

    SERVICE = "service"
    RELEASE = "release"
    AUDIT = "audit"
    SWEEP = "sweep"
    RESTORE = "restore"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was looked at. `made` False: it was so already. `warning`: a person should look."""

    what: str
    made: bool
    warning: bool = False


def policy(folder: Path, name: str, buckets: str) -> dict[str, Any]:
    """A policy for buckets that begin with `buckets`. SetupError `policy_unreadable` (path)."""
    path = folder / f"{name}.json"
    try:
        text = path.read_text(encoding="ascii")
        found: dict[str, Any] = json.loads(text.replace(_NAME_IN_FILES, f":::{buckets}-"))
    except (OSError, ValueError) as error:
        raise SetupError("policy_unreadable", path=str(path)) from error
    return found


def set_up(
    settings: S3Settings, *, policies: Path, credentials: Path, ledger_days: int = LEDGER_DAYS,
    replace: bool = False, roles: Iterable[Role] = Role,
) -> Iterator[Step]:  # fmt: skip
    """Do it step by step. `settings.credentials` is that of the server's administrator.

    `credentials`: the folder where each role's file is written, or was before. `replace`: also policies that
    are there and say something else. `roles`: whose users are made. SetupError `bucket_not_locked` (bucket),
    `policy_differs` (policy), `minio_refused` (step, reason), `policy_unreadable`, those of
    `read_credentials`, and where the server cannot be spoken to those of `require_usable` in
    escrow/store/s3_check.py; UnavailableError as any call.
    """
    yield from make_buckets(settings, ledger_days=ledger_days)
    yield _public_read(settings, policy(policies, PUBLIC_READ, settings.buckets), replace)
    admin, known = _users(settings)
    for role in roles:
        name = policy_name(settings, role)
        yield _policy(admin, name, policy(policies, role, settings.buckets), replace)
        yield _user(admin, known, name, credentials / f"{role}.json")


def policy_name(settings: S3Settings, role: Role) -> str:
    """What a role's policy is called on the server."""
    return f"{settings.buckets}-{role}"


def make_buckets(settings: S3Settings, *, ledger_days: int = LEDGER_DAYS) -> Iterator[Step]:
    """The three buckets, and the ledger's lock."""
    with closing(S3Connection(settings)) as connection:
        try:
            yield _bucket(connection, Bucket.LEDGER)
        except UnavailableError as error:  # the first call: most likely a wrong address or credential
            raise at_start(error, connection.settings) from error
        for bucket in (Bucket.RECORDS, Bucket.PUBLIC):
            yield _bucket(connection, bucket)
        yield _ledger_retention(connection, settings.lock, ledger_days)


def add_user(
    settings: S3Settings, name: str, wanted: dict[str, Any], credentials: Path, *, replace: bool = False
) -> tuple[Step, Step]:
    """A policy, and the one user that it is for."""
    admin, known = _users(settings)
    return _policy(admin, name, wanted, replace), _user(admin, known, name, credentials)


def _users(settings: S3Settings) -> tuple[Any, dict[str, Any]]:
    """MinIO's own interface, and its users by their access keys.

    To be asked before anything is made: a MinIO that has just started answers this once it has read what it
    knows, and forgets what it was told before.
    """
    admin = administrator(settings)
    with asked("its users"):
        return admin, json.loads(admin.user_list())


def _bucket(connection: S3Connection, bucket: Bucket) -> Step:
    """With Object Lock, which brings versions with it and cannot be added later."""
    name = connection.bucket(bucket)
    what = f"bucket {name}, with versions and Object Lock"
    try:
        connection.call(
            "create_bucket", bucket, ObjectLockEnabledForBucket=True,
            expected=("BucketAlreadyOwnedByYou", "BucketAlreadyExists"),
        )  # fmt: skip
    except S3RefusedError:
        if lock_of(connection, bucket) is None:
            raise SetupError("bucket_not_locked", bucket=name) from None
        return Step(what=what, made=False)
    return Step(what=what, made=True)


def lock_of(connection: S3Connection, bucket: Bucket) -> dict[str, Any] | None:
    """The bucket's lock configuration; None where it has none."""
    try:
        found = connection.call(
            "get_object_lock_configuration", bucket, expected=("ObjectLockConfigurationNotFoundError",)
        )
    except S3RefusedError:
        return None
    configuration: dict[str, Any] = found["ObjectLockConfiguration"]
    return configuration


def _ledger_retention(connection: S3Connection, mode: str, days: int) -> Step:
    """What comes into the ledger is locked as it comes: no stolen credential removes a first version."""
    standing_mode, standing_days = default_retention(connection)
    wanted = "COMPLIANCE" if standing_mode == "COMPLIANCE" else mode.upper()
    longest = max(days, standing_days)
    what = f"entries locked for {longest} days ({wanted.lower()})"
    if (standing_mode, standing_days) == (wanted, longest):
        return Step(what=what, made=False)
    rule = {"DefaultRetention": {"Mode": wanted, "Days": longest}}
    connection.call(
        "put_object_lock_configuration",
        Bucket.LEDGER,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    return Step(what=what, made=True)


def default_retention(connection: S3Connection) -> tuple[str | None, int]:
    """Mode and days with which the ledger locks what comes in; (None, 0) where it does not."""
    rule = (lock_of(connection, Bucket.LEDGER) or {}).get("Rule", {}).get("DefaultRetention", {})
    return rule.get("Mode"), rule.get("Days", 0) + 366 * rule.get("Years", 0)  # rather longer than shorter


def _public_read(settings: S3Settings, wanted: dict[str, Any], replace: bool) -> Step:
    what = "anyone reads what was released to everybody, and lists nothing"
    with closing(S3Connection(settings)) as connection:
        with suppress(S3RefusedError):
            found = connection.call("get_bucket_policy", Bucket.PUBLIC, expected=("NoSuchBucketPolicy",))
            if _statements(json.loads(found["Policy"])) == _statements(wanted):
                return Step(what=what, made=False)
            if not replace:
                raise SetupError("policy_differs", policy=connection.bucket(Bucket.PUBLIC))
        connection.call("put_bucket_policy", Bucket.PUBLIC, Policy=json.dumps(wanted))
    return Step(what=what, made=True)


def _statements(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """To compare what MinIO gives back, which leaves names of statements out and sorts."""
    return sorted(
        (
            one["Effect"],
            tuple(sorted(one["Action"])),
            tuple(sorted(one["Resource"])),
            json.dumps(one.get("Condition", {}), sort_keys=True),
        )
        for one in found["Statement"]
    )


def _policy(admin: Any, name: str, wanted: dict[str, Any], replace: bool) -> Step:
    what = f"policy {name}"
    with asked(what):
        standing = json.loads(admin.policy_list()).get(name)
        if standing is not None and _statements(standing) == _statements(wanted):
            return Step(what=what, made=False)
        if standing is not None and not replace:
            raise SetupError("policy_differs", policy=name)
        admin.policy_add(policy_name=name, policy=wanted)
    return Step(what=what, made=True)


def _user(admin: Any, known: dict[str, Any], policy: str, path: Path) -> Step:
    """A user and the file that holds its credential. A file that is there says who the user is."""
    what = f"user {path.stem}, credential in {path}"
    made = not path.exists()
    if made:  # before the user: a file without one is mended by the next run, a secret that is lost never is
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_credentials(path, _drawn(path.stem))
    given = read_credentials(path)
    with asked(what):
        standing = known.get(given.access_key)
        if standing is None:
            admin.user_add(given.access_key, given.secret_key)
        if standing is None or policy not in policies_of(standing):
            made = True
            admin.attach_policy([policy], user=given.access_key)
    return Step(what=what, made=made)


def policies_of(user: dict[str, Any]) -> list[str]:
    """The policies of a user as MinIO lists it."""
    return [one for one in str(user.get("policyName") or "").split(",") if one]


def _drawn(role: str) -> Credentials:
    return Credentials(access_key=f"{role}-{secrets.token_hex(5)}", secret_key=secrets.token_urlsafe(30))


def administrator(settings: S3Settings) -> Any:
    """MinIO's own interface for users and policies, which S3 has no calls for."""
    if find_spec("minio") is None:
        raise SetupError("minio_extra_missing", missing="minio")
    from minio.credentials.providers import StaticProvider
    from minio.minioadmin import MinioAdmin

    if settings.credentials is None:
        raise SetupError("setting_missing", setting="s3_credentials", variable="ESCROW_S3_CREDENTIALS")
    root = read_credentials(settings.credentials)
    url = urlsplit(settings.endpoint)
    return MinioAdmin(
        endpoint=url.netloc,
        credentials=StaticProvider(root.access_key, root.secret_key),
        region=settings.region,
        secure=url.scheme == "https",
        **({} if settings.ca_file is None else {"http_client": _believing(settings.ca_file)}),
    )


def _believing(ca_file: Path) -> Any:
    from urllib3 import PoolManager

    return PoolManager(ca_certs=str(ca_file), cert_reqs="CERT_REQUIRED")


@contextmanager
def asked(step: str) -> Iterator[None]:
    """SetupError `minio_refused` (step, reason): the reason is MinIO's code, or that it is no MinIO."""
    from minio.error import MinioAdminException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except MinioAdminException as error:
        raise SetupError("minio_refused", step=step, reason=_reason(error)) from error
    except (HTTPError, ValueError) as error:
        raise SetupError("minio_refused", step=step, reason=type(error).__name__) from error


def _reason(error: Any) -> str:
    try:
        return str(json.loads(error._body)["Code"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unknown"
