"""MinIO keeps the contract, as the service's own credential may use it, and each tool's its tools."""

from collections.abc import Iterator
from functools import partial

import pytest
from store.contract import ListingContract, ObjectContract
from store.contract_publisher import PublisherContract
from store.contract_sweeper import SweeperContract
from store.contract_uploads import PayloadContract, RetentionContract
from store.contract_versions import VersionsContract
from store.racing import Opener, Storage
from store.vandal import Vandal, vandal_in
from support.minio import Minio, Plots, Site

from escrow.store.s3 import S3Store


class MinioFixture:
    @pytest.fixture
    def opener(self, minio_plots: Plots) -> Opener:
        return partial(S3Store, minio_plots.fresh())


class TestObjects(MinioFixture, ObjectContract): ...


class TestListing(MinioFixture, ListingContract): ...


class TestPayloads(MinioFixture, PayloadContract): ...


class TestRetention(MinioFixture, RetentionContract): ...


@pytest.fixture(scope="module")
def roles(minio_server: Minio, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Buckets, users and policies as in production; its tests draw names of their own."""
    return Site(minio_server, tmp_path_factory.mktemp("roles"))


class RolesFixture:
    @pytest.fixture
    def storage(self, roles: Site) -> Storage:
        return roles.settings


class TestPublisher(RolesFixture, PublisherContract): ...


class TestSweeper(RolesFixture, SweeperContract): ...


class TestVersions(RolesFixture, VersionsContract):
    @pytest.fixture
    def vandal(self, roles: Site) -> Iterator[Vandal]:
        with vandal_in(roles.settings("root")) as vandal:
            yield vandal
