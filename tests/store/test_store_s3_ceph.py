"""Ceph RGW keeps the contract on buckets without versions.

On those with Object Lock its release 16 does not keep create-only, and the service refuses to start there.
"""

from collections.abc import Iterator
from functools import partial

import pytest
from store.contract import ListingContract, ObjectContract
from store.contract_publisher import PublisherContract
from store.contract_sweeper import SweeperContract
from store.contract_uploads import PayloadContract, RetentionContract
from store.contract_versions import VersionsContract
from store.racing import Opener, Storage
from store.vandal import Vandal
from support.ceph import Ceph
from support.refusals import refuses

from escrow.config import S3Settings
from escrow.errors import SetupError
from escrow.store.canary import require_create_only
from escrow.store.s3 import S3Store
from escrow.store.s3_connection import S3Connection


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


class TestPublisher(PublisherContract):
    @pytest.fixture(scope="class")
    def buckets(self, ceph_server: Ceph) -> S3Settings:
        return ceph_server.fresh(locked=False)

    @pytest.fixture
    def storage(self, buckets: S3Settings) -> Storage:
        return lambda role: buckets


class LockedFixture:
    @pytest.fixture(scope="class")
    def buckets(self, ceph_server: Ceph) -> S3Settings:
        return ceph_server.fresh(locked=True)

    @pytest.fixture
    def storage(self, buckets: S3Settings) -> Storage:
        return lambda role: buckets

    @pytest.fixture
    def vandal(self, buckets: S3Settings) -> Iterator[Vandal]:
        connection = S3Connection(buckets)
        yield Vandal(connection)
        connection.close()


class TestSweeper(LockedFixture, SweeperContract): ...


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
