"""The one way to an S3 server: every call goes through `S3Connection.call`, every failure comes out as ours.

What may go wrong on the way is told apart by `reason`, the same words at start-up and later:

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

import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  boto's own, not Python's
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.utils import parse_timestamp

from escrow.config import S3Settings
from escrow.errors import NotFoundError, SetupError, TooLargeError, UnavailableError
from escrow.store.interface import Bucket
from escrow.store.s3_credentials import read_credentials
from escrow.store.s3_pulse import Pulse, SilentError
from escrow.store.watching import S3Call, Watch, nobody

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECTIONS: Final = 64
"""As many as a worker may have threads by default several times over: a call never waits for a free one."""
CONNECT_S: Final = 5
READ_S: Final = 60
"""MinIO answers the completion of a large upload after as much as half a minute. A service waits so long only
for what is long, and else for `patience_s`."""
LONG: Final = frozenset(("upload_part", "complete_multipart_upload"))
ATTEMPTS: Final = 3
"""In all, with boto3's own waits between: about two seconds. Whoever is told 503 tries again. What has
waited in vain is not tried again: that would only be to wait longer."""
CLOCK_EVERY_S: Final = 60
"""How often the server's clock is read from an answer, for the watch: clocks drift slowly."""

FULL: Final = frozenset(
    ("XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded")
)
_REASONS: Final = {
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
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}")


BROKEN: Final = (BotoCoreError, HTTPClientError, OSError)
"""What comes up when a line breaks, also while the body of an answer is read."""


_MODELS: Final = botocore.session.Session().get_component("data_loader")
"""Descriptions of S3's operations: read once for all clients, where each would take 60 ms to read its own."""


class S3RefusedError(Exception):
    """The server said no, in a way that the caller expected. Never leaves the store room."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class S3Connection:
    """Shared by threads; each process has a client of its own, since sockets do not survive a fork.

    `watch` is told of every call that is made. `serving`: for a service, which must not lose its threads to
    a server that hangs; a script can wait. SetupError where the credentials' file cannot be used, and
    `ca_file_unusable` (path, reason).
    """

    def __init__(self, settings: S3Settings, *, watch: Watch = nobody, serving: bool = False) -> None:
        self.settings = settings
        self._watch = watch
        self._clock_due = 0.0
        self._pulse = Pulse(_is_silence) if serving else None
        self._credentials = None if settings.credentials is None else read_credentials(settings.credentials)
        if settings.ca_file is not None:
            _require_certificates(settings.ca_file)
        self._anonymous = False
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        self._patient: S3Client | None = None
        self._signer: S3Client | None = None
        self._pid = 0

    def bucket(self, bucket: Bucket) -> str:
        """The bucket's name on the server."""
        return self.settings.bucket(bucket.value)

    def call(
        self, operation: str, bucket: Bucket, *, expected: tuple[str, ...] = (), **arguments: Any
    ) -> Any:
        """Call an operation of boto3's S3 client on one of our buckets; what boto3 answers.

        S3RefusedError for the `expected` codes; else UnavailableError `storage_full` or
        `storage_failed` (bucket, operation, reason).
        """
        with self.watched(operation, bucket, expected=expected) as seen:
            answer = getattr(self._for(operation), operation)(Bucket=self.bucket(bucket), **arguments)
            seen(answer)
        return answer

    def read(self, bucket: Bucket, name: str, *, limit: int, version: str | None = None) -> bytes:
        """A whole small object. NotFoundError `object_unknown`, TooLargeError `object_too_large` (limit)."""
        return self.read_answer(bucket, name, limit=limit, version=version)[0]

    def read_answer(
        self, bucket: Bucket, name: str, *, limit: int, version: str | None = None
    ) -> tuple[bytes, Any]:
        """As `read`, with all that boto3 answers beside the bytes."""
        chosen: Any = {} if version is None else {"VersionId": version}
        try:
            with self.watched("get_object", bucket, expected=("NoSuchKey",)) as seen:
                answer = self.client.get_object(Bucket=self.bucket(bucket), Key=name, **chosen)
                seen(answer)
                with closing(answer["Body"]) as body:
                    if answer["ContentLength"] > limit:
                        raise TooLargeError("object_too_large", field="object", limit=limit)
                    return body.read(), answer
        except S3RefusedError:
            raise NotFoundError("object_unknown") from None

    @contextmanager
    def watched(
        self, operation: str, bucket: Bucket, *, expected: tuple[str, ...] = ()
    ) -> Iterator[Callable[[Any], None]]:
        """Around something that is done over this connection: the same errors, and told to `watch`.

        Give boto3's answer to what this yields, so that its retries are known.
        """
        retries = 0
        outcome = "ok"
        failure = False
        ahead: float | None = None
        began = time.monotonic()

        def seen(answer: Any) -> None:
            nonlocal retries, ahead
            retries = _retries(answer)
            ahead = self._clock_ahead(answer) if isinstance(answer, dict) else None

        asked = True
        try:
            with self._asking(operation):
                yield seen
        except SilentError as error:
            asked = False
            raise failed("unreachable", bucket, operation) from error
        except ClientError as error:
            retries = _retries(error.response)
            outcome = code = _code(error)
            if code in expected:
                raise S3RefusedError(code) from None
            failure = True
            reason = "credential_needed" if self._anonymous and code == "AccessDenied" else code
            outcome = "full" if code in FULL else _REASONS.get(reason, reason)
            raise failed(reason, bucket, operation) from error
        except BROKEN as error:
            failure = True
            outcome = _trouble(error)
            raise failed(outcome, bucket, operation) from error
        finally:
            if asked:
                self._watch(
                    S3Call(
                        bucket=bucket, operation=operation, outcome=outcome, seconds=time.monotonic() - began,
                        retries=retries, failed=failure, clock_ahead_s=ahead,
                    )
                )  # fmt: skip

    def _clock_ahead(self, answer: dict[str, Any]) -> float | None:
        """See `S3Call`. None where it is not due, or the answer has no date."""
        now = time.monotonic()
        if now < self._clock_due:
            return None
        said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        try:
            there = parsedate_to_datetime(said).timestamp()
        except (TypeError, ValueError):
            return None
        self._clock_due = now + CLOCK_EVERY_S
        return time.time() - there

    def _asking(self, operation: str) -> AbstractContextManager[None]:
        return nullcontext() if self._pulse is None else self._pulse.asking(short=operation not in LONG)

    def _for(self, operation: str) -> "S3Client":
        client = self.client
        return self._patient or client if operation in LONG else client

    @property
    def client(self) -> "S3Client":
        """boto3's client of this process."""
        if self._pid != os.getpid():  # also in a child: the sockets of the one that it got are its parent's
            with self._lock:
                if self._pid != os.getpid():
                    endpoint, serving = self.settings.endpoint, self._pulse is not None
                    self._client = self._made(endpoint, self.settings.patience_s if serving else READ_S)
                    self._patient = self._made(endpoint) if serving else None
                    self._pid = os.getpid()
        client = self._client
        if client is None:
            raise RuntimeError("closed")
        return client

    def signer(self, endpoint: str) -> "S3Client":
        """A client that only signs addresses, for another endpoint of the same server. It opens no socket."""
        with self._lock:
            if self._signer is None:
                self._signer = self._made(endpoint)
            return self._signer

    def close(self) -> None:
        """Let go of all connections; the next call makes new ones."""
        with self._lock:
            for client in (self._client, self._patient):
                if client is not None and self._pid == os.getpid():
                    client.close()
            self._client, self._patient, self._signer, self._pid = None, None, None, 0

    def _made(self, endpoint: str, read_s: float = READ_S) -> "S3Client":
        given = self._credentials
        core = (
            botocore.session.Session()
        )  # not boto3.client: that shares one session, which is not thread-safe
        core.register_component("data_loader", _MODELS)
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
        session = boto3.session.Session(
            aws_access_key_id=None if given is None else given.access_key,
            aws_secret_access_key=None if given is None else given.secret_key,
            region_name=self.settings.region,
            botocore_session=core,
        )
        self._anonymous = session.get_credentials() is None
        made = session.client(
            "s3",
            endpoint_url=endpoint,
            verify=None if self.settings.ca_file is None else str(self.settings.ca_file),
            config=Config(
                signature_version=UNSIGNED if self._anonymous else "s3v4",  # what is public needs none
                s3={
                    "addressing_style": "path",  # a server with one name has no names for its buckets
                    "payload_signing_enabled": True,  # the server checks every body's SHA-256, also over TLS
                },
                request_checksum_calculation="when_required",  # boto3's newer default breaks older servers
                response_checksum_validation="when_required",
                max_pool_connections=CONNECTIONS,
                connect_timeout=CONNECT_S,
                read_timeout=read_s,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                tcp_keepalive=True,
            ),
        )
        made.meta.events.register_first("needs-retry.s3", _give_up)
        return made


def _require_certificates(path: Path) -> None:
    """Else the server's certificate would be blamed."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise SetupError("ca_file_unusable", path=str(path), reason="it holds no certificate") from error
    except OSError as error:
        raise SetupError("ca_file_unusable", path=str(path), reason=str(error.strerror)) from error


def failed(code: str, bucket: Bucket, operation: str) -> UnavailableError:
    """Our error for a code of the server, or for one of the reasons above."""
    if code in FULL:
        return UnavailableError("storage_full", bucket=bucket.value)
    reason = _REASONS.get(code, code)
    return UnavailableError("storage_failed", bucket=bucket.value, operation=operation, reason=reason)


def _code(error: ClientError) -> str:
    """The server's code, or the one that its status stands for."""
    found = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if found in _NOT_FOUND:
        return "NoSuchKey"
    return found if _CODE.fullmatch(found) else _BY_STATUS.get(status, f"http_{status}")


def _time(value: Any) -> datetime:
    """A time of an answer. boto3 guesses at every form there is: half of what a long listing costs."""
    if isinstance(value, str) and value[10:11] == "T":
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    if isinstance(value, str) and value.endswith(" GMT"):
        with suppress(ValueError):
            return parsedate_to_datetime(value)
    return parse_timestamp(value)


_NOT_FOUND: Final = frozenset(("NoSuchKey", "NotFound", "NoSuchVersion", "404"))


def _trouble(error: Exception) -> str:
    """What went wrong before there was an answer."""
    if isinstance(error, SSLError):
        return "speaks_no_tls" if NO_TLS.search(str(error)) else "certificate_refused"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "credentials_refused"
    if isinstance(error, ConnectionError | HTTPClientError | OSError):
        return "unreachable"
    return type(error).__name__


def _give_up(caught_exception: Exception | None = None, **_: Any) -> None:
    """boto3 asks whether to try again."""
    if isinstance(caught_exception, ConnectTimeoutError | ReadTimeoutError):
        raise caught_exception


def _is_silence(error: Exception) -> bool:
    return isinstance(error, BROKEN) and _trouble(error) == "unreachable"


def _retries(answer: Any) -> int:
    found = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0) if isinstance(answer, dict) else 0
    return int(found)
