"""Whatever breaks on the way, both threads stop, the error comes through, and no file is left."""

import errno
import io
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import payload_twin as twin
import pytest
from payload_twin import CHUNK, K

from escrow.crypto import landing, outlet, payload
from escrow.errors import EscrowError, ForgedError, RefusedError, SetupError

PLAIN = random.Random(4).randbytes(40 * CHUNK)  # more chunks than there are buffers
SEALED = twin.seal(PLAIN)
FACTS = payload.seal_payload(io.BytesIO(PLAIN), io.BytesIO(), K)


class Broken(Exception):  # noqa: N818 - stands for anybody's exception
    """Somebody else's failure."""


class BreakingSource(io.BytesIO):
    def readinto(self, view: memoryview, /) -> int:  # type: ignore[override]
        if self.tell() > 20 * CHUNK:
            raise Broken
        return super().readinto(view)


class BreakingSink(io.BytesIO):
    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        if self.tell() > 20 * CHUNK:
            raise Broken
        return super().write(data)


class AlwaysBroken(io.BytesIO):
    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        raise Broken


class NonBlocking(io.BytesIO):
    def readinto(self, view: memoryview, /) -> None:  # type: ignore[override]
        return None

    def write(self, data: memoryview, /) -> None:  # type: ignore[override]
        return None


def breaking_progress(done: int) -> None:
    if done > 20 * CHUNK:
        raise Broken


def interrupt(done: int) -> None:
    raise KeyboardInterrupt


def open_into(
    sink: io.BytesIO, source: io.BytesIO | None = None, progress: Callable[[int], None] | None = None
) -> None:
    payload.open_payload(
        source or io.BytesIO(SEALED),
        sink,
        K,
        plain_length=len(PLAIN),
        sealed_length=FACTS.length,
        sha256=FACTS.sha256,
        progress=progress,
    )


def open_at(
    path: Path,
    *,
    sealed: bytes = SEALED,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    payload.open_file(
        io.BytesIO(sealed),
        path,
        K,
        plain_length=len(PLAIN),
        sealed_length=FACTS.length,
        sha256=FACTS.sha256,
        overwrite=overwrite,
        progress=progress,
    )


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def no_thread_is_left() -> bool:
    return all(thread.name != "escrow-outlet" for thread in threading.enumerate())


JOBS: dict[str, Callable[[], object]] = {
    "source-sealing": lambda: payload.seal_payload(BreakingSource(PLAIN), io.BytesIO(), K),
    "sink-sealing": lambda: payload.seal_payload(io.BytesIO(PLAIN), BreakingSink(), K),
    "progress-sealing": lambda: payload.seal_payload(
        io.BytesIO(PLAIN), io.BytesIO(), K, progress=breaking_progress
    ),
    "source-opening": lambda: open_into(io.BytesIO(), BreakingSource(SEALED)),
    "sink-opening": lambda: open_into(BreakingSink()),
    "progress-opening": lambda: open_into(io.BytesIO(), progress=breaking_progress),
}


@pytest.mark.parametrize("job", JOBS)
def test_foreign_error_comes_through_and_stops_both_threads(job: str) -> None:
    with pytest.raises(Broken):
        JOBS[job]()
    assert no_thread_is_left()


def test_sink_that_breaks_at_the_very_last_write_is_noticed() -> None:
    class BreaksLast(io.BytesIO):
        def write(self, data: memoryview, /) -> int:  # type: ignore[override]
            if len(data) < CHUNK:
                raise Broken
            return super().write(data)

    with pytest.raises(Broken):
        payload.seal_payload(io.BytesIO(PLAIN[: CHUNK + 1]), BreaksLast(), K)


def test_broken_sink_stops_the_reading_soon() -> None:
    source = io.BytesIO(PLAIN)
    with pytest.raises(Broken):
        payload.seal_payload(source, AlwaysBroken(), K)
    assert source.tell() <= (outlet.BUFFERS + 1) * CHUNK


def test_what_is_not_yet_written_when_the_caller_gives_up_is_dropped() -> None:
    gate, written = threading.Event(), io.BytesIO()

    class Slow(io.BytesIO):
        def write(self, data: memoryview, /) -> int:  # type: ignore[override]
            gate.wait()
            return written.write(data)

    line = outlet.Outlet(Slow(), 1)
    join = line._thread.join

    def let_go_and_join() -> None:  # the outlet waits for its thread once it has decided to drop
        gate.set()
        join()

    line._thread.join = let_go_and_join  # type: ignore[method-assign]
    with suppress(Broken), line:
        for _ in range(outlet.BUFFERS):
            buffer = line.take()
            line.give(buffer, hashed=buffer.plain, written=buffer.plain)
        raise Broken
    assert len(written.getvalue()) <= 1


def test_source_or_sink_that_does_not_block_is_refused() -> None:
    with pytest.raises(BlockingIOError):
        payload.seal_payload(NonBlocking(), io.BytesIO(), K)
    with pytest.raises(BlockingIOError):
        payload.seal_payload(io.BytesIO(b"text"), NonBlocking(), K)


def test_opened_file_appears_whole_and_private(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    open_at(tmp_path / "memo.pdf", progress=lambda done: seen.append(names_in(tmp_path)))
    assert names_in(tmp_path) == ["memo.pdf"]
    assert (tmp_path / "memo.pdf").read_bytes() == PLAIN
    assert (tmp_path / "memo.pdf").stat().st_mode & 0o777 == 0o600
    assert seen
    assert all("memo.pdf" not in names for names in seen)


BAD = {
    "flipped": SEALED[:-1] + bytes([SEALED[-1] ^ 1]),
    "cut": SEALED[:-CHUNK],
    "longer": SEALED + b"\0",
    "empty": b"",
}


@pytest.mark.parametrize("kind", BAD)
def test_false_payload_leaves_no_file(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ForgedError):
        open_at(tmp_path / "memo.pdf", sealed=BAD[kind])
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("progress", "error"), [(interrupt, KeyboardInterrupt), (breaking_progress, Broken)])
def test_interrupted_opening_leaves_no_file(
    tmp_path: Path, progress: Callable[[int], None], error: type[BaseException]
) -> None:
    with pytest.raises(error):
        open_at(tmp_path / "memo.pdf", progress=progress)
    assert names_in(tmp_path) == []
    assert no_thread_is_left()


def test_false_payload_leaves_the_file_that_it_should_have_replaced(tmp_path: Path) -> None:
    (tmp_path / "memo.pdf").write_bytes(b"old")
    with pytest.raises(ForgedError):
        open_at(tmp_path / "memo.pdf", sealed=BAD["flipped"], overwrite=True)
    assert (tmp_path / "memo.pdf").read_bytes() == b"old"
    assert names_in(tmp_path) == ["memo.pdf"]


def refused(code: str, kind: type[EscrowError], work: Callable[[], None]) -> EscrowError:
    with pytest.raises(kind) as caught:
        work()
    assert caught.value.code == code
    return caught.value


def test_existing_file_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "memo.pdf"
    path.write_bytes(b"old")
    assert refused("file_exists", RefusedError, lambda: open_at(path)).fields == {"file": "memo.pdf"}
    assert path.read_bytes() == b"old"
    open_at(path, overwrite=True)
    assert path.read_bytes() == PLAIN
    assert names_in(tmp_path) == ["memo.pdf"]


def test_taken_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "memo.pdf").write_bytes(b"old")
    source = io.BytesIO(SEALED)
    refused(
        "file_exists",
        RefusedError,
        lambda: payload.open_file(
            source, tmp_path / "memo.pdf", K, plain_length=1, sealed_length=1, sha256=b""
        ),
    )
    assert source.tell() == 0


def test_name_of_a_dangling_symlink_counts_as_taken(tmp_path: Path) -> None:
    path = tmp_path / "memo.pdf"
    path.symlink_to(tmp_path / "elsewhere")
    refused("file_exists", RefusedError, lambda: open_at(path))
    assert names_in(tmp_path) == ["memo.pdf"]


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "no hard links here")


@pytest.mark.parametrize("links", [True, False])
def test_file_made_by_somebody_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(landing.os, "link", no_links)
    path = tmp_path / "memo.pdf"

    def theirs(_: int) -> None:
        path.write_bytes(b"theirs")

    refused("file_exists", RefusedError, lambda: open_at(path, progress=theirs))
    assert path.read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["memo.pdf"]


def test_file_lands_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing.os, "link", no_links)
    open_at(tmp_path / "memo.pdf")
    assert (tmp_path / "memo.pdf").read_bytes() == PLAIN
    assert names_in(tmp_path) == ["memo.pdf"]


def test_full_disk_is_named_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = tmp_path / ".x.part"

    def on_a_full_disk(**_: object) -> tuple[int, str]:
        part.touch()
        return os.open("/dev/full", os.O_WRONLY), str(part)

    monkeypatch.setattr(landing.tempfile, "mkstemp", on_a_full_disk)
    error = refused("file_not_written", SetupError, lambda: open_at(tmp_path / "memo.pdf"))
    assert error.fields == {"reason": os.strerror(errno.ENOSPC)}
    assert names_in(tmp_path) == []


def test_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    refused("file_not_written", SetupError, lambda: open_at(tmp_path / "no" / "memo.pdf"))


def test_path_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "memo.pdf").mkdir()
    refused("file_not_written", SetupError, lambda: open_at(tmp_path / "memo.pdf", overwrite=True))
    assert names_in(tmp_path) == ["memo.pdf"]


MEMORY = """
import io, sys
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
idle = peak()
from pathlib import Path
from escrow.crypto import payload
plain, sealed, back = (Path(name) for name in sys.argv[1:])
with plain.open("rb") as source, sealed.open("wb") as sink:
    facts = payload.seal_payload(source, sink, bytes(32))
with sealed.open("rb") as source:
    payload.open_file(source, back, bytes(32), plain_length=facts.plain_length,
        sealed_length=facts.length, sha256=facts.sha256)
print(peak() - idle, facts.plain_length, back.stat().st_size)
"""


def test_memory_stays_within_64_mib_whatever_the_payload(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    size = 200 * 1024 * 1024
    with plain.open("wb") as file:
        file.truncate(size)
    words = [sys.executable, "-c", MEMORY, plain, tmp_path / "sealed", tmp_path / "back"]
    grown, *sizes = map(int, subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())
    assert sizes == [size, size]
    assert grown <= 64 * 1024
