"""A store that lets a name be taken twice does not get past start-up."""

from pathlib import Path

import pytest
from store.contract import refused

from escrow.errors import NotFoundError, SetupError, TooLargeError, UnavailableError
from escrow.store import canary, names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome


class Liar:
    """Keeps objects in a dict, and breaks the promise in one bucket, in the way it is told to."""

    def __init__(self, broken: Bucket, how: str) -> None:
        self._broken, self._how = broken, how
        self._objects: dict[tuple[Bucket, str], bytes] = {}

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        key, lying = (bucket, name), bucket is self._broken
        before = self._objects.get(key)
        if lying and self._how in ("overwrites", "overwrites and denies it", "forgets"):
            self._objects[key] = data if self._how != "forgets" else b""
            denies = before is not None and self._how != "overwrites"
            return Outcome.ALREADY_OTHER if denies else Outcome.CREATED
        if before is None:
            self._objects[key] = data
            return Outcome.CREATED
        if lying:  # keeps the first bytes, and lets every writer believe that it was first
            return Outcome.CREATED
        return Outcome.ALREADY_SAME if before == data else Outcome.ALREADY_OTHER

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        if bucket is self._broken and self._how == "forgets":
            raise NotFoundError("object_unknown")
        data = self._objects.get((bucket, name))
        if data is None:
            raise NotFoundError("object_unknown")
        if len(data) > limit:
            raise TooLargeError("object_too_large", field="object", limit=limit)
        return data


@pytest.mark.parametrize("bucket", Bucket)
@pytest.mark.parametrize("how", ["overwrites", "overwrites and denies it", "forgets", "lets everybody win"])
def test_store_where_a_second_create_gets_through_is_refused_at_every_start(bucket: Bucket, how: str) -> None:
    liar = Liar(bucket, how)
    for _ in range(2):
        error = refused(
            SetupError,
            "store_not_create_only",
            lambda: canary.require_create_only(liar),  # type: ignore[arg-type]
        )
        assert error.fields == {"bucket": bucket.value}


@pytest.mark.parametrize("data", [b"", canary.SECOND, canary.SECOND + b"more"])
def test_canary_that_somebody_overwrote_is_refused(tmp_path: Path, data: bytes) -> None:
    store = FolderStore(tmp_path)
    store.check()
    (tmp_path / "records" / names.CANARY).write_bytes(data)
    refused(SetupError, "store_not_create_only", store.check)


def test_canary_is_written_once(tmp_path: Path) -> None:
    FolderStore(tmp_path).check()
    before = [(tmp_path / bucket / names.CANARY).stat() for bucket in Bucket]
    FolderStore(tmp_path).check()
    after = [(tmp_path / bucket / names.CANARY).stat() for bucket in Bucket]
    assert [(stat.st_ino, stat.st_mtime_ns) for stat in before] == [
        (stat.st_ino, stat.st_mtime_ns) for stat in after
    ]


class Full(FolderStore):
    """A disk without room: whatever is written is refused."""

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        raise UnavailableError("storage_full", bucket=bucket.value)


def test_full_disk_lets_a_service_start_that_has_started_there_before(tmp_path: Path) -> None:
    FolderStore(tmp_path).check()
    store = Full(tmp_path)
    store.check()
    assert store.get(Bucket.LEDGER, names.CANARY, limit=100) == canary.FIRST


def test_full_disk_proves_nothing_at_the_first_start(tmp_path: Path) -> None:
    refused(UnavailableError, "storage_full", Full(tmp_path).check)


def test_overwritten_canary_is_refused_on_a_full_disk_too(tmp_path: Path) -> None:
    FolderStore(tmp_path).check()
    (tmp_path / "ledger" / names.CANARY).write_bytes(canary.SECOND)
    with pytest.raises((SetupError, UnavailableError)):
        Full(tmp_path).check()


MINE, OTHER, LATER = "ab" * 32, "cd" * 32, "ef" * 32


def test_store_of_another_service_is_refused(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    canary.require_same_service(store, MINE)
    canary.require_same_service(store, MINE)
    error = refused(
        SetupError, "service_identity_of_another_store", lambda: canary.require_same_service(store, OTHER)
    )
    assert error.fields == {"expected": MINE, "found": OTHER}


def test_later_card_of_this_service_is_believed_and_no_other(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    canary.require_same_service(store, MINE)
    refused(SetupError, "service_identity_of_another_store", lambda: canary.note_next(store, OTHER, LATER))
    canary.note_next(store, MINE, LATER)
    canary.require_same_service(store, LATER)
    canary.require_same_service(store, MINE)
    refused(
        SetupError, "service_identity_of_another_store", lambda: canary.require_same_service(store, OTHER)
    )
    canary.note_next(store, LATER, OTHER)
    canary.require_same_service(store, OTHER)
    assert canary.owner(store) == MINE


def test_key_changed_before_the_first_start_is_ours_whichever_of_the_two_starts_first(tmp_path: Path) -> None:
    """A process may have loaded the former key before the change, and start after it."""
    store = FolderStore(tmp_path)
    canary.note_next(store, MINE, LATER)
    canary.require_same_service(store, MINE)
    canary.require_same_service(store, LATER)
    assert canary.owner(store) == MINE
    refused(
        SetupError, "service_identity_of_another_store", lambda: canary.require_same_service(store, OTHER)
    )


class Denying(FolderStore):
    """A credential that may not write this name, nor what lies below it."""

    def __init__(self, root: Path, name: str) -> None:
        super().__init__(root)
        self._name = name

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        if f"{name}/".startswith(f"{self._name}/"):
            raise UnavailableError("storage_failed", bucket=bucket.value, reason="access_denied")
        return super().create(bucket, name, data)


@pytest.mark.parametrize("may_not", ["services", "service"])
def test_credential_that_may_not_note_a_card_makes_nobody_s_store_nobody_s_before_the_first_start(
    tmp_path: Path, may_not: str
) -> None:
    refused(
        UnavailableError, "storage_failed", lambda: canary.note_next(Denying(tmp_path, may_not), MINE, LATER)
    )
    store = FolderStore(tmp_path)
    assert canary.owner(store) is None
    canary.note_next(store, OTHER, LATER)
    assert canary.owner(store) == OTHER


@pytest.mark.parametrize("data", [b"", b"x", MINE.encode() + b"\nmore" * 100])
def test_damaged_note_of_whose_store_it_is_is_refused(tmp_path: Path, data: bytes) -> None:
    store = FolderStore(tmp_path)
    canary.require_same_service(store, MINE)
    (tmp_path / "ledger" / names.SERVICE).write_bytes(data)
    refused(SetupError, "service_identity_of_another_store", lambda: canary.require_same_service(store, MINE))


def test_store_that_is_known_to_be_ours_is_ours_on_a_full_disk(tmp_path: Path) -> None:
    canary.require_same_service(FolderStore(tmp_path), MINE)
    canary.require_same_service(Full(tmp_path), MINE)
    with pytest.raises(SetupError):
        canary.require_same_service(Full(tmp_path), OTHER)
