"""What every store must do with payloads: parts, completion, reading, retention."""

import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from store.contract import CASE, OTHER_CASE, refused
from store.racing import Opener, complete, in_processes, in_threads

from escrow.errors import MalformedError, NotFoundError, RefusedError, UnavailableError
from escrow.store import names
from escrow.store.interface import MIB, Bucket, PartReceipt, Store, UploadPlan

UPLOAD = "01" * 16
NAME = names.payload(CASE, UPLOAD)
PART = 5 * MIB
PARTS = {1: b"\1" * PART, 2: b"\2" * PART, 3: b"last"}
WHOLE = b"".join(PARTS.values())
PLAN = UploadPlan(length=len(WHOLE), part_size=PART)
LONG = 251 * 10_000  # a payload of one part and several chunks
SMALL = b"a payload in one part"
SMALL_PLAN = UploadPlan(length=len(SMALL), part_size=PART)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(store: Store, number: int, data: bytes, name: str = NAME) -> PartReceipt:
    return store.put_part(name, number, io.BytesIO(data))


def deposit(store: Store, data: bytes = SMALL, name: str = NAME) -> None:
    """A completed payload of one part."""
    store.begin_upload(name, UploadPlan(length=len(data), part_size=PART))
    put(store, 1, data, name)
    store.complete_upload(name)


def read(store: Store, name: str = NAME) -> bytes:
    return b"".join(store.payload(name))


class Body(io.RawIOBase):
    """A body that gives `data` a few bytes at a time, then raises what it is told to."""

    def __init__(self, data: bytes, step: int, error: BaseException | None = None) -> None:
        self._data = io.BytesIO(data)
        self._step = step
        self._error = error

    def read(self, size: int = -1) -> bytes:
        chunk = self._data.read(min(size, self._step))
        if not chunk and self._error is not None:
            raise self._error
        return chunk


def assert_there(store: Store, *receipts: PartReceipt) -> None:
    """These parts and no others; a store need not keep a part's digest."""
    found = store.parts(NAME)
    assert [(one.number, one.length) for one in found] == [(one.number, one.length) for one in receipts]
    assert all(one.sha256 in (None, kept.sha256) for one, kept in zip(found, receipts, strict=True))


class PayloadContract:
    """Staged uploads and the payloads that they become."""

    @pytest.fixture
    def store(self, opener: Opener) -> Store:
        store = opener()
        store.check()
        return store

    def test_parts_in_any_order_become_the_payload(self, store: Store) -> None:
        store.begin_upload(NAME, PLAN)
        for number in (3, 1, 2):
            receipt = put(store, number, PARTS[number])
            assert receipt == PartReceipt(
                number=number, length=len(PARTS[number]), sha256=digest(PARTS[number])
            )
        assert [receipt.number for receipt in store.parts(NAME)] == [1, 2, 3]
        stored = store.complete_upload(NAME)
        assert (stored.length, stored.sha256) == (len(WHOLE), digest(WHOLE))
        assert store.payload_length(NAME) == len(WHOLE)
        assert read(store) == WHOLE
        assert store.names(Bucket.RECORDS, names.payloads(CASE)) == [NAME]

    def test_another_process_resumes_where_the_first_stopped(self, store: Store, opener: Opener) -> None:
        store.begin_upload(NAME, PLAN)
        first = put(store, 2, PARTS[2])
        later = opener()
        assert later.upload_plan(NAME) == PLAN
        assert_there(later, first)
        put(later, 1, PARTS[1])
        put(later, 3, PARTS[3])
        assert later.complete_upload(NAME).sha256 == digest(WHOLE)

    def test_replaced_part_is_the_one_that_counts(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        put(store, 1, b"x" * len(SMALL))
        put(store, 1, SMALL)
        assert_there(store, PartReceipt(number=1, length=len(SMALL), sha256=digest(SMALL)))
        assert store.complete_upload(NAME).sha256 == digest(SMALL)

    def test_body_that_trickles_in_is_whole(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        store.put_part(NAME, 1, Body(SMALL, step=3))  # type: ignore[arg-type]
        assert store.complete_upload(NAME).sha256 == digest(SMALL)

    @pytest.mark.parametrize(
        ("make", "code"),
        [
            (lambda: Body(SMALL[:-1], step=100), "part_cut_short"),
            (lambda: Body(b"", step=100), "part_cut_short"),
            (lambda: Body(SMALL[:-1], step=4, error=TimeoutError("stalled")), "part_cut_short"),
            (lambda: Body(SMALL[:-1], step=4, error=ConnectionResetError()), "part_cut_short"),
            (lambda: Body(SMALL + b"x", step=100), "part_too_long"),
            (lambda: Body(SMALL + SMALL, step=5), "part_too_long"),
        ],
        ids=["short", "empty", "stalled", "reset", "one byte more", "twice"],
    )
    def test_part_of_the_wrong_length_is_refused_and_the_one_before_stays(
        self, store: Store, make: Callable[[], io.RawIOBase], code: str
    ) -> None:
        body = make()
        store.begin_upload(NAME, SMALL_PLAN)
        refused(MalformedError, code, lambda: store.put_part(NAME, 1, body))  # type: ignore[arg-type]
        body.close()
        assert store.parts(NAME) == []
        kept = put(store, 1, SMALL)
        refused(MalformedError, "part_cut_short", lambda: put(store, 1, SMALL[:-1]))
        refused(MalformedError, "part_too_long", lambda: put(store, 1, SMALL + b"x"))
        assert_there(store, kept)

    def test_foreign_error_of_a_body_passes_through_and_nothing_counts(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        with pytest.raises(ZeroDivisionError):
            store.put_part(NAME, 1, Body(b"x", 1, ZeroDivisionError()))  # type: ignore[arg-type]
        assert store.parts(NAME) == []

    def test_endless_body_is_not_read_to_its_end(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        body = io.BytesIO(SMALL * 1000)
        refused(MalformedError, "part_too_long", lambda: store.put_part(NAME, 1, body))
        assert body.tell() <= len(SMALL) + 1

    def test_payload_in_one_body_is_completed_at_once(self, store: Store, opener: Opener) -> None:
        store.begin_upload(NAME, PLAN)
        stored = store.put_payload(NAME, io.BytesIO(WHOLE))
        assert (stored.length, stored.sha256) == (len(WHOLE), digest(WHOLE))
        refused(RefusedError, "upload_completed", lambda: store.parts(NAME))
        assert opener().complete_upload(NAME) == stored
        assert read(store) == WHOLE

    @pytest.mark.parametrize("error", [None, TimeoutError("stalled"), ConnectionResetError()])
    def test_one_body_that_breaks_off_leaves_the_parts_that_were_whole(
        self, store: Store, error: OSError | None
    ) -> None:
        store.begin_upload(NAME, PLAN)
        body = Body(WHOLE[:-1], step=MIB, error=error)
        refused(MalformedError, "part_cut_short", lambda: store.put_payload(NAME, body))  # type: ignore[arg-type]
        body.close()
        assert [one.number for one in store.parts(NAME)] == [1, 2]
        put(store, 3, PARTS[3])
        assert store.complete_upload(NAME).sha256 == digest(WHOLE)
        assert read(store) == WHOLE

    def test_one_body_of_another_digest_than_announced_is_not_completed(self, store: Store) -> None:
        store.begin_upload(NAME, PLAN)
        damaged = io.BytesIO(b"x" + WHOLE[1:])
        refused(
            UnavailableError,
            "payload_damaged",
            lambda: store.put_payload(NAME, damaged, sha256=digest(WHOLE)),
        )
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(NAME))
        assert store.put_payload(NAME, io.BytesIO(WHOLE), sha256=digest(WHOLE)).sha256 == digest(WHOLE)

    def test_part_replaced_while_one_body_arrives_completes_nothing(self, store: Store) -> None:
        """Two senders at once: what is stored would be bytes of both, and the digest of neither."""

        class Raced(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() == len(WHOLE):  # all has arrived, and its end is asked for
                    put(store, 1, b"x" * PART)
                return super().read(size)

        store.begin_upload(NAME, PLAN)
        refused(UnavailableError, "payload_damaged", lambda: store.put_payload(NAME, Raced(WHOLE)))
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(NAME))
        assert store.put_payload(NAME, io.BytesIO(WHOLE)).sha256 == digest(WHOLE)
        assert read(store) == WHOLE

    def test_one_body_that_goes_on_is_refused_and_not_completed(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        body = io.BytesIO(SMALL * 1000)
        refused(MalformedError, "part_too_long", lambda: store.put_payload(NAME, body))
        assert body.tell() <= len(SMALL) + 1
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(NAME))

    def test_one_body_for_a_completed_payload_is_refused_and_changes_nothing(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        stored = store.put_payload(NAME, io.BytesIO(SMALL))
        other = io.BytesIO(b"x" * len(SMALL))
        refused(RefusedError, "upload_completed", lambda: store.put_payload(NAME, other))
        assert store.complete_upload(NAME) == stored
        assert read(store) == SMALL

    @pytest.mark.parametrize("number", [-1, 0, 2, 10_001])
    def test_part_number_beyond_the_plan_is_refused(self, store: Store, number: int) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        refused(MalformedError, "part_number_out_of_range", lambda: put(store, number, SMALL))
        assert store.parts(NAME) == []

    def test_same_plan_again_changes_nothing_and_another_is_refused(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        kept = put(store, 1, SMALL)
        store.begin_upload(NAME, SMALL_PLAN)
        other = UploadPlan(length=len(SMALL) + 1, part_size=PART)
        refused(RefusedError, "upload_plan_differs", lambda: store.begin_upload(NAME, other))
        assert store.upload_plan(NAME) == SMALL_PLAN
        assert_there(store, kept)

    def test_plan_says_who_announced_it_and_the_same_of_another_is_refused(self, store: Store) -> None:
        plan = UploadPlan(length=len(SMALL), part_size=PART, owner="0" * 64)
        store.begin_upload(NAME, plan)
        other = UploadPlan(length=len(SMALL), part_size=PART, owner="1" * 64)
        refused(RefusedError, "upload_plan_differs", lambda: store.begin_upload(NAME, other))
        assert store.upload_plan(NAME) == plan

    @pytest.mark.parametrize("call", ["upload_plan", "parts", "complete_upload", "put_part"])
    def test_upload_never_announced_is_unknown(self, store: Store, call: str) -> None:
        args = (1, io.BytesIO(SMALL)) if call == "put_part" else ()
        refused(NotFoundError, "upload_unknown", lambda: getattr(store, call)(NAME, *args))

    def test_completing_without_all_parts_is_refused_with_those_missing(self, store: Store) -> None:
        store.begin_upload(NAME, PLAN)
        error = refused(RefusedError, "upload_incomplete", lambda: store.complete_upload(NAME))
        assert error.fields == {"missing": ("1", "2", "3"), "missing_count": 3}
        put(store, 2, PARTS[2])
        error = refused(RefusedError, "upload_incomplete", lambda: store.complete_upload(NAME))
        assert error.fields["missing"] == ("1", "3")
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(NAME))
        assert [receipt.number for receipt in store.parts(NAME)] == [2]

    def test_refusal_of_a_huge_upload_names_the_first_hundred_missing(self, store: Store) -> None:
        store.begin_upload(NAME, UploadPlan(length=10_000 * PART, part_size=PART))
        error = refused(RefusedError, "upload_incomplete", lambda: store.complete_upload(NAME))
        assert error.fields["missing"] == tuple(str(number) for number in range(1, 101))
        assert error.fields["missing_count"] == 10_000

    @pytest.mark.parametrize(
        "deed",
        [
            lambda store: store.payload(NAME),
            lambda store: store.payload_length(NAME),
            lambda store: store.retain(NAME, datetime(2090, 1, 1, tzinfo=UTC)),
            lambda store: store.retention(NAME),
            lambda store: store.get(Bucket.RECORDS, NAME, limit=100),
        ],
    )
    def test_payload_is_unknown_until_completed(self, store: Store, deed: Callable[[Store], object]) -> None:
        refused(NotFoundError, "object_unknown", lambda: deed(store))
        store.begin_upload(NAME, SMALL_PLAN)
        put(store, 1, SMALL)
        refused(NotFoundError, "object_unknown", lambda: deed(store))
        assert store.names(Bucket.RECORDS, names.payloads(CASE)) == []

    def test_completed_payload_takes_no_part_and_no_other_plan(self, store: Store) -> None:
        deposit(store)
        refused(RefusedError, "upload_completed", lambda: put(store, 1, b"x" * len(SMALL)))
        refused(RefusedError, "upload_completed", lambda: store.parts(NAME))
        other = UploadPlan(length=1, part_size=1)
        refused(RefusedError, "upload_plan_differs", lambda: store.begin_upload(NAME, other))
        store.begin_upload(NAME, SMALL_PLAN)
        assert store.upload_plan(NAME) == SMALL_PLAN
        assert read(store) == SMALL

    def test_completing_again_gives_the_same_answer(self, store: Store, opener: Opener) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        put(store, 1, SMALL)
        first = store.complete_upload(NAME)
        assert store.complete_upload(NAME) == first
        assert opener().complete_upload(NAME) == first

    def test_part_that_arrives_while_the_upload_is_completed_does_not_count(self, store: Store) -> None:
        store.begin_upload(NAME, SMALL_PLAN)
        put(store, 1, SMALL)

        class Late(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() == 0:
                    store.complete_upload(NAME)
                return super().read(size)

        refused(RefusedError, "upload_completed", lambda: store.put_part(NAME, 1, Late(b"x" * len(SMALL))))
        assert read(store) == SMALL
        assert store.complete_upload(NAME).sha256 == digest(SMALL)

    def test_uploads_of_one_id_in_two_cases_do_not_mix(self, store: Store) -> None:
        other = names.payload(OTHER_CASE, UPLOAD)
        for name in (NAME, other):
            store.begin_upload(name, UploadPlan(length=5, part_size=5))
        put(store, 1, b"mine.")
        assert store.parts(other) == []
        put(store, 1, b"yours", other)
        store.complete_upload(NAME)
        store.complete_upload(other)
        assert (read(store), read(store, other)) == (b"mine.", b"yours")

    def test_open_uploads_can_be_listed(self, store: Store) -> None:
        store.begin_upload(NAME, PLAN)
        put(store, 3, PARTS[3])
        listed = store.names(Bucket.RECORDS, names.UPLOADS)
        assert listed == [names.upload_plan(NAME)]
        assert names.parse_upload_plan(listed[0]) == names.parse_payload(NAME)

    @pytest.mark.parametrize(
        ("start", "stop"),
        [
            (0, None),
            (0, 0),
            (0, 1),
            (5, 6),
            (3, 3),
            (MIB - 1, MIB + 1),
            (LONG, None),
            (7, LONG),
            (MIB, 2 * MIB),
        ],
    )
    def test_range_of_a_payload(self, store: Store, start: int, stop: int | None) -> None:
        whole = bytes(range(251)) * (LONG // 251)
        deposit(store, whole)
        chunks = list(store.payload(NAME, start=start, stop=stop))
        assert b"".join(chunks) == whole[start:stop]
        assert max(map(len, chunks), default=0) <= MIB

    @pytest.mark.parametrize(
        ("start", "stop"), [(-1, None), (0, len(SMALL) + 1), (3, 2), (len(SMALL) + 1, None)]
    )
    def test_range_outside_the_payload_is_refused_at_once(
        self, store: Store, start: int, stop: int | None
    ) -> None:
        deposit(store)
        error = refused(
            MalformedError, "range_out_of_bounds", lambda: store.payload(NAME, start=start, stop=stop)
        )
        assert error.fields["length"] == len(SMALL)

    def test_threads_sending_one_part_leave_one_whole_part(self, store: Store) -> None:
        size = 3 * MIB
        store.begin_upload(NAME, UploadPlan(length=size, part_size=PART))
        sent = in_threads(lambda who: put(store, 1, bytes([who]) * size).sha256, count=6)
        stored = store.complete_upload(NAME)
        assert stored.sha256 in sent
        assert digest(read(store)) == stored.sha256

    def test_threads_completing_at_once_agree(self, store: Store) -> None:
        store.begin_upload(NAME, PLAN)
        for number, data in PARTS.items():
            put(store, number, data)
        stored = in_threads(lambda who: store.complete_upload(NAME), count=4)
        assert {answer.sha256 for answer in stored} == {digest(WHOLE)}
        assert read(store) == WHOLE

    def test_processes_completing_at_once_agree(self, store: Store, opener: Opener) -> None:
        store.begin_upload(NAME, PLAN)
        for number, data in PARTS.items():
            put(store, number, data)
        assert set(in_processes(opener, complete, NAME)) == {digest(WHOLE)}
        assert read(store) == WHOLE


class RetentionContract:
    """How long a payload is kept."""

    DAY = datetime(2090, 1, 1, tzinfo=UTC)
    LATER = datetime(2095, 6, 30, 12, 30, 15, tzinfo=UTC)

    @pytest.fixture
    def store(self, opener: Opener) -> Store:
        store = opener()
        store.check()
        deposit(store)
        return store

    def test_retention_is_extended_and_read_back(self, store: Store, opener: Opener) -> None:
        assert store.retention(NAME) is None
        store.retain(NAME, self.DAY)
        assert store.retention(NAME) == self.DAY
        store.retain(NAME, self.LATER)
        store.retain(NAME, self.LATER)
        assert opener().retention(NAME) == self.LATER

    def test_retention_is_never_shortened(self, store: Store) -> None:
        store.retain(NAME, self.LATER)
        for sooner in (self.DAY, self.LATER - timedelta(seconds=1)):
            refused(RefusedError, "retention_shortened", lambda until=sooner: store.retain(NAME, until))
        assert store.retention(NAME) == self.LATER

    def test_part_of_a_second_is_rounded_up(self, store: Store) -> None:
        store.retain(NAME, self.DAY + timedelta(microseconds=1))
        assert store.retention(NAME) == self.DAY + timedelta(seconds=1)

    @pytest.mark.parametrize(
        "until",
        [
            datetime(2090, 1, 1),  # noqa: DTZ001
            datetime(2090, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            datetime(9999, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
            datetime(999, 1, 1, tzinfo=UTC),
        ],
    )
    def test_time_that_is_not_utc_or_not_of_this_age_is_refused(self, store: Store, until: datetime) -> None:
        refused(MalformedError, "retention_time_malformed", lambda: store.retain(NAME, until))
        assert store.retention(NAME) is None

    def test_retention_of_one_payload_is_not_anothers(self, store: Store) -> None:
        other = names.payload(CASE, "02" * 16)
        deposit(store, name=other)
        store.retain(NAME, self.DAY)
        assert store.retention(other) is None

    def test_racing_extensions_end_at_the_latest(self, store: Store) -> None:
        def extend(who: int) -> None:
            try:
                store.retain(NAME, self.DAY + timedelta(days=who))
            except RefusedError as error:
                assert error.code == "retention_shortened"  # noqa: PT017

        in_threads(extend)
        assert store.retention(NAME) == self.DAY + timedelta(days=11)
