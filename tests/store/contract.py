"""What every store must do, whatever it is made of: create, read, list. Payloads: contract_uploads.py.

A backend's test module subclasses these with one fixture, `opener`: a picklable callable that opens the
same store, empty at first, anew.
"""

from collections import Counter
from collections.abc import Callable

import pytest
from store.racing import Opener, create_each, in_processes, in_threads

from escrow.errors import EscrowError, MalformedError, NotFoundError, TooLargeError
from escrow.store import names
from escrow.store.interface import MAX_PAGE, Bucket, Outcome, Store, UploadPlan

CASE = "ab" * 32
OTHER_CASE = "cd" * 32
CARD = "ef" * 32
ENTRY = names.entry(CASE, 1)

JUNK_NAMES = [
    "",
    "/",
    ".",
    "..",
    "../canary",
    "/etc/passwd",
    "cases",
    "cases/",
    f"cases/{CASE}",
    f"cases/{CASE}/entries/../entries/0000000001",
    f"cases/{CASE}/entries/1",
    f"cases/{CASE}/entries/00000000001",
    f"cases/{CASE}/entries/000000000\N{ARABIC-INDIC DIGIT ONE}",
    f"cases/{CASE.upper()}/entries/0000000001",
    f"cases/{CASE[:-1]}/entries/0000000001",
    f"{ENTRY}\n",
    f"{ENTRY}\0",
    f"{ENTRY}/",
    f"/{ENTRY}",
    f"./{ENTRY}",
    f"cases//{CASE}/entries/0000000001",
    f"cases\\{CASE}\\entries\\0000000001",
    ".aside/" + "0" * 32,
    f"parts/{CASE}{'0' * 32}/00001",
    "x" * 10_000,
    "\ud800",
]


def refused(kind: type[EscrowError], code: str, deed: Callable[[], object]) -> EscrowError:
    """The error of that kind and code which `deed` must raise."""
    with pytest.raises(kind) as caught:
        deed()
    assert caught.value.code == code
    return caught.value


def refused_everywhere(store: Store, name: str) -> None:
    plan = UploadPlan(length=1, part_size=1)
    deeds: list[Callable[[], object]] = [
        lambda: store.begin_upload(name, plan),
        lambda: store.upload_plan(name),
        lambda: store.put_part(name, 1, None),  # type: ignore[arg-type]
        lambda: store.parts(name),
        lambda: store.complete_upload(name),
        lambda: store.payload(name),
        lambda: store.payload_length(name),
        lambda: store.retention(name),
    ]
    for bucket in Bucket:
        deeds.append(lambda bucket=bucket: store.create(bucket, name, b""))  # type: ignore[misc]
        deeds.append(lambda bucket=bucket: store.get(bucket, name, limit=1))  # type: ignore[misc]
    for deed in deeds:
        refused(MalformedError, "object_name_malformed", deed)


class ObjectContract:
    """Small objects."""

    @pytest.fixture
    def store(self, opener: Opener) -> Store:
        store = opener()
        store.check()
        return store

    def test_second_writer_of_other_bytes_is_refused_and_first_bytes_stay(self, store: Store) -> None:
        assert store.create(Bucket.LEDGER, ENTRY, b"first") is Outcome.CREATED
        for other in (b"other", b"firs", b"first and more", b""):
            assert store.create(Bucket.LEDGER, ENTRY, other) is Outcome.ALREADY_OTHER
        assert store.get(Bucket.LEDGER, ENTRY, limit=5) == b"first"

    def test_retry_of_the_same_bytes_is_told_so(self, store: Store) -> None:
        store.create(Bucket.LEDGER, ENTRY, b"mine")
        assert store.create(Bucket.LEDGER, ENTRY, b"mine") is Outcome.ALREADY_SAME

    def test_empty_object_is_an_object(self, store: Store) -> None:
        assert store.create(Bucket.LEDGER, ENTRY, b"") is Outcome.CREATED
        assert store.create(Bucket.LEDGER, ENTRY, b"") is Outcome.ALREADY_SAME
        assert store.create(Bucket.LEDGER, ENTRY, b"x") is Outcome.ALREADY_OTHER
        assert store.get(Bucket.LEDGER, ENTRY, limit=0) == b""

    def test_object_of_some_megabytes_comes_back_whole(self, store: Store) -> None:
        data = bytes(range(256)) * 12_000
        name = names.share(CASE, "12" * 32)
        store.create(Bucket.RECORDS, name, data)
        assert store.get(Bucket.RECORDS, name, limit=len(data)) == data

    def test_racing_threads_with_different_bytes_have_one_winner(self, store: Store) -> None:
        for turn in range(8):
            name = names.entry(CASE, turn)
            outcomes = in_threads(lambda who, name=name: store.create(Bucket.LEDGER, name, b"%d" % who))
            assert Counter(outcomes) == {Outcome.CREATED: 1, Outcome.ALREADY_OTHER: len(outcomes) - 1}
            winner = outcomes.index(Outcome.CREATED)
            assert store.get(Bucket.LEDGER, name, limit=9) == b"%d" % winner

    def test_racing_threads_with_the_same_bytes_all_succeed(self, store: Store) -> None:
        for turn in range(8):
            name = names.entry(CASE, turn)
            outcomes = in_threads(lambda who, name=name: store.create(Bucket.LEDGER, name, b"same"))
            assert Counter(outcomes) == {Outcome.CREATED: 1, Outcome.ALREADY_SAME: len(outcomes) - 1}

    @pytest.mark.parametrize("same", [False, True])
    def test_racing_processes_have_one_winner_under_every_name(
        self, store: Store, opener: Opener, same: bool
    ) -> None:
        wanted = [names.entry(CASE, number) for number in range(100)]
        by_process = in_processes(opener, create_each, wanted, same)
        loser = Outcome.ALREADY_SAME if same else Outcome.ALREADY_OTHER
        for name, outcomes in zip(wanted, zip(*by_process, strict=True), strict=True):
            assert Counter(outcomes) == {Outcome.CREATED: 1, loser: len(outcomes) - 1}
            winner = outcomes.index(Outcome.CREATED)
            assert store.get(Bucket.LEDGER, name, limit=9) == (b"same" if same else b"%d" % winner)
        assert store.names(Bucket.LEDGER, names.entries(CASE)) == wanted

    def test_unknown_object_is_not_found(self, store: Store) -> None:
        refused(NotFoundError, "object_unknown", lambda: store.get(Bucket.LEDGER, ENTRY, limit=9))
        store.create(Bucket.LEDGER, ENTRY, b"one")
        following = names.entry(CASE, 2)
        refused(NotFoundError, "object_unknown", lambda: store.get(Bucket.LEDGER, following, limit=9))

    def test_object_beyond_the_limit_is_refused(self, store: Store) -> None:
        store.create(Bucket.LEDGER, ENTRY, b"12345")
        assert store.get(Bucket.LEDGER, ENTRY, limit=5) == b"12345"
        error = refused(TooLargeError, "object_too_large", lambda: store.get(Bucket.LEDGER, ENTRY, limit=4))
        assert error.fields["limit"] == 4

    def test_junk_name_is_refused_everywhere(self, store: Store, subtests: pytest.Subtests) -> None:
        for name in JUNK_NAMES:
            with subtests.test(name=name[:80]):
                refused_everywhere(store, name)

    def test_object_in_the_wrong_bucket_is_refused(self, store: Store) -> None:
        share = names.share(CASE, "12" * 32)
        for bucket, name in [
            (Bucket.RECORDS, ENTRY),
            (Bucket.PUBLIC, ENTRY),
            (Bucket.LEDGER, share),
            (Bucket.PUBLIC, share),
        ]:
            refused(
                MalformedError,
                "object_name_malformed",
                lambda bucket=bucket, name=name: store.create(bucket, name, b""),
            )

    def test_check_passes_again_and_leaves_objects_alone(self, store: Store, opener: Opener) -> None:
        store.create(Bucket.LEDGER, ENTRY, b"kept")
        opener().check()
        store.check()
        assert store.get(Bucket.LEDGER, ENTRY, limit=9) == b"kept"
        assert store.names(Bucket.PUBLIC, "") == [names.CANARY]


class ListingContract:
    """Names, in order and in pages."""

    @pytest.fixture
    def store(self, opener: Opener) -> Store:
        store = opener()
        store.check()
        return store

    @pytest.fixture
    def written(self, store: Store) -> list[str]:
        """Names of the ledger, written out of order, as they must be listed."""
        made = [names.entry(case, number) for case in (OTHER_CASE, CASE) for number in (10, 9, 2, 100, 1)]
        made += [names.card_index(CARD, CASE), names.card_index(CASE, OTHER_CASE)]
        for name in made:
            store.create(Bucket.LEDGER, name, b"")
        return sorted([*made, names.CANARY])

    def test_names_come_sorted_and_whole(self, store: Store, written: list[str]) -> None:
        assert store.names(Bucket.LEDGER, "") == written
        assert store.names(Bucket.LEDGER, names.entries(CASE)) == [
            names.entry(CASE, number) for number in (1, 2, 9, 10, 100)
        ]
        assert store.names(Bucket.LEDGER, names.card_indexes(CARD)) == [names.card_index(CARD, CASE)]

    def test_after_is_strict_and_need_not_exist(self, store: Store, written: list[str]) -> None:
        for after in [*written, names.entry(CASE, 5), names.entries(CASE), "cases/", "", "a", "~"]:
            expected = [name for name in written if name > after]
            assert store.names(Bucket.LEDGER, "", after=after) == expected

    @pytest.mark.parametrize("limit", [1, 2, 3, 12, 13])
    def test_pages_join_without_gap_or_repeat(self, store: Store, written: list[str], limit: int) -> None:
        found: list[str] = []
        while page := store.names(Bucket.LEDGER, "", after=found[-1] if found else "", limit=limit):
            assert len(page) <= limit
            found += page
        assert found == written

    def test_next_case_is_found_without_reading_this_one(self, store: Store, written: list[str]) -> None:
        assert store.names(Bucket.LEDGER, names.CASES, after=names.after_case(CASE), limit=1) == [
            names.entry(OTHER_CASE, 1)
        ]

    def test_unknown_folder_is_empty(self, store: Store) -> None:
        assert store.names(Bucket.LEDGER, names.entries(CASE)) == []
        assert store.names(Bucket.RECORDS, names.payloads(CASE)) == []

    @pytest.mark.parametrize(
        "prefix",
        ["/", "cases", "../", "cases/../", "./", ".aside/", "cases//", "Cases/", "cases/\n", "a/\0/", "~/"],
    )
    def test_junk_prefix_is_refused(self, store: Store, prefix: str) -> None:
        refused(MalformedError, "object_prefix_malformed", lambda: store.names(Bucket.LEDGER, prefix))

    @pytest.mark.parametrize("limit", [-1, 0, MAX_PAGE + 1])
    def test_page_out_of_range_is_refused(self, store: Store, limit: int) -> None:
        refused(
            MalformedError, "page_limit_out_of_range", lambda: store.names(Bucket.LEDGER, "", limit=limit)
        )
