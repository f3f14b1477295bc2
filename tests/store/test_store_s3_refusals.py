"""What an S3 store refuses, at its start and later, and the words that it has for it."""

import json
import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.exceptions import ClientError
from store.contract import CASE, ENTRY, refused
from support.minio import Minio, Site

from escrow.errors import EscrowError, SetupError, UnavailableError
from escrow.store import names
from escrow.store.interface import Bucket, Outcome, UploadPlan
from escrow.store.s3 import S3Store
from escrow.store.s3_connection import S3Call, S3Connection
from escrow.store.s3_credentials import Credentials, read_credentials, write_credentials

UPLOAD = names.payload(CASE, "01" * 16)


@pytest.fixture
def store(site: Site) -> Iterator[S3Store]:
    store = S3Store(site.settings("service"))
    yield store
    store.close()


def opened(settings: Any) -> Iterator[S3Store]:
    store = S3Store(settings)
    yield store
    store.close()


def refused_at_start(settings: Any, code: str) -> EscrowError:
    store = S3Store(settings)
    try:
        return refused(SetupError, code, store.check)
    finally:
        store.close()


def raising(code: str, status: int = 400) -> Any:
    """An operation of the client that the server answers with this code."""

    def call(**_: Any) -> Any:
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "Anything")  # type: ignore[arg-type]

    return call


class TestCredentials:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_file_that_others_may_read_is_refused(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / "credentials.json"
        write_credentials(path, Credentials(access_key="a", secret_key="b"))
        path.chmod(mode)
        error = refused(SetupError, "credentials_exposed", lambda: read_credentials(path))
        assert error.fields == {"path": str(path), "mode": f"{mode:04o}"}

    @pytest.mark.parametrize(
        "text",
        [
            "", "[]", "null", "{", '{"access_key": "a"}', '{"access_key": "a", "secret_key": ""}',
            '{"access_key": "a", "secret_key": 5}', '{"access_key": "a", "secret_key": "b", "more": "c"}',
            '{"access_key": "a\\n", "secret_key": "b"}', "[" * 4000,
        ],
    )  # fmt: skip
    def test_file_that_holds_anything_else_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "credentials.json"
        path.touch(mode=0o600)
        path.write_text(text)
        refused(SetupError, "credentials_malformed", lambda: read_credentials(path))

    def test_missing_file_is_refused(self, tmp_path: Path) -> None:
        refused(SetupError, "credentials_unreadable", lambda: read_credentials(tmp_path / "none"))

    def test_secret_is_not_shown(self) -> None:
        assert "hidden" not in repr(Credentials(access_key="a", secret_key="hidden"))


class TestStart:
    def test_endpoint_where_nobody_answers_is_refused(self, site: Site) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        settings = replace(site.settings("service"), endpoint=f"http://127.0.0.1:{port}")
        assert refused_at_start(settings, "store_unreachable").fields["endpoint"] == settings.endpoint

    @pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
    def test_credential_that_the_server_does_not_know_is_refused(
        self, site: Site, tmp_path: Path, wrong: str
    ) -> None:
        path = tmp_path / "wrong.json"
        write_credentials(path, replace(site.credentials("service"), **{wrong: "0" * 20}))
        refused_at_start(replace(site.settings("service"), credentials=path), "store_credentials_refused")

    def test_missing_buckets_are_refused(self, site: Site) -> None:
        settings = replace(site.settings("root"), buckets=f"{site.buckets}-no")
        assert (
            refused_at_start(settings, "store_bucket_missing").fields["bucket"]
            == f"{site.buckets}-no-records"
        )

    def test_credential_without_the_right_to_create_is_refused(self, site: Site) -> None:
        error = refused_at_start(site.settings("audit"), "store_access_denied")
        assert error.fields["operation"] == "put_object"

    def test_records_without_object_lock_are_refused(self, site: Site) -> None:
        settings = replace(site.settings("root"), buckets=f"{site.buckets}-u")
        with site.client("root") as client:
            for bucket in Bucket:
                client.create_bucket(Bucket=f"{settings.buckets}-{bucket.value}")
        assert (
            refused_at_start(settings, "store_not_locked").fields["bucket"] == f"{settings.buckets}-records"
        )

    @pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=-1), timedelta(minutes=10)])
    def test_clock_that_is_off_is_refused(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
    ) -> None:
        class Wrong(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + ahead

        if abs(ahead) > timedelta(hours=1):
            monkeypatch.setattr(
                botocore.auth, "get_current_datetime",
                lambda remove_tzinfo=True: (datetime.now(UTC) + ahead).replace(
                    tzinfo=None if remove_tzinfo else UTC
                ),
            )  # fmt: skip
        monkeypatch.setattr("escrow.store.s3_check.datetime", Wrong)
        assert int(refused_at_start(site.settings("service"), "store_clock_differs").fields["seconds"]) > 500  # type: ignore[arg-type]

    def test_server_that_ignores_create_only_is_refused(self, site: Site) -> None:
        store = S3Store(site.settings("service"))

        def drop(params: dict[str, Any], **_: Any) -> None:
            params["headers"].pop("If-None-Match", None)

        store.connection.client.meta.events.register("before-call.s3.PutObject", drop)
        assert refused(SetupError, "store_not_create_only", store.check).fields["bucket"] == "ledger"
        store.close()


class TestLater:
    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            ("AccessDenied", "access_denied"), ("NoSuchBucket", "bucket_missing"),
            ("InvalidAccessKeyId", "credentials_refused"), ("RequestTimeTooSkewed", "clock_differs"),
            ("SlowDown", "SlowDown"), ("<b>", "http_400"), ("x" * 500, "http_400"),
        ],
    )  # fmt: skip
    def test_refusal_of_the_server_is_unavailable_with_a_reason(
        self, store: S3Store, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
    ) -> None:
        monkeypatch.setattr(store.connection.client, "put_object", raising(code))
        error = refused(UnavailableError, "storage_failed", lambda: store.create(Bucket.LEDGER, ENTRY, b"x"))
        assert error.fields == {"bucket": "ledger", "operation": "put_object", "reason": reason}

    def test_full_disk_is_told_as_such(self, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store.connection.client, "put_object", raising("XMinioStorageFull", 507))
        refused(UnavailableError, "storage_full", lambda: store.create(Bucket.LEDGER, ENTRY, b"x"))

    def test_server_that_stops_is_unavailable_and_serves_again_when_back(
        self, minio_server: Minio, store: S3Store
    ) -> None:
        store.create(Bucket.LEDGER, ENTRY, b"kept")
        minio_server.stop()
        try:
            error = refused(
                UnavailableError, "storage_failed", lambda: store.get(Bucket.LEDGER, ENTRY, limit=9)
            )
        finally:
            minio_server.start()
        assert error.fields["reason"] == "unreachable"
        assert store.get(Bucket.LEDGER, ENTRY, limit=9) == b"kept"

    def test_endless_conflict_is_given_up(self, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store.connection.client, "put_object", raising("ConditionalRequestConflict", 409))
        error = refused(UnavailableError, "storage_failed", lambda: store.create(Bucket.LEDGER, ENTRY, b"x"))
        assert error.fields["reason"] == "write_conflict"

    def test_own_success_after_a_lost_answer_is_known(self, store: S3Store) -> None:
        lost: list[int] = []

        def lose(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
            """The first answer says what a broken proxy would: boto3 sends the request again."""
            if not lost:
                lost.append(http_response.status_code)
                parsed["Error"] = {"Code": "InternalError", "Message": ""}
                parsed["ResponseMetadata"]["HTTPStatusCode"] = 500
                http_response.status_code = 500

        store.connection.client.meta.events.register("response-received.s3.PutObject", _adapt(lose))
        store.create(Bucket.LEDGER, ENTRY, b"mine")
        assert store.create(Bucket.LEDGER, ENTRY, b"mine") is Outcome.ALREADY_SAME

    def test_every_call_is_watched(self, site: Site) -> None:
        seen: list[S3Call] = []
        store = S3Store(site.settings("service"), watch=seen.append)
        store.create(Bucket.LEDGER, ENTRY, b"x")
        store.create(Bucket.LEDGER, ENTRY, b"y")
        store.close()
        told = [(one.operation, one.outcome) for one in seen]
        assert told == [("put_object", "ok"), ("put_object", "PreconditionFailed"), ("get_object", "ok")]

    def test_child_of_a_fork_has_connections_of_its_own(self, store: S3Store) -> None:
        store.create(Bucket.LEDGER, ENTRY, b"parent")
        before = store.connection.client
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            own = store.connection.client is not before
            found = store.get(Bucket.LEDGER, ENTRY, limit=9)
            os.write(writer, found if own else b"shared")
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            assert answer.read() == b"parent"
        assert store.connection.client is before
        assert store.get(Bucket.LEDGER, ENTRY, limit=9) == b"parent"


def _adapt(lose: Any) -> Any:
    return lambda response_dict=None, parsed_response=None, **_: None


class TestUploads:
    def test_lost_answer_to_a_completion_is_a_success_and_is_read_back(self, store: S3Store) -> None:
        import io

        store.begin_upload(UPLOAD, UploadPlan(length=5, part_size=5))
        store.put_part(UPLOAD, 1, io.BytesIO(b"whole"))
        connection = S3Connection(store.connection.settings)
        parts = connection.call("list_multipart_uploads", Bucket.RECORDS) if False else None
        assert parts is None
        connection.close()
        first = store.complete_upload(UPLOAD)
        assert store.complete_upload(UPLOAD) == first
