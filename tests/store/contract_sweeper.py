"""What every store must do when what no entry names is removed, and a service goes on meanwhile."""

import io
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from store.contract import JUNK_NAMES, OTHER_CASE, refused
from store.contract_uploads import PART, PARTS, PLAN, SMALL, SMALL_PLAN, WHOLE, deposit, digest, put, read
from store.racing import Tools, in_threads

from escrow.errors import EscrowError, MalformedError, NotFoundError, RefusedError
from escrow.store import names
from escrow.store.interface import Bucket, Store, Sweepable, UploadPlan

_RECORDS = Bucket.RECORDS


class SweeperContract:
    """A running service, `store`, and a sweep in another process."""

    @pytest.fixture
    def store(self, tools: Tools) -> Store:
        return tools("service").store

    @pytest.fixture
    def sweeper(self, tools: Tools) -> Sweepable:
        return tools("sweep").sweeper

    @pytest.fixture
    def name(self) -> str:
        """A payload's, in a case that nothing was written of."""
        return names.payload(secrets.token_hex(32), "01" * 16)

    def test_storage_has_a_clock(self, sweeper: Sweepable) -> None:
        assert sweeper.now().utcoffset() == timedelta(0)
        assert abs(sweeper.now() - datetime.now(UTC)) < timedelta(minutes=1)

    def test_object_says_when_it_was_written(self, store: Store, sweeper: Sweepable, name: str) -> None:
        refused(NotFoundError, "object_unknown", lambda: sweeper.written_at(_RECORDS, name))
        before = sweeper.now()
        deposit(store, name=name)
        for one in (name, names.upload_plan(name), names.upload_stored(name)):
            written = sweeper.written_at(_RECORDS, one)
            assert before - timedelta(seconds=2) < written < sweeper.now() + timedelta(seconds=2)
            assert written.utcoffset() == timedelta(0)

    def test_discarded_upload_is_gone_and_again_nothing_happens(
        self, store: Store, sweeper: Sweepable, tools: Tools, name: str
    ) -> None:
        store.begin_upload(name, PLAN)
        put(store, 1, PARTS[1], name)
        sweeper.discard_upload(name)
        sweeper.discard_upload(name)
        case = names.parse_payload(name).case
        assert store.names(_RECORDS, names.uploads(case)) == []
        later = tools("service").store
        refused(NotFoundError, "upload_unknown", lambda: later.upload_plan(name))

    @pytest.mark.parametrize(
        "deed",
        [
            lambda store, name: store.parts(name),
            lambda store, name: store.complete_upload(name),
            lambda store, name: put(store, 1, PARTS[1], name),
            lambda store, name: put(store, 2, PARTS[2], name),
            lambda store, name: store.put_payload(name, io.BytesIO(WHOLE)),
        ],
        ids=["parts", "complete", "same part", "next part", "payload"],
    )
    def test_whoever_goes_on_with_a_discarded_upload_is_told_that_it_is_unknown(
        self, store: Store, sweeper: Sweepable, name: str, deed: Callable[[Store, str], object]
    ) -> None:
        store.begin_upload(name, PLAN)
        for number, data in PARTS.items():
            put(store, number, data, name)
        sweeper.discard_upload(name)
        refused(NotFoundError, "upload_unknown", lambda: deed(store, name))
        refused(NotFoundError, "upload_unknown", lambda: store.upload_plan(name))
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(name))

    def test_part_that_arrives_while_its_upload_is_discarded_is_told_so(
        self, store: Store, sweeper: Sweepable, name: str
    ) -> None:
        store.begin_upload(name, SMALL_PLAN)

        class Late(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() == 0:
                    sweeper.discard_upload(name)
                return super().read(size)

        refused(NotFoundError, "upload_unknown", lambda: store.put_part(name, 1, Late(SMALL)))

    @pytest.fixture(params=[False, True], ids=["at once", "later"])
    def went_on(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    def test_discarded_upload_begins_anew_under_its_id_with_another_plan(
        self, store: Store, sweeper: Sweepable, tools: Tools, name: str, went_on: bool
    ) -> None:
        store.begin_upload(name, PLAN)
        put(store, 1, PARTS[1], name)
        sweeper.discard_upload(name)
        if went_on:
            refused(NotFoundError, "upload_unknown", lambda: put(store, 2, PARTS[2], name))
        store.begin_upload(name, SMALL_PLAN)
        assert store.parts(name) == []
        assert tools("service").store.upload_plan(name) == SMALL_PLAN
        put(store, 1, SMALL, name)
        assert store.complete_upload(name).sha256 == digest(SMALL)
        assert read(store, name) == SMALL

    def test_upload_begun_anew_in_another_process_is_gone_on_with_here(
        self, store: Store, sweeper: Sweepable, tools: Tools, name: str
    ) -> None:
        plan = UploadPlan(length=len(SMALL) + 1, part_size=PART)
        store.begin_upload(name, plan)
        put(store, 1, SMALL + b"x", name)
        sweeper.discard_upload(name)
        tools("service").store.begin_upload(name, SMALL_PLAN)
        store.begin_upload(name, SMALL_PLAN)
        put(store, 1, SMALL, name)
        assert store.complete_upload(name).sha256 == digest(SMALL)

    def test_upload_begun_anew_in_another_process_is_known_here_to_whoever_asks_for_its_plan(
        self, store: Store, sweeper: Sweepable, tools: Tools, name: str
    ) -> None:
        """With another plan, too: the service asks before each part."""
        store.begin_upload(name, UploadPlan(length=len(SMALL) + 1, part_size=PART))
        sweeper.discard_upload(name)
        tools("service").store.begin_upload(name, SMALL_PLAN)
        assert store.upload_plan(name) == SMALL_PLAN
        put(store, 1, SMALL, name)
        assert store.complete_upload(name).sha256 == digest(SMALL)

    def test_completed_upload_is_not_discarded_as_an_open_one(
        self, store: Store, sweeper: Sweepable, name: str
    ) -> None:
        deposit(store, name=name)
        refused(RefusedError, "upload_completed", lambda: sweeper.discard_upload(name))
        assert read(store, name) == SMALL
        assert store.upload_plan(name) == SMALL_PLAN

    def test_retained_payload_is_not_discarded(self, store: Store, sweeper: Sweepable, name: str) -> None:
        deposit(store, name=name)
        until = datetime(2090, 1, 1, tzinfo=UTC)
        store.retain(name, until)
        error = refused(RefusedError, "object_retained", lambda: sweeper.discard(name))
        assert datetime.fromisoformat(str(error.fields["until"])) == until
        assert read(store, name) == SMALL
        assert store.retention(name) == until

    def test_payload_goes_once_its_retention_is_over_and_its_id_is_free(
        self, store: Store, sweeper: Sweepable, name: str
    ) -> None:
        deposit(store, name=name)
        store.retain(name, sweeper.now() + timedelta(seconds=1))
        until = store.retention(name)
        assert until is not None
        while sweeper.now() <= until:
            refused_or_gone(lambda: sweeper.discard(name))
        self._discard_all(sweeper, name)
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(name))
        store.begin_upload(name, PLAN)
        for number, data in PARTS.items():
            put(store, number, data, name)
        assert store.complete_upload(name).sha256 == digest(WHOLE)
        assert store.retention(name) is None
        store.retain(name, datetime(2090, 1, 1, tzinfo=UTC))
        refused(RefusedError, "object_retained", lambda: sweeper.discard(name))

    def _discard_all(self, sweeper: Sweepable, name: str) -> None:
        """As a sweep does it, and again, when nothing happens."""
        for _ in range(2):
            for one in (name, names.upload_stored(name), names.upload_plan(name)):
                sweeper.discard(one)

    def test_name_of_what_no_sweep_removes_is_refused(self, sweeper: Sweepable) -> None:
        kept = (names.share(OTHER_CASE, "12" * 32), names.entry(OTHER_CASE, 0), names.CANARY)
        for name in (*JUNK_NAMES, *kept):
            for deed in (sweeper.discard, sweeper.discard_upload):
                refused(MalformedError, "object_name_malformed", lambda deed=deed, name=name: deed(name))

    def test_sweeps_at_once_remove_an_upload_and_fail_at_nothing(
        self, store: Store, tools: Tools, name: str
    ) -> None:
        sweepers = [tools("sweep").sweeper for _ in range(3)]
        store.begin_upload(name, PLAN)
        put(store, 1, PARTS[1], name)
        in_threads(lambda who: sweepers[who].discard_upload(name), len(sweepers))
        refused(NotFoundError, "upload_unknown", lambda: store.parts(name))
        deposit(store, name=name)
        in_threads(lambda who: self._discard_all(sweepers[who], name), len(sweepers))
        refused(NotFoundError, "object_unknown", lambda: store.payload_length(name))

    def test_payload_whose_retention_was_acknowledged_stays_whatever_sweeps_meanwhile(
        self, store: Store, tools: Tools
    ) -> None:
        sweeper, until = tools("sweep").sweeper, datetime(2090, 1, 1, tzinfo=UTC)
        for _ in range(12):
            name = names.payload(secrets.token_hex(32), "01" * 16)
            deposit(store, name=name)
            deeds = (lambda: store.retain(name, until), lambda: sweeper.discard(name))  # noqa: B023
            retained, _ = in_threads(lambda who: refused_or_gone(deeds[who]), 2)  # noqa: B023
            if retained is None:
                assert read(store, name) == SMALL
                assert store.retention(name) == until
            else:
                assert retained == "object_unknown"


def refused_or_gone(deed: Callable[[], object]) -> str | None:
    """The code with which a deed was refused; None if it was done. Anything else is a fault."""
    try:
        deed()
    except EscrowError as error:
        assert error.code in ("object_retained", "object_unknown")  # noqa: PT017
        return error.code
    return None
