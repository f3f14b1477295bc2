"""Listings of a card's cases that are kept: what came or went since is never missed."""

import os
import time
from pathlib import Path

import pytest

from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.folder_listing import KEPT, LARGE, SETTLED_NS, Listings
from escrow.store.interface import Bucket

CARD = "cd" * 32
PREFIX = names.card_indexes(CARD)


def case(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """With a large folder of a card that was last changed an hour ago."""
    store = FolderStore(tmp_path)
    for number in range(0, 4 * LARGE, 2):
        store.create(Bucket.LEDGER, names.card_index(CARD, case(number)), b"")
    settle(tmp_path / "ledger" / PREFIX)
    return store


def settle(folder: Path) -> None:
    an_hour_ago = time.time_ns() - 3600 * 10**9
    os.utime(folder, ns=(an_hour_ago, an_hour_ago))


def pages(store: FolderStore, limit: int) -> list[str]:
    found: list[str] = []
    while page := store.names(Bucket.LEDGER, PREFIX, after=found[-1] if found else "", limit=limit):
        found += page
    return found


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_pages_together_are_the_whole_list_once(store: FolderStore, limit: int) -> None:
    assert pages(store, limit) == [names.card_index(CARD, case(n)) for n in range(0, 4 * LARGE, 2)]
    assert pages(store, limit) == pages(FolderStore(Path(store._disk._root)), 1000)


@pytest.mark.parametrize("number", [1, 2 * LARGE + 1, 4 * LARGE + 1], ids=["first", "middle", "last"])
def test_case_that_comes_after_a_listing_was_kept_is_listed(store: FolderStore, number: int) -> None:
    before = pages(store, 100)
    new = names.card_index(CARD, case(number))
    store.create(Bucket.LEDGER, new, b"")
    assert pages(store, 100) == sorted([*before, new])


def test_case_that_goes_after_a_listing_was_kept_is_not_listed(store: FolderStore, tmp_path: Path) -> None:
    first, *rest = pages(store, 100)
    (tmp_path / "ledger" / first).unlink()
    assert pages(store, 100) == rest


def test_folder_that_has_just_changed_is_not_kept(tmp_path: Path) -> None:
    """Its next change may have the same time."""
    listings, reads = Listings(), []

    def read() -> list[str]:
        reads.append(1)
        return [str(number) for number in range(LARGE)]

    for _ in range(2):
        listings.of(str(tmp_path), read)
    assert len(reads) == 2
    settle(tmp_path)
    for _ in range(3):
        listings.of(str(tmp_path), read)
    assert len(reads) == 3


def test_folder_put_in_anothers_place_is_read_anew(tmp_path: Path) -> None:
    listings = Listings()
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, ns=(10**18, 10**18))
    assert time.time_ns() - 10**18 > SETTLED_NS
    listings.of(str(tmp_path / "here"), lambda: ["a"] * LARGE)
    (tmp_path / "here").rmdir()
    (tmp_path / "there").rename(tmp_path / "here")
    assert listings.of(str(tmp_path / "here"), lambda: ["b"]) == ["b"]


def test_so_many_listings_are_kept_and_no_more(tmp_path: Path) -> None:
    listings = Listings()
    for number in range(2 * KEPT):
        folder = tmp_path / str(number)
        folder.mkdir()
        settle(folder)
        listings.of(str(folder), lambda: ["x"] * LARGE)
    assert len(listings._kept) == KEPT
