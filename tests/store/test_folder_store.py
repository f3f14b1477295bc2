"""The local folder keeps the contract."""

from functools import partial
from pathlib import Path

import pytest
from store.contract import ListingContract, ObjectContract
from store.contract_publisher import PublisherContract
from store.contract_sweeper import SweeperContract
from store.contract_uploads import PayloadContract, RetentionContract
from store.racing import Opener, Storage

from escrow.store.folder import FolderStore


class FolderFixture:
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return partial(FolderStore, tmp_path / "store")

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return lambda role: tmp_path / "store"


class TestObjects(FolderFixture, ObjectContract): ...


class TestListing(FolderFixture, ListingContract): ...


class TestPayloads(FolderFixture, PayloadContract): ...


class TestRetention(FolderFixture, RetentionContract): ...


class TestPublisher(FolderFixture, PublisherContract): ...


class TestSweeper(FolderFixture, SweeperContract): ...
