"""What an S3 store refuses, at its start and later, and the words that it has for it."""

import hashlib
import io
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
import requests
from botocore.exceptions import ClientError, IncompleteReadError
from store.contract import CASE, ENTRY, refused
from support.minio import POLICIES, Minio, Plots, Site

from escrow.admin.minio_setup import Role, administrator, policy
from escrow.errors import (
    EscrowError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    UnavailableError,
)
from escrow.store import names
from escrow.store.interface import MIB, Bucket, Outcome, UploadPlan
from escrow.store.s3 import S3Store
from escrow.store.s3_connection import S3Call
from escrow.store.s3_credentials import Credentials, read_credentials, write_credentials

UPLOAD = names.payload(CASE, "01" * 16)
SMALL = b"a payload in one part"
PART = 5 * MIB
PLAN = UploadPlan(length=len(SMALL), part_size=PART)


@pytest.fixture
def store(minio_plots: Plots) -> Iterator[S3Store]:
    store = S3Store(minio_plots.fresh())
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
        settings = site.settings("service")  # its user is made while clocks agree

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
        assert int(refused_at_start(settings, "store_clock_differs").fields["seconds"]) > 500  # type: ignore[arg-type]

    def test_server_that_ignores_create_only_is_refused(self, site: Site) -> None:
        store = S3Store(site.settings("service"))

        def drop(params: dict[str, Any], **_: Any) -> None:
            params["headers"].pop("If-None-Match", None)

        store.connection.client.meta.events.register("before-call.s3.PutObject", drop)
        assert refused(SetupError, "store_not_create_only", store.check).fields["bucket"] == "ledger"
        store.close()

    def test_addresses_by_which_anything_could_be_copied_are_refused(self, site: Site) -> None:
        """The policy of a site that was set up before it forbade that."""
        settings = replace(site.settings("service"), public_endpoint=site.server.endpoint)
        store = S3Store(settings)
        store.check()
        store.close()
        allow_copies(site)
        error = refused_at_start(settings, "store_addresses_copy")
        assert error.fields["bucket"] == f"{site.buckets}-records"
        store = S3Store(replace(settings, public_endpoint=None))
        store.check()
        store.close()


def allow_copies(site: Site) -> None:
    name = f"{site.buckets}-service"
    wanted = policy(POLICIES, Role.SERVICE, site.buckets)
    wanted["Statement"] = [one for one in wanted["Statement"] if one["Effect"] == "Allow"]
    administrator(site.settings("root")).policy_add(policy_name=name, policy=wanted)


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

    def test_own_success_is_known_when_boto3_has_sent_the_request_twice(
        self, store: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = store.connection.client
        put = client.put_object

        def twice(**arguments: Any) -> Any:
            put(**arguments)
            return put(**arguments)

        monkeypatch.setattr(client, "put_object", twice)
        assert store.create(Bucket.LEDGER, ENTRY, b"mine") is Outcome.ALREADY_SAME
        assert store.create(Bucket.LEDGER, ENTRY, b"other") is Outcome.ALREADY_OTHER

    def test_every_call_is_watched(self, minio_plots: Plots) -> None:
        seen: list[S3Call] = []
        store = S3Store(minio_plots.fresh(), watch=seen.append)
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


class TestUploads:
    @pytest.fixture
    def staged(self, store: S3Store) -> S3Store:
        store.begin_upload(UPLOAD, PLAN)
        store.put_part(UPLOAD, 1, io.BytesIO(SMALL))
        return store

    def test_completion_whose_answer_was_lost_is_a_success_when_asked_again(
        self, staged: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = staged.connection.client
        complete = client.complete_multipart_upload

        def lost(**arguments: Any) -> Any:
            complete(**arguments)
            return raising("InternalError", 500)()

        with monkeypatch.context() as patch:
            patch.setattr(client, "complete_multipart_upload", lost)
            refused(UnavailableError, "storage_failed", lambda: staged.complete_upload(UPLOAD))
        assert staged.payload_length(UPLOAD) == len(SMALL)
        assert staged.complete_upload(UPLOAD).sha256 == hashlib.sha256(SMALL).hexdigest()

    def test_one_body_whose_completion_boto3_sent_twice_is_read_back(
        self, store: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = store.connection.client
        complete = client.complete_multipart_upload

        def twice(**arguments: Any) -> Any:
            complete(**arguments)
            return raising("NoSuchUpload", 404)()

        monkeypatch.setattr(client, "complete_multipart_upload", twice)
        store.begin_upload(UPLOAD, PLAN)
        stored = store.put_payload(UPLOAD, io.BytesIO(SMALL))
        assert stored.sha256 == hashlib.sha256(SMALL).hexdigest()

    def test_crash_before_the_digest_is_noted_is_mended_by_reading_back(
        self, staged: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(staged.connection.client, "put_object", raising("SlowDown", 503))
            refused(UnavailableError, "storage_failed", lambda: staged.complete_upload(UPLOAD))
        again = S3Store(staged.connection.settings)
        assert again.complete_upload(UPLOAD).sha256 == hashlib.sha256(SMALL).hexdigest()
        again.close()

    def test_line_that_breaks_is_gone_on_with_and_then_given_up(
        self, staged: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged.complete_upload(UPLOAD)
        client = staged.connection.client
        get = client.get_object

        def breaking(given: int) -> Any:
            def call(**arguments: Any) -> Any:
                answer: Any = get(**arguments)
                answer["Body"] = Breaking(answer["Body"], given)
                return answer

            return call

        monkeypatch.setattr(client, "get_object", breaking(4))
        assert b"".join(staged.payload(UPLOAD)) == SMALL
        monkeypatch.setattr(client, "get_object", breaking(0))
        refused(UnavailableError, "storage_failed", lambda: list(staged.payload(UPLOAD)))

    def test_dropped_iterator_leaves_no_connection_open(self, staged: S3Store) -> None:
        staged.complete_upload(UPLOAD)
        staged.payload(UPLOAD)
        chunks = staged.payload(UPLOAD)
        next(chunks)
        del chunks
        assert b"".join(staged.payload(UPLOAD)) == SMALL


def address_of(store: S3Store) -> str:
    found = store.part_addresses(UPLOAD, [1], valid_s=60)
    assert found is not None
    (address,) = found
    return address


class TestAddresses:
    @pytest.fixture
    def store(self, minio_plots: Plots) -> Iterator[S3Store]:
        store = S3Store(minio_plots.fresh())
        store.begin_upload(UPLOAD, PLAN)
        yield store
        store.close()

    def test_part_sent_to_its_address_counts_and_is_read_back(self, store: S3Store) -> None:
        address = address_of(store)
        assert requests.put(address, data=SMALL, timeout=10).status_code == 200
        assert [(one.number, one.length, one.sha256) for one in store.parts(UPLOAD)] == [
            (1, len(SMALL), None)
        ]
        assert store.complete_upload(UPLOAD).sha256 == hashlib.sha256(SMALL).hexdigest()
        refused(RefusedError, "upload_completed", lambda: store.part_addresses(UPLOAD, [1], valid_s=60))
        assert requests.put(address, data=b"x" * len(SMALL), timeout=10).status_code == 404
        assert b"".join(store.payload(UPLOAD)) == SMALL

    @pytest.mark.parametrize("change", [("partNumber=1", "partNumber=2"), ("payloads/", "shares/")])
    def test_address_serves_for_no_other_part_or_object(
        self, store: S3Store, change: tuple[str, str]
    ) -> None:
        address = address_of(store)
        assert change[0] in address
        assert requests.put(address.replace(*change), data=SMALL, timeout=10).status_code == 403
        assert store.parts(UPLOAD) == []

    @pytest.mark.parametrize("data", [SMALL + b"x", SMALL[:-1], b""])
    def test_address_takes_no_other_length(self, store: S3Store, data: bytes) -> None:
        address = address_of(store)
        assert requests.put(address, data=data, timeout=10).status_code == 403
        assert store.parts(UPLOAD) == []

    def test_address_gives_no_other_right_and_no_secret(self, store: S3Store) -> None:
        address = address_of(store)
        path = store.connection.settings.credentials
        assert path is not None
        assert read_credentials(path).secret_key not in address
        for method in ("GET", "DELETE", "POST"):
            assert requests.request(method, address, timeout=10).status_code == 403

    def test_address_of_a_part_beyond_the_plan_or_of_no_upload_is_refused(self, store: S3Store) -> None:
        refused(
            MalformedError,
            "part_number_out_of_range",
            lambda: store.part_addresses(UPLOAD, [1, 2], valid_s=9),
        )
        other = names.payload(CASE, "02" * 16)
        refused(NotFoundError, "upload_unknown", lambda: store.part_addresses(other, [1], valid_s=9))

    @pytest.mark.parametrize(
        "stolen", [(Bucket.LEDGER, ENTRY), (Bucket.RECORDS, names.share(CASE, "ef" * 32))]
    )
    def test_address_copies_no_object_that_the_service_may_read(
        self, store: S3Store, stolen: tuple[Bucket, str]
    ) -> None:
        """MinIO obeys this header although nobody signed it, and tells the MD5 of the byte that it copied."""
        bucket, name = stolen
        store.create(bucket, name, b"none of theirs")
        source = {"x-amz-copy-source": f"/{store.connection.bucket(bucket)}/{name}"}
        found = requests.put(
            address_of(store),
            data=SMALL,
            headers=source | {"x-amz-copy-source-range": "bytes=0-0"},
            timeout=10,
        )
        assert found.status_code == 403
        assert hashlib.md5(b"n").hexdigest() not in found.text
        assert store.parts(UPLOAD) == []

    def test_without_a_public_endpoint_there_is_none(self, site: Site) -> None:
        store = S3Store(site.settings("service"))
        assert store.part_addresses(UPLOAD, [1], valid_s=60) is None
        store.close()


class Breaking(io.BytesIO):
    """The body of an answer that breaks off after so many bytes."""

    def __init__(self, body: Any, given: int) -> None:
        super().__init__(body.read()[:given])
        body.close()

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if not found:
            raise IncompleteReadError(actual_bytes=0, expected_bytes=1)
        return found
