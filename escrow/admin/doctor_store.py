"""The doctor's questions to the storage: reachable, create-only, locked, its clock, its rights, its room.

A folder belongs to the user who runs the service; asked as somebody else, the start check would leave files
that the service cannot touch, so then it is not run.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from escrow.admin.finding import Finding, fault, guarded, note, ok, warning
from escrow.admin.tls import look_at_certificate
from escrow.config import MIB, S3Settings, Settings
from escrow.crypto.card import Card
from escrow.errors import SetupError, UnavailableError
from escrow.store import names
from escrow.store.canary import SECOND, is_noted, owner
from escrow.store.interface import Bucket, Store
from escrow.store.opening import open_store
from escrow.store.s3_check import at_start, server_time
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_rights import harmful, may, may_lock, needed

NOTABLE: Final = timedelta(seconds=30)
"""A clock that nobody sets drifts so far in weeks: before it is five minutes, somebody can still mend it."""
LEAST_BYTES: Final = 256 * MIB
LEAST_FILES: Final = 1000
"""Below these a folder is as good as full: one deposit needs a handful of files."""
SCARCE: Final = 0.1


def look_at_store(settings: Settings, card: Card | None) -> Iterator[Finding]:
    if isinstance(settings.store, Path):
        yield from _folder(settings, settings.store, card)
    else:
        yield from _server(settings.store, card)


def _folder(settings: Settings, folder: Path, card: Card | None) -> Iterator[Finding]:
    standing = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    status = standing.stat()
    if status.st_uid != os.geteuid() and standing == folder.absolute():
        yield fault(
            "storage", SetupError("doctor_other_user", path=str(folder), user=status.st_uid, own=os.geteuid())
        )
    else:
        if standing == folder.absolute() and status.st_mode & 0o002:
            yield fault("storage", SetupError("service_folder_exposed", path=str(folder)))
        yield from guarded("storage", _start_check(open_store(folder), f"folder {folder}", card))
    yield from _room(settings, standing)


def _room(settings: Settings, folder: Path) -> Iterator[Finding]:
    found = os.statvfs(folder)
    free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    facts: dict[str, str | int] = {"path": str(folder), "free_mib": free // MIB}
    if free < LEAST_BYTES:
        yield fault("disk", SetupError("doctor_disk_full", **facts))
    elif free < SCARCE * whole or free < settings.upload_bytes:
        most = settings.upload_bytes // MIB
        yield warning("disk", SetupError("doctor_disk_scarce", **facts, upload_mib=most))
    else:
        yield ok("disk", f"{free // MIB} MiB free of {whole // MIB} MiB for {folder}")
    if not found.f_files:  # btrfs and its like have as many as there is room for
        return
    if found.f_favail < LEAST_FILES:
        yield fault("disk", SetupError("doctor_inodes_gone", path=str(folder), left=found.f_favail))
    elif found.f_favail < SCARCE * found.f_files:
        yield warning("disk", SetupError("doctor_inodes_scarce", path=str(folder), left=found.f_favail))
    else:
        yield ok("disk", f"{found.f_favail} more files can be made there (inodes)")


def _start_check(store: Store, place: str, card: Card | None) -> Iterator[Finding]:
    """What every start asks, and whose store it is, which a start would note where nobody's is noted."""
    store.check()
    yield ok("storage", f"{place}: reached; a taken name is not overwritten, in any bucket")
    for bucket in Bucket:
        store.create(bucket, names.CANARY, SECOND)  # taken: says `storage_full` where there is no room
    whose = owner(store)
    if card is None:
        return
    if whose is None:
        yield ok("identity", "the storage is nobody's yet: the first start makes it this service's")
    elif is_noted(store, card.fingerprint):
        yield ok("identity", "the storage is this service's own")
    else:
        error = SetupError("service_identity_of_another_store", expected=whose, found=card.fingerprint)
        yield fault("identity", error)


def _server(settings: S3Settings, card: Card | None) -> Iterator[Finding]:
    if settings.endpoint.startswith("https:"):
        ca_file = None if settings.ca_file is None else str(settings.ca_file)
        yield from look_at_certificate("storage", settings.endpoint, ca_file)
    from escrow.store.s3 import S3Store  # boto3 takes a quarter of a second to import

    with closing(S3Store(settings)) as store:
        connection = store.connection
        try:
            ahead = datetime.now(UTC) - server_time(connection, Bucket.LEDGER)
        except UnavailableError as error:
            if error.fields.get("reason") != "access_denied":
                yield fault("storage", at_start(error, connection.settings))
                return  # no other question would be answered either
        else:
            yield _clock(settings, ahead)
        place = f"{settings.endpoint}, buckets {settings.buckets}-*"
        yield from guarded("storage", _start_check(store, place, card))
        yield from _locks(connection)
        yield from guarded("rights", _rights(connection))
    yield note("disk", SetupError("doctor_room_of_server", endpoint=settings.endpoint))


def _clock(settings: S3Settings, ahead: timedelta) -> Finding:
    seconds = int(abs(ahead).total_seconds())
    if abs(ahead) < NOTABLE:
        return ok("clock", f"this machine and the storage differ by no more than {seconds + 1} seconds")
    return warning("clock", SetupError("doctor_clock_drifts", endpoint=settings.endpoint, seconds=seconds))


def _locks(connection: S3Connection) -> Iterator[Finding]:
    """That records can be locked, the start check asks. Whether entries are, only others may ask."""
    yield note("lock", SetupError("doctor_lock_of_ledger", bucket=connection.bucket(Bucket.LEDGER)))


def _rights(connection: S3Connection) -> Iterator[Finding]:
    wanted, dangers = needed(), harmful()
    lacking = [right for right in wanted if not may(connection, right)]
    excess = [right for right in dangers if may(connection, right)]
    for right in lacking:
        bucket = connection.bucket(right.bucket)
        yield fault("rights", SetupError("doctor_right_missing", bucket=bucket, what=right.what))
    locks = may_lock(connection)
    if locks is None:
        yield note("rights", SetupError("doctor_lock_of_payloads"))
    elif not locks:
        facts = {"bucket": connection.bucket(Bucket.RECORDS), "what": "lock payloads/*"}
        yield fault("rights", SetupError("doctor_right_missing", **facts))
    for right in excess:
        bucket = connection.bucket(right.bucket)
        yield fault("rights", SetupError("doctor_right_too_much", bucket=bucket, what=right.what))
    if not lacking:
        yield ok("rights", f"the credential has the {len(wanted)} rights that the service needs")
    if not excess:
        yield ok("rights", f"it has none of {len(dangers)} that it must not have: it can delete nothing")
