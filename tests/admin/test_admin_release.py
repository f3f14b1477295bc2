"""Releases from storage alone: what is never published, what is never half done, and twice is as once."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.kept import MEMO, now, one
from support.refusals import refuses

from escrow.admin.due import Damaged, Due, Standing, due
from escrow.admin.manifest import Manifest
from escrow.admin.release import hand, publish
from escrow.admin.release_check import check
from escrow.errors import (
    EscrowError,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    UnavailableError,
)
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.names import Released
from escrow.store.opening import Archive, open_archive


def public(root: Path) -> dict[str, bytes]:
    """What counts in the public bucket."""
    return {path.name: path.read_bytes() for path in (root / "public").rglob("*") if path.is_file()}


def damage(root: Path, item: str, data: bytes | None = None) -> None:
    (path,) = (root / "public").rglob(item)
    raw = path.read_bytes()
    path.write_bytes(bytes([raw[0] ^ 1]) + raw[1:] if data is None else data)


def test_release_for_a_named_reader_is_never_published(archive: Archive, root: Path, tmp_path: Path) -> None:
    asked = one(archive, Standing.TO_HAND)
    before = public(root)
    with refuses(RefusedError, "not_for_everybody", path="enforcement", audience="named"):
        publish(archive, asked.case, asked.request, clock=now)
    assert public(root) == before


def test_request_that_is_not_released_is_not_published(archive: Archive, root: Path, tmp_path: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    entries = sorted((root / "ledger/cases" / asked.case / "entries").iterdir())
    entries[-1].unlink()  # the last sign-off, with which the policy was met
    before = public(root)
    with refuses(RefusedError, "not_released"):
        publish(archive, asked.case, asked.request, clock=now)
    assert public(root) == before


def test_release_of_a_case_that_a_thief_made_is_neither_due_nor_published_nor_handed(
    archive: Archive, root: Path, tmp_path: Path
) -> None:
    """Whoever may write to the ledger can put a whole case there, with a service and seats of its own."""
    asked = one(archive, Standing.TO_PUBLISH)
    before = public(root)
    (root / "ledger" / names.SERVICE).write_text("0" * 64 + "\n")  # to this store, the case is a stranger's
    (found,) = due(archive)
    assert isinstance(found, Damaged)
    assert found.error.code == "case_of_other_service"
    with refuses(ForgedError, "case_of_other_service", expected="0" * 64):
        publish(archive, asked.case, asked.request, clock=now)
    with refuses(ForgedError, "case_of_other_service"):
        hand(archive, asked.case, asked.request, tmp_path / "handed")
    assert public(root) == before


def test_clock_that_is_off_by_a_day_publishes_nothing(archive: Archive, root: Path, tmp_path: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    before = public(root)
    with refuses(SetupError, "clocks_differ"):
        publish(archive, asked.case, asked.request, clock=lambda: now() + timedelta(days=1))
    assert public(root) == before


@pytest.mark.parametrize("bucket", ["ledger/cases", "records/shares", "records/payloads"])
def test_nothing_is_published_from_storage_that_was_tampered_with(
    archive: Archive, root: Path, tmp_path: Path, bucket: str
) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    before = public(root)
    for path in (root / bucket).rglob("*"):
        if path.is_file():
            raw = bytearray(path.read_bytes())
            raw[len(raw) // 2] ^= 1
            path.write_bytes(raw)
    with pytest.raises((ForgedError, MalformedError, RefusedError)) as caught:
        publish(archive, asked.case, asked.request, clock=now)
    assert isinstance(caught.value, EscrowError)
    assert public(root) == before


def test_published_release_has_its_evidence_and_proves_itself(
    archive: Archive, root: Path, tmp_path: Path
) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    done = publish(archive, asked.case, asked.request, clock=now)
    assert set(done.new) == set(Released)
    assert public(root)["document"] == MEMO
    assert Manifest.parse(public(root)["manifest"]) == done.manifest
    copy = tmp_path / "copy"
    shutil.copytree(root / "public", copy / "public")  # and nothing of ledger and records
    with open_archive(copy) as only_public:
        assert check(only_public.publisher, asked.case, asked.request) == done.manifest
    assert [each.standing for each in due(archive) if isinstance(each, Due)].count(Standing.PUBLISHED) == 1


def test_publishing_twice_writes_nothing_new(archive: Archive, root: Path, tmp_path: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    publish(archive, asked.case, asked.request, clock=now)
    before = public(root)
    assert publish(archive, asked.case, asked.request, clock=now).new == ()
    assert public(root) == before


def test_two_administrators_at_once_publish_one_release(archive: Archive, root: Path, tmp_path: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)

    def release(who: int) -> tuple[Released, ...]:
        return publish(archive, asked.case, asked.request, clock=now).new

    with ThreadPoolExecutor(4) as several:
        new = [item for done in several.map(release, range(4)) for item in done]
    assert sorted(new) == sorted(Released)
    check(archive.publisher, asked.case, asked.request)


class Killed(BaseException):
    """The process is gone."""


class DyingPublisher:
    """Writes so many objects, and dies before the next."""

    def __init__(self, archive: Archive, lives: int) -> None:
        self._inner = archive.publisher
        self._lives = lives

    def publish(self, name: str, chunks: Iterator[bytes], *, length: int) -> bool:
        if self._lives == 0:
            raise Killed
        self._lives -= 1
        return self._inner.publish(name, chunks, length=length)

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return self._inner.published(name, start=start, stop=stop)

    def published_length(self, name: str) -> int:
        return self._inner.published_length(name)


@pytest.mark.parametrize("lives", range(4))
def test_killed_before_any_object_nothing_counts_and_the_next_run_goes_on(
    archive: Archive, root: Path, tmp_path: Path, lives: int
) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    dying = replace(archive, publisher=DyingPublisher(archive, lives))  # type: ignore[arg-type]
    with pytest.raises(Killed):
        publish(dying, asked.case, asked.request, clock=now)
    assert "manifest" not in public(root)
    with refuses(NotFoundError, "not_published"):
        check(archive.publisher, asked.case, asked.request)
    again = publish(archive, asked.case, asked.request, clock=now)
    assert len(again.new) == len(Released) - lives
    check(archive.publisher, asked.case, asked.request)


@pytest.mark.parametrize("item", ["payload", "bundle", "document", "manifest"])
def test_object_that_somebody_else_put_there_is_found(
    archive: Archive, root: Path, tmp_path: Path, item: str
) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    publish(archive, asked.case, asked.request, clock=now)
    damage(root, item, b"{}" if item == "manifest" else None)
    with pytest.raises((ForgedError, MalformedError)):
        check(archive.publisher, asked.case, asked.request)
    with refuses(ForgedError, "published_object_differs", object=item):
        publish(archive, asked.case, asked.request, clock=now)


def test_huge_document_that_somebody_put_there_is_told_and_not_read(
    archive: Archive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a tebibyte, which a timer would read for hours, each time."""
    asked = one(archive, Standing.TO_PUBLISH)
    publish(archive, asked.case, asked.request, clock=now)
    (path,) = (root / "public").rglob("document")
    os.truncate(path, 1 << 40)
    read, published = [], archive.publisher.published

    def watched(name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        read.append(name.rpartition("/")[2])
        return published(name, start=start, stop=stop)

    monkeypatch.setattr(archive.publisher, "published", watched)
    with refuses(ForgedError, "published_object_differs", object="document"):
        check(archive.publisher, asked.case, asked.request)
    with refuses(ForgedError, "published_object_differs", object="document"):
        publish(archive, asked.case, asked.request, clock=now)
    assert "document" not in read


def test_document_of_another_key_does_not_pass_for_the_released_one(
    archive: Archive, root: Path, tmp_path: Path
) -> None:
    """Whoever may write the public bucket swaps the document and writes a manifest to match."""
    asked = one(archive, Standing.TO_PUBLISH)
    publish(archive, asked.case, asked.request, clock=now)
    genuine = public(root)["manifest"].decode()
    damage(root, "document", b"They hate each other.")
    measured = '"document":{"length":21,"sha256":"' + _sha256(b"They hate each other.") + '"}'
    start = genuine.index('"document":')
    damage(root, "manifest", (genuine[:start] + measured + genuine[genuine.index("}", start) + 1 :]).encode())
    with refuses(ForgedError, "published_object_differs", object="document"):
        check(archive.publisher, asked.case, asked.request)


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_damaged_case_is_named_and_the_others_go_on(archive: Archive, root: Path) -> None:
    other = "0" * 64
    (root / "ledger/cases" / other / "entries").mkdir(parents=True)
    (root / "ledger" / names.entry(other, 0)).write_bytes(b"not an entry")
    found = list(due(archive))
    assert [each.case for each in found if isinstance(each, Damaged)] == [other]
    assert len([each for each in found if isinstance(each, Due)]) == 2


def test_credential_that_may_not_look_ends_the_run_instead_of_failing_case_after_case(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise UnavailableError("storage_failed", bucket="ledger", operation="x", reason="access_denied")

    monkeypatch.setattr("escrow.admin.due.replay", denied)
    with refuses(UnavailableError, "storage_failed"):
        list(due(archive))


def test_what_is_handed_over_is_bundle_and_payload_and_no_more(archive: Archive, tmp_path: Path) -> None:
    asked = one(archive, Standing.TO_HAND)
    verified = hand(archive, asked.case, asked.request, tmp_path / "for-reiter")
    assert sorted(path.name for path in (tmp_path / "for-reiter").iterdir()) == [
        "bundle.json",
        "payload",
        "release.json",
    ]
    assert [ticket.card.fingerprint for ticket in verified.request.tickets] == list(asked.readers)


def test_nothing_is_read_of_the_service_s_key(archive: Archive, root: Path, tmp_path: Path) -> None:
    """The store is all that there is: no identity, no settings, no service."""
    assert not list(root.rglob("identity"))
    asked = one(archive, Standing.TO_PUBLISH)
    assert publish(archive, asked.case, asked.request, clock=now).new
    assert archive.store.get(
        Bucket.PUBLIC, names.released(asked.case, asked.request, Released.DOCUMENT), limit=100
    )
