"""Releases from storage alone: killed at every call of storage, and nothing plain or large is ever kept."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from store.faulty import Crashed, FaultyStore, When
from support.kept import KEPT, MEMO, now, one
from support.refusals import refuses

from escrow.admin.cases import replay
from escrow.admin.due import Damaged, Standing, due
from escrow.admin.passing import Item, checked, measure, pulled
from escrow.admin.public_copy import PublicCopy
from escrow.admin.release import plan, publish
from escrow.admin.release_check import check
from escrow.crypto.outlet import Sink
from escrow.errors import ForgedError, NotFoundError, RefusedError, UnavailableError
from escrow.store.interface import Publisher
from escrow.store.names import Released
from escrow.store.opening import Archive, open_archive

T = TypeVar("T")


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class DyingPublisher:
    """Dies at its n-th call, before or after it takes effect."""

    def __init__(self, inner: Publisher, kill_at: int, when: When) -> None:
        self._inner, self._kill_at, self._when, self.calls = inner, kill_at, when, 0

    def publish(self, name: str, chunks: Iterable[bytes], *, length: int) -> bool:
        return self._pass_on(lambda: self._inner.publish(name, chunks, length=length))

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return self._pass_on(lambda: self._inner.published(name, start=start, stop=stop))

    def published_length(self, name: str) -> int:
        return self._pass_on(lambda: self._inner.published_length(name))

    def _pass_on(self, deed: Callable[[], T]) -> T:
        self.calls += 1
        if self.calls == self._kill_at and self._when is When.BEFORE:
            raise Crashed
        try:
            return deed()
        finally:
            if self.calls == self._kill_at:
                raise Crashed


def calls_of_a_release(tmp_path: Path) -> tuple[int, int]:
    shutil.copytree(KEPT, tmp_path / "counted")
    with open_archive(tmp_path / "counted") as archive:
        asked = one(archive, Standing.TO_PUBLISH)
        store = FaultyStore(archive.store, kill_at=0)
        publisher = DyingPublisher(archive.publisher, 0, When.BEFORE)
        publish(replace(archive, store=store, publisher=publisher), asked.case, asked.request, clock=now)
        return len(store.calls), publisher.calls


@pytest.mark.parametrize("when", list(When))
def test_killed_at_any_call_of_storage_nothing_counts_and_the_next_run_goes_on(
    tmp_path: Path, when: When
) -> None:
    of_store, of_publisher = calls_of_a_release(tmp_path)
    assert of_store > 10
    assert of_publisher >= 2 * len(Released)
    strikes = [("publisher", n) for n in range(1, of_publisher + 1)]
    strikes += [("store", n) for n in range(1, of_store + 1, 5)]  # it only reads: a sample is enough
    for where, kill_at in strikes:
        root = tmp_path / f"{where}-{kill_at}"
        shutil.copytree(KEPT, root)
        with open_archive(root) as archive:
            asked = one(archive, Standing.TO_PUBLISH)
            dying = (
                replace(archive, publisher=DyingPublisher(archive.publisher, kill_at, when))
                if where == "publisher"
                else replace(archive, store=FaultyStore(archive.store, kill_at=kill_at, when=when))
            )
            with pytest.raises(Crashed):
                publish(dying, asked.case, asked.request, clock=now)
            if not list(root.rglob("manifest")):
                with refuses(NotFoundError, "not_published"):
                    check(archive.publisher, asked.case, asked.request)
            publish(archive, asked.case, asked.request, clock=now)
            check(archive.publisher, asked.case, asked.request)


def test_release_that_is_only_planned_writes_nothing(archive: Archive, root: Path) -> None:
    asked, before = one(archive, Standing.TO_PUBLISH), files(root)
    planned = plan(archive, asked.case, asked.request, clock=now)
    assert planned.lengths[Released.DOCUMENT] == len(MEMO)
    assert planned.there == ()
    assert files(root) == before


def test_release_for_a_named_reader_is_refused_when_it_is_only_planned(archive: Archive) -> None:
    asked = one(archive, Standing.TO_HAND)
    with refuses(RefusedError, "not_for_everybody", path="enforcement", audience="named"):
        plan(archive, asked.case, asked.request, clock=now)


def test_plain_bytes_are_written_nowhere_but_to_the_public_bucket(
    archive: Archive, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    asked = one(archive, Standing.TO_PUBLISH)
    publish(archive, asked.case, asked.request, clock=now)
    holding = [name for name, data in files(tmp_path).items() if MEMO in data]
    assert holding == [f"store/public/releases/{asked.case}/{asked.request}/document"]
    assert not list(temporary.iterdir())


def test_tampered_payload_leaves_nothing_in_the_public_bucket(archive: Archive, root: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    for path in (root / "records/payloads").rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    before = files(root)
    with refuses(ForgedError, "payload_digest_false"):
        publish(archive, asked.case, asked.request, clock=now)
    assert files(root) == before


def test_entry_taken_out_of_the_middle_is_named_and_hides_nothing(archive: Archive, root: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    last = replay(archive.store, asked.case).head.n
    entries = root / "ledger/cases" / asked.case / "entries"
    (entries / f"{last - 1:010d}").unlink()
    with refuses(UnavailableError, "ledger_damaged", case=asked.case, n=last - 1, reason="entry_missing"):
        publish(archive, asked.case, asked.request, clock=now)
    assert [each.case for each in due(archive) if isinstance(each, Damaged)] == [asked.case]


def test_bad_shares_below_quorum_are_named_by_seat(archive: Archive, root: Path) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    for path in (root / "records/shares").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(RefusedError) as caught:
        publish(archive, asked.case, asked.request, clock=now)
    assert caught.value.code == "shares_below_quorum"
    assert caught.value.fields["lost"]


def test_downloaded_files_of_one_release_prove_themselves(
    archive: Archive, root: Path, tmp_path: Path
) -> None:
    asked = one(archive, Standing.TO_PUBLISH)
    done = publish(archive, asked.case, asked.request, clock=now)
    four = tmp_path / "four"
    shutil.copytree(root / "public/releases" / asked.case / asked.request, four)
    for copy in (four, root, root / "public"):
        assert check(PublicCopy(copy), asked.case, asked.request) == done.manifest
    (four / "payload").write_bytes(b"another")
    with refuses(ForgedError, "published_object_differs", object="payload"):
        check(PublicCopy(four), asked.case, asked.request)
    (four / "manifest").unlink()
    with refuses(NotFoundError, "not_published"):
        check(PublicCopy(four), asked.case, asked.request)


def test_writer_of_much_is_never_far_ahead_of_its_reader() -> None:
    """What bounds the memory: of 64 MiB no more than a few pieces are ever under way."""
    written = 0

    def push(sink: Sink) -> None:
        nonlocal written
        piece = memoryview(bytes(65536))
        for _ in range(1024):
            sink.write(piece)
            written += len(piece)

    read = 0
    for chunk in pulled(push):
        read += len(chunk)
        assert written - read <= 18 * 65536
    assert read == 1024 * 65536


def test_reader_that_stops_early_ends_the_writer() -> None:
    ended = False

    def push(sink: Sink) -> None:
        nonlocal ended
        try:
            while True:
                sink.write(memoryview(b"more"))
        finally:
            ended = True

    pieces = pulled(push)
    assert next(pieces) == b"more"
    pieces.close()  # type: ignore[attr-defined]
    assert ended


def test_error_of_the_writer_reaches_the_reader_after_the_last_byte() -> None:
    def push(sink: Sink) -> None:
        sink.write(memoryview(b"some"))
        raise ForgedError("payload_digest_false")

    found = []
    with refuses(ForgedError, "payload_digest_false"):
        found.extend(pulled(push))
    assert found == [] or found == [b"some"]


def test_bytes_that_are_not_the_signed_ones_never_end_well() -> None:
    expected = measure([b"signed"])
    assert expected == Item(sha256=expected.sha256, length=6)
    with refuses(ForgedError, "payload_digest_false"):
        list(checked([b"forged"], expected))
