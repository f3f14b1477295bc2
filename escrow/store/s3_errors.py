"""What may go wrong on the way to an S3 server, in our words.

It is told apart by `reason`, the same words at start-up and later:

    unreachable           nobody answers at the endpoint, or not in time (s3_pulse.py)
    credentials_refused   the server does not know this credential
    access_denied         the credential may not do this
    credential_needed     none was given or found, and nobody may do this without
    bucket_missing        there is no such bucket
    clock_differs         the server's clock and ours differ by more than it bears
    full                  no room, or a quota is used up; an error of its own, `storage_full`
    certificate_refused   TLS: the server's certificate is not believed
    speaks_no_tls         https, and what answers there speaks no TLS

Everything else is the server's own code. No reason ever holds a URL, a name of an object or a key.
"""

import re
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  boto's own, not Python's
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)

from escrow.errors import UnavailableError
from escrow.store.interface import Bucket

FULL: Final = frozenset(
    ("XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded")
)
REASONS: Final = {
    "AccessDenied": "access_denied",
    "AllAccessDisabled": "access_denied",
    "InvalidAccessKeyId": "credentials_refused",
    "SignatureDoesNotMatch": "credentials_refused",
    "NoSuchBucket": "bucket_missing",
    "RequestTimeTooSkewed": "clock_differs",
}
_BY_STATUS: Final = {403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed", 416: "InvalidRange"}
"""Answers to HEAD have no body, and so no code of their own."""
NO_TLS: Final = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE")
"""What OpenSSL says, older and newer, where an answer is no TLS at all."""
_NOT_FOUND: Final = frozenset(("NoSuchKey", "NotFound", "NoSuchVersion", "404"))
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}")


BROKEN: Final = (BotoCoreError, HTTPClientError, OSError)
"""What comes up when a line breaks, also while the body of an answer is read."""


class S3RefusedError(Exception):
    """The server said no, in a way that the caller expected. Never leaves the store room."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def failed(code: str, bucket: Bucket, operation: str) -> UnavailableError:
    """Our error for a code of the server, or for one of the reasons above."""
    if code in FULL:
        return UnavailableError("storage_full", bucket=bucket.value)
    reason = REASONS.get(code, code)
    return UnavailableError("storage_failed", bucket=bucket.value, operation=operation, reason=reason)


def code_of(error: ClientError) -> str:
    """The server's code, or the one that its status stands for."""
    found = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if found in _NOT_FOUND:
        return "NoSuchKey"
    return found if _CODE.fullmatch(found) else _BY_STATUS.get(status, f"http_{status}")


def trouble_of(error: Exception) -> str:
    """What went wrong before there was an answer."""
    if isinstance(error, SSLError):
        return "speaks_no_tls" if NO_TLS.search(str(error)) else "certificate_refused"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "credentials_refused"
    if isinstance(error, ConnectionError | HTTPClientError | OSError):
        return "unreachable"
    return type(error).__name__
