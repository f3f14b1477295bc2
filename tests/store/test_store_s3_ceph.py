"""Ceph RGW keeps the contract on buckets without versions.

On those with Object Lock its release 16 does not keep create-only, and the service refuses to start there.
"""

from collections.abc import Iterator
from functools import partial

import pytest
from store.contract import ListingContract, ObjectContract
from store.contract_publisher import LONG, SHORT, PublisherContract
from store.contract_sweeper import SweeperContract
from store.contract_uploads import PayloadContract, RetentionContract
from store.contract_versions import VersionsContract
from store.racing import Opener, Storage
from store.vandal import Vandal, vandal_in
from support.ceph import Ceph
from support.refusals import refuses

from escrow.config import S3Settings
from escrow.errors import NotFoundError, SetupError
from escrow.store.canary import require_create_only
from escrow.store.interface import Publisher
from escrow.store.s3 import S3Store


class UnlockedStore(S3Store):
    """Asks of the server all but Object Lock."""

    def check(self) -> None:
        require_create_only(self)


class LockedStore(S3Store):
    """Asks nothing at the start."""

    def check(self) -> None:
        return


class CephFixture:
    @pytest.fixture
    def opener(self, ceph_server: Ceph) -> Opener:
        return partial(UnlockedStore, ceph_server.fresh(locked=False))


class TestObjects(CephFixture, ObjectContract): ...


class TestListing(CephFixture, ListingContract): ...


class TestPayloads(CephFixture, PayloadContract): ...


class TestRetention(RetentionContract):
    @pytest.fixture
    def opener(self, ceph_server: Ceph) -> Opener:
        return partial(LockedStore, ceph_server.fresh(locked=True))


@pytest.fixture(scope="module")
def plain(ceph_server: Ceph) -> S3Settings:
    return ceph_server.fresh(locked=False)


@pytest.fixture(scope="module")
def locked(ceph_server: Ceph) -> S3Settings:
    return ceph_server.fresh(locked=True)


class TestPublisher(PublisherContract):
    """Short documents; a long one is refused, since its completion would not be create-only."""

    test_short_and_long_document_that_race_have_one_winner = None

    @pytest.fixture
    def storage(self, plain: S3Settings) -> Storage:
        return lambda role: plain

    @pytest.fixture(params=(0, SHORT))
    def length(self, request: pytest.FixtureRequest) -> int:
        return int(request.param)

    def test_long_document_is_refused_before_a_byte_of_it_is_read(
        self, publisher: Publisher, name: str
    ) -> None:
        data = iter((b"first chunk",))
        for _ in range(2):
            with refuses(SetupError, "store_not_create_only", bucket="public"):
                publisher.publish(name, data, length=LONG)
        assert list(data) == [b"first chunk"]
        with refuses(NotFoundError, "object_unknown"):
            publisher.published_length(name)


class LockedFixture:
    @pytest.fixture
    def storage(self, locked: S3Settings) -> Storage:
        return lambda role: locked

    @pytest.fixture
    def vandal(self, locked: S3Settings) -> Iterator[Vandal]:
        with vandal_in(locked) as vandal:
            yield vandal


class TestSweeper(LockedFixture, SweeperContract):
    """Without the race: a lock that is set while the version is deleted does not stop that."""

    test_payload_whose_retention_was_acknowledged_stays_whatever_sweeps_meanwhile = None


class TestVersions(LockedFixture, VersionsContract): ...


def test_server_that_ignores_create_only_where_it_locks_is_refused_at_the_start(ceph_server: Ceph) -> None:
    store = S3Store(ceph_server.fresh(locked=True))
    try:
        with refuses(SetupError, "store_not_create_only", bucket="records"):
            store.check()
    finally:
        store.close()


def test_server_without_lock_is_refused_at_the_start(ceph_server: Ceph) -> None:
    store = S3Store(ceph_server.fresh(locked=False))
    try:
        with refuses(SetupError, "store_not_locked"):
            store.check()
    finally:
        store.close()
