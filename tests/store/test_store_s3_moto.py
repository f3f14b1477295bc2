"""The contract over a fake S3 server, which every machine has."""

from collections.abc import Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from store.contract import ListingContract, ObjectContract
from store.contract_publisher import SHORT, PublisherContract
from store.contract_sweeper import SweeperContract
from store.contract_uploads import PayloadContract, RetentionContract
from store.contract_versions import VersionsContract
from store.racing import Opener, Storage
from store.vandal import Vandal, vandal_in
from support.s3_client import s3_client
from werkzeug.serving import make_server

from escrow.config import S3Settings
from escrow.store.interface import Bucket
from escrow.store.s3 import S3Store
from escrow.store.s3_credentials import Credentials, write_credentials


class OneAtATime:
    """The fake, one request after the other, as soon as its body is there.

    By itself it does in several steps what a server does in one: it forgets an upload before the object of
    its parts is there, and answers 500 to requests that meet.
    """

    def __init__(self) -> None:
        self._fake = DomainDispatcherApplication(create_backend_app)
        self._turn = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        with self._turn:
            return list(self._fake(environ, start_response))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, OneAtATime(), threaded=True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class MotoFixture:
    @pytest.fixture
    def opener(self, buckets: S3Settings) -> Opener:
        return partial(S3Store, buckets)

    @pytest.fixture
    def storage(self, buckets: S3Settings) -> Storage:
        return lambda role: buckets

    @pytest.fixture
    def vandal(self, buckets: S3Settings) -> Iterator[Vandal]:
        with vandal_in(buckets) as vandal:
            yield vandal

    @pytest.fixture
    def buckets(self, endpoint: str, tmp_path: Path) -> S3Settings:
        path = tmp_path / "credentials.json"
        who = Credentials(access_key="testing", secret_key="testing")
        write_credentials(path, who)
        buckets = f"m{abs(hash(tmp_path)):x}"[:20]
        client = s3_client(endpoint, who)
        for bucket in Bucket:
            client.create_bucket(Bucket=f"{buckets}-{bucket.value}", ObjectLockEnabledForBucket=True)
        client.close()
        return S3Settings(endpoint=endpoint, buckets=buckets, credentials=path)


class TestObjects(MotoFixture, ObjectContract): ...


class TestListing(MotoFixture, ListingContract): ...


class TestPayloads(MotoFixture, PayloadContract):
    """Without what the fake answers with a fault of its own: a part for an upload that is over (500)."""

    test_one_body_for_a_completed_payload_is_refused_and_changes_nothing = None
    test_completed_payload_takes_no_part_and_no_other_plan = None
    test_part_that_arrives_while_the_upload_is_completed_does_not_count = None


class TestRetention(MotoFixture, RetentionContract):
    """Without the race: the fake lets a lock be shortened."""

    test_racing_extensions_end_at_the_latest = None


class TestPublisher(MotoFixture, PublisherContract):
    """Without races: the fake looks first and writes then. Long documents are MinIO's."""

    test_of_racing_publishers_one_is_told_that_it_is_new = None
    test_short_and_long_document_that_race_have_one_winner = None

    @pytest.fixture
    def length(self) -> int:
        return SHORT


class TestSweeper(MotoFixture, SweeperContract):
    """Without a part for an upload that is over (500), races, and a lock that ends: the fake's never does."""

    test_whoever_goes_on_with_a_discarded_upload_is_told_that_it_is_unknown = None
    test_part_that_arrives_while_its_upload_is_discarded_is_told_so = None
    test_upload_begun_anew_in_another_process_is_at_most_once_unknown_here = None
    test_payload_goes_once_its_retention_is_over_and_its_id_is_free = None
    test_payload_whose_retention_was_acknowledged_stays_whatever_sweeps_meanwhile = None

    @pytest.fixture
    def went_on(self) -> bool:
        return False


class TestVersions(MotoFixture, VersionsContract):
    """Without markers: the fake lists them after all versions, and finds no version below one."""

    test_versions_and_markers_come_in_the_order_in_which_they_were_written = None

    @pytest.fixture
    def deleted(self) -> bool:
        return False
