"""Listing cases costs a call for a page, or for a case longer than one, and holds no names."""

from pathlib import Path

import pytest
from support.office import CountingStore
from support.refusals import refuses

from escrow.admin.cases import cases, find_case
from escrow.admin.remains import cases_with_uploads
from escrow.errors import NotFoundError, RefusedError
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import MAX_PAGE, Bucket

LONG, OTHERS = "5a" * 32, ("11" * 32, "5b" + "00" * 31, "ee" * 32)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    """Three short cases, and one of more entries than two pages hold."""
    for case, length in ((LONG, 2 * MAX_PAGE + 5), *((case, 2) for case in OTHERS)):
        folder = tmp_path / Bucket.LEDGER / names.entries(case)
        folder.mkdir(parents=True)
        for number in range(length):
            (folder / f"{number:010d}").touch()
    return CountingStore(FolderStore(tmp_path))


def test_case_longer_than_a_page_is_not_listed_to_its_end(store: CountingStore) -> None:
    assert list(cases(store)) == sorted((LONG, *OTHERS))
    assert (
        store.calls == ["names cases"] * 3
    )  # up to the long one's first page, what follows it, nothing more


def test_cases_are_listed_from_the_one_that_is_asked_for(store: CountingStore) -> None:
    assert list(cases(store, start=LONG)) == [LONG, *OTHERS[1:]]
    assert list(cases(store, start="5b")) == [*OTHERS[1:]]
    assert list(cases(store, start="ff")) == []


def test_beginning_that_is_no_cases_or_several_is_refused(store: CountingStore) -> None:
    assert find_case(store, "5a") == LONG
    assert find_case(store, OTHERS[2]) == OTHERS[2]
    with refuses(NotFoundError, "case_unknown"):
        find_case(store, "12")
    with refuses(RefusedError, "case_ambiguous"):
        find_case(store, "5")


def test_case_is_looked_for_where_it_must_stand_and_not_from_the_beginning(store: CountingStore) -> None:
    find_case(store, "ee")
    assert store.calls == ["names cases"] * 2


def test_case_of_which_any_part_of_an_upload_lies_there_is_found(tmp_path: Path) -> None:
    upload = "ab" * 16
    for case, name in (
        (OTHERS[0], names.upload_plan(names.payload(OTHERS[0], upload))),
        (OTHERS[1], names.payload(OTHERS[1], upload)),
        (OTHERS[2], names.staged(OTHERS[2], "cd" * 32, upload)),
    ):
        path = tmp_path / Bucket.RECORDS / name
        path.parent.mkdir(parents=True)
        path.touch()
        assert case in name
    assert list(cases_with_uploads(FolderStore(tmp_path))) == list(OTHERS)
