"""What is asked of an S3 server before a service starts on it: rights, locks, clock, create-only.

Each refusal says which bucket and what to do, since whoever reads it has a pager and no time.
"""

import socket
import ssl
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from escrow.config import S3Settings
from escrow.errors import SetupError, UnavailableError
from escrow.store import names
from escrow.store.canary import require_create_only
from escrow.store.clocks import MAX_CLOCK_DIFFERENCE
from escrow.store.interface import Bucket
from escrow.store.s3_connection import CONNECT_S, S3Connection
from escrow.store.s3_errors import S3RefusedError
from escrow.store.s3_rights import asked_at_start, may

if TYPE_CHECKING:
    from escrow.store.s3 import S3Store

_BORNE: Final = timedelta(minutes=15)
_FORBIDDEN: Final = 403
_NO_LOCK: Final = "ObjectLockConfigurationNotFoundError"


def require_usable(store: "S3Store", connection: S3Connection) -> None:
    """SetupError `store_unreachable`, `store_credential_needed`, `store_credentials_refused`,
    `store_access_denied` (operation), `store_bucket_missing`, `store_certificate_refused`,
    `store_speaks_no_tls`, `store_speaks_tls`, `store_clock_differs` (seconds), `store_not_locked`,
    `store_not_create_only`, `store_addresses_copy` (bucket), `store_unusable` (reason); UnavailableError
    `storage_full`.
    """
    try:
        _require_clock(connection)
        _require_lock(connection)
        require_create_only(store)
        _require_rights(connection)
        _require_no_copies(connection)
    except UnavailableError as error:
        if error.code != "storage_failed":
            raise
        raise at_start(error, connection.settings) from error


def server_time(connection: S3Connection, bucket: Bucket) -> datetime:
    """The server's own clock, to the second, aware UTC.

    Asked by a listing: a refusal then says why, which the answer to a HEAD has no room for.
    """
    answer = connection.call("list_objects_v2", bucket, MaxKeys=1)
    said = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return said.astimezone(UTC)


def _require_clock(connection: S3Connection) -> None:
    ahead = datetime.now(UTC) - server_time(connection, Bucket.RECORDS)
    if abs(ahead) > MAX_CLOCK_DIFFERENCE:
        raise _clock_differs(connection.settings.endpoint, abs(ahead))


def _require_lock(connection: S3Connection) -> None:
    """Without Object Lock a payload could not be retained, and only the deposit would find out."""
    try:
        found = connection.call("get_object_lock_configuration", Bucket.RECORDS, expected=(_NO_LOCK,))
        enabled = found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"
    except S3RefusedError:
        enabled = False
    if not enabled:
        raise SetupError("store_not_locked", bucket=connection.bucket(Bucket.RECORDS))


def _require_rights(connection: S3Connection) -> None:
    """Those that only the first deposit or look at a case would miss: create-only asks for others."""
    for right in asked_at_start():
        if not may(connection, right):
            bucket = connection.bucket(right.bucket)
            raise SetupError("store_access_denied", bucket=bucket, operation=right.operation)


def _require_no_copies(connection: S3Connection) -> None:
    """Whoever is given an address may add headers that nobody signed, and MinIO obeys the one that has a part
    copied from any object that the service may read: so that must be forbidden to the service.

    The upload that is asked for does not exist: a server that would copy finds only that amiss.
    """
    settings = connection.settings
    if settings.public_endpoint is None:
        return
    bucket = connection.bucket(Bucket.RECORDS)
    where: Any = {"Bucket": bucket, "Key": names.CANARY, "UploadId": "none", "PartNumber": 1}
    address = connection.client.generate_presigned_url("upload_part", Params=where, ExpiresIn=60)
    source = {"x-amz-copy-source": f"/{bucket}/{names.CANARY}"}
    verify: Any = True if settings.ca_file is None else str(settings.ca_file)
    session = URLLib3Session(verify=verify)
    with closing(session), connection.watched("upload_part_copy", Bucket.RECORDS):
        answer = session.send(AWSRequest(method="PUT", url=address, headers=source).prepare())
    if answer.status_code != _FORBIDDEN:
        raise SetupError("store_addresses_copy", bucket=bucket)


def at_start(error: UnavailableError, settings: S3Settings) -> SetupError:
    """At the start what cannot be reached is a wrong setting, more often than not."""
    endpoint = settings.endpoint
    operation = str(error.fields["operation"])
    bucket = settings.bucket(str(error.fields["bucket"]))
    match error.fields["reason"]:
        case "unreachable" | "http_400" if _speaks_only_tls(endpoint):
            return SetupError("store_speaks_tls", endpoint=endpoint)
        case "unreachable":
            return SetupError("store_unreachable", endpoint=endpoint)
        case "credentials_refused":
            return SetupError("store_credentials_refused", endpoint=endpoint)
        case "credential_needed":
            return SetupError("store_credential_needed", endpoint=endpoint)
        case "certificate_refused":
            return SetupError("store_certificate_refused", endpoint=endpoint)
        case "speaks_no_tls":
            return SetupError("store_speaks_no_tls", endpoint=endpoint)
        case "access_denied":
            return SetupError("store_access_denied", bucket=bucket, operation=operation)
        case "bucket_missing":
            return SetupError("store_bucket_missing", endpoint=endpoint, bucket=bucket)
        case "clock_differs":
            return _clock_differs(endpoint, _BORNE)
    return SetupError("store_unusable", bucket=bucket, reason=error.fields["reason"])


def _speaks_only_tls(endpoint: str) -> bool:
    """Whether plain http was spoken to a server of TLS, which hangs up, so that little is read of it."""
    where = urlsplit(endpoint)
    if where.scheme != "http" or where.hostname is None:
        return False
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE  # nothing is told to it
    door = (where.hostname, where.port or 80)
    with suppress(OSError), socket.create_connection(door, CONNECT_S) as line, anybody.wrap_socket(line):
        return True
    return False


def _clock_differs(endpoint: str, difference: timedelta) -> SetupError:
    return SetupError("store_clock_differs", endpoint=endpoint, seconds=int(difference.total_seconds()))
