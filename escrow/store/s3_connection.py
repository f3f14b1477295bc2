"""The one way to an S3 server: every call goes through `S3Connection.call`, every failure comes out as ours.

What may go wrong on the way is told by `s3_errors.py`.
"""

import os
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
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
)
from botocore.utils import parse_timestamp

from escrow.config import S3Settings
from escrow.errors import NotFoundError, SetupError, TooLargeError
from escrow.store.interface import Bucket
from escrow.store.s3_credentials import read_credentials
from escrow.store.s3_errors import BROKEN, FULL, REASONS, S3RefusedError, code_of, failed, trouble_of
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

_MODELS: Final = botocore.session.Session().get_component("data_loader")
"""Descriptions of S3's operations: read once for all clients, where each would take 60 ms to read its own."""


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
            outcome = code = code_of(error)
            if code in expected:
                raise S3RefusedError(code) from None
            failure = True
            reason = "credential_needed" if self._anonymous and code == "AccessDenied" else code
            outcome = "full" if code in FULL else REASONS.get(reason, reason)
            raise failed(reason, bucket, operation) from error
        except BROKEN as error:
            failure = True
            outcome = trouble_of(error)
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


def _time(value: Any) -> datetime:
    """A time of an answer. boto3 guesses at every form there is: half of what a long listing costs."""
    if isinstance(value, str) and value[10:11] == "T":
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    if isinstance(value, str) and value.endswith(" GMT"):
        with suppress(ValueError):
            return parsedate_to_datetime(value)
    return parse_timestamp(value)


def _give_up(caught_exception: Exception | None = None, **_: Any) -> None:
    """boto3 asks whether to try again."""
    if isinstance(caught_exception, ConnectTimeoutError | ReadTimeoutError):
        raise caught_exception


def _is_silence(error: Exception) -> bool:
    return isinstance(error, BROKEN) and trouble_of(error) == "unreachable"


def _retries(answer: Any) -> int:
    found = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0) if isinstance(answer, dict) else 0
    return int(found)
