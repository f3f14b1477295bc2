"""What a store must do that keeps what somebody overwrote or deleted: the first version is the evidence."""

import secrets
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from store.contract import refused
from store.contract_uploads import SMALL, deposit
from store.racing import Tools
from store.vandal import Vandal

from escrow.errors import NotFoundError, TooLargeError
from escrow.store import names
from escrow.store.interface import Bucket, ObjectVersion, Store, Versioned
from escrow.store.s3_connection import S3Connection

_RECORDS = Bucket.RECORDS
SHARE = "12" * 32


class VersionsContract:
    """`vandal` may what no service may: overwrite and delete."""

    @pytest.fixture
    def store(self, tools: Tools) -> Store:
        return tools("service").store

    @pytest.fixture
    def versions(self, tools: Tools) -> Versioned:
        found = tools("audit").versions
        assert found is not None
        return found

    @pytest.fixture
    def case(self) -> str:
        return secrets.token_hex(32)

    @pytest.fixture
    def share(self, case: str) -> str:
        """An object's name under which nothing was written."""
        return names.share(case, SHARE)

    @pytest.fixture(params=[1, 3, 1000])
    def small_pages(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Listings of so many versions a page, from a storage whose clock ticks once a minute."""
        real = S3Connection.call

        def call(self: S3Connection, operation: str, bucket: Bucket, **more: Any) -> Any:
            if operation != "list_object_versions":
                return real(self, operation, bucket, **more)
            answer = real(self, operation, bucket, MaxKeys=request.param, **more)
            for one in (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())):
                one["LastModified"] = one["LastModified"].replace(second=0, microsecond=0)
            return answer

        monkeypatch.setattr(S3Connection, "call", call)

    def test_object_that_nobody_touched_has_one_version(
        self, store: Store, versions: Versioned, case: str, share: str
    ) -> None:
        store.create(_RECORDS, share, b"first")
        (only,) = versions.versions(_RECORDS, names.shares(case))
        assert (only.name, only.is_latest, only.data_length) == (share, True, 5)
        assert abs(only.written_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert versions.get_version(_RECORDS, share, only.version, limit=5) == b"first"

    @pytest.mark.usefixtures("small_pages")
    def test_versions_written_within_one_tick_come_oldest_first(
        self, store: Store, versions: Versioned, vandal: Vandal, case: str, share: str
    ) -> None:
        store.create(_RECORDS, share, b"00")
        for number in range(1, 12):
            vandal.put(_RECORDS, share, b"%02d" % number)
        found = list(versions.versions(_RECORDS, names.shares(case)))
        read = [versions.get_version(_RECORDS, share, one.version, limit=2) for one in found]
        assert read == [b"%02d" % number for number in range(12)]
        assert [one.is_latest for one in found] == [False] * 11 + [True]

    @pytest.mark.usefixtures("small_pages")
    def test_versions_and_markers_come_in_the_order_in_which_they_were_written(
        self, versions: Versioned, vandal: Vandal, case: str
    ) -> None:
        acts = {"12" * 32: "pdpdp", "34" * 32: "p", "56" * 32: "pd", "78" * 32: "pdp", "9a" * 32: "ppdp"}
        for sha, deeds in acts.items():
            for deed in deeds:
                if deed == "p":
                    vandal.put(_RECORDS, names.share(case, sha), b"data")
                else:
                    vandal.delete(_RECORDS, names.share(case, sha))
        found = versions.versions(_RECORDS, names.shares(case))
        grouped = [(name, list(group)) for name, group in groupby(found, key=lambda one: one.name)]
        assert [name for name, _ in grouped] == [names.share(case, sha) for sha in acts]
        for (_, group), deeds in zip(grouped, acts.values(), strict=True):
            assert "".join(map(_letter, group)) == deeds
            assert [one.is_latest for one in group] == [False] * (len(deeds) - 1) + [True]

    def test_version_that_is_not_there_is_unknown(
        self, store: Store, versions: Versioned, vandal: Vandal, case: str, share: str
    ) -> None:
        other = names.share(case, "34" * 32)
        store.create(_RECORDS, share, b"first")
        vandal.put(_RECORDS, other, b"elsewhere")
        vandal.put(_RECORDS, other, b"elsewhere again")
        (*_, foreign) = versions.versions(_RECORDS, other)
        for deed in (
            lambda: versions.get_version(_RECORDS, share, foreign.version, limit=9),
            lambda: versions.retained_until(_RECORDS, share, foreign.version),
        ):
            refused(NotFoundError, "object_unknown", deed)

    def test_version_beyond_the_limit_is_refused(
        self, store: Store, versions: Versioned, case: str, share: str
    ) -> None:
        store.create(_RECORDS, share, b"12345")
        (only,) = versions.versions(_RECORDS, names.shares(case))
        deed = lambda: versions.get_version(_RECORDS, share, only.version, limit=4)  # noqa: E731
        refused(TooLargeError, "object_too_large", deed)

    @pytest.fixture(params=[False, True], ids=["overwritten", "deleted"])
    def deleted(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    def test_first_payload_is_read_and_put_back_and_nothing_goes(
        self, store: Store, versions: Versioned, vandal: Vandal, tools: Tools, case: str, deleted: bool
    ) -> None:
        name = names.payload(case, "01" * 16)
        deposit(store, name=name)
        if deleted:
            vandal.delete(_RECORDS, name)
        else:
            vandal.put(_RECORDS, name, b"another")
        before = list(versions.versions(_RECORDS, names.payloads(case)))
        assert b"".join(versions.payload_version(name, before[0].version)) == SMALL
        mender = tools("restore").versions
        assert mender is not None
        mender.restore(_RECORDS, name, before[0].version)
        assert b"".join(store.payload(name)) == SMALL
        after = list(versions.versions(_RECORDS, names.payloads(case)))
        assert [one.version for one in after[:-1]] == [one.version for one in before]
        assert after[-1].is_latest

    def test_lock_of_each_version_is_told(
        self, store: Store, versions: Versioned, vandal: Vandal, case: str
    ) -> None:
        name, until = names.payload(case, "01" * 16), datetime(2090, 1, 1, tzinfo=UTC)
        deposit(store, name=name)
        store.retain(name, until)
        vandal.put(_RECORDS, name, b"another")
        first, last = versions.versions(_RECORDS, names.payloads(case))
        assert versions.retained_until(_RECORDS, name, first.version) == until
        assert versions.retained_until(_RECORDS, name, last.version) is None


def _letter(one: ObjectVersion) -> str:
    return "d" if one.data_length is None else "p"
