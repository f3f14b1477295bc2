"""MinIO keeps the contract, as the service's own credential may use it."""

from functools import partial

import pytest
from store.contract import ListingContract, ObjectContract
from store.contract_uploads import PayloadContract, RetentionContract
from store.racing import Opener
from support.minio import Plots

from escrow.store.s3 import S3Store


class MinioFixture:
    @pytest.fixture
    def opener(self, minio_plots: Plots) -> Opener:
        return partial(S3Store, minio_plots.fresh())


class TestObjects(MinioFixture, ObjectContract): ...


class TestListing(MinioFixture, ListingContract): ...


class TestPayloads(MinioFixture, PayloadContract): ...


class TestRetention(MinioFixture, RetentionContract): ...
