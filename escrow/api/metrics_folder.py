"""The folder in which the processes of one running service keep their numbers, one set of files each.

prometheus-client maps a file for each process and kind of metric into memory and sums them up when asked.
Rules (numbered as in README.md):
 M1  Every start has a folder of its own, mode 0700, locked (flock) by its processes and removed at the end.
     One whose lock is free was left by a crash; the next start removes it.
 M2  A worker takes the room for its files before it counts: in a mapped file a full disk would kill it.
     Where there is none, it serves and counts nothing.
 M3  What a dead worker counted is added to one file for all the dead, so that files do not grow in number.
     Its gauges go: it has no requests under way.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from escrow.errors import SetupError

PREFIX: Final = "escrow-metrics-"
_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""By which prometheus-client is told where; it reads it when it is imported."""
_READING: Final = "reading.lock"
_COUNTED: Final = ("counter", "histogram")
_THE_DEAD: Final = 0
"""In place of a process id."""
_ROOM: Final = {
    "counter": 512 * 1024,
    "histogram": 1024 * 1024,
    "gauge_livesum": 64 * 1024,
    "gauge_livemostrecent": 64 * 1024,
}
"""Several times what all labels together take; see the test of how many there may be."""


class MetricsFolder:
    """A folder under the rules above. Made by `metrics_folder`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._dead: set[int] = set()

    def reserve(self, pid: int) -> None:
        """M2, for this process. OSError where there is no room.

        Whoever reads sees a file with all its room, or none.
        """
        try:
            for kind, size in _ROOM.items():
                if (self.path / f"{kind}_{pid}.db").exists():  # a dead worker had this id: it is gone on with
                    continue
                aside = self.path / f"{kind}_{pid}.new"
                with aside.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, size)
                aside.rename(aside.with_suffix(".db"))
        except OSError:
            for made in self.path.glob(f"*_{pid}.*"):
                made.unlink(missing_ok=True)
            raise

    def bury(self, pid: int, alive: Collection[int] = ()) -> None:
        """M3. `alive`: workers now, of which one may have the id of a dead one.

        Waits for nobody: while somebody reads, what the dead counted stays where it is, and counts, until the
        next worker dies.
        """
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid, str(self.path))  # type: ignore[no-untyped-call]
        self._dead.add(pid)
        with suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for dead in self._dead.difference(alive):
                for kind in _COUNTED:
                    self._add_to_the_dead(kind, self.path / f"{kind}_{dead}.db")
            self._dead.intersection_update(alive)

    @contextmanager
    def reading(self) -> Iterator[str]:
        """Around reading all files; what is yielded is where they are."""
        with self._locked(fcntl.LOCK_SH):
            yield str(self.path)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        handle = os.open(self.path / _READING, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)

    def _add_to_the_dead(self, kind: str, file: Path) -> None:
        from prometheus_client.mmap_dict import MmapedDict

        if not file.exists() or file.stat().st_size > _ROOM[kind]:  # grown: M2 holds for the dead too
            return
        total = MmapedDict(str(self.path / f"{kind}_{_THE_DEAD}.db"))  # type: ignore[no-untyped-call]
        try:
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
                total.write_value(key, total.read_value(key)[0] + value, 0.0)  # type: ignore[no-untyped-call]
        finally:
            total.close()  # type: ignore[no-untyped-call]
        file.unlink()


@contextmanager
def metrics_folder() -> Iterator[MetricsFolder]:
    """M1. From then on, and before prometheus-client is imported, this process and its children count there.

    SetupError `metrics_folder_unusable` (reason).
    """
    owner = os.getpid()
    try:
        base = Path(tempfile.gettempdir())
        _remove_left(base)
        path, lock = _made(base)
    except OSError as error:
        raise _unusable(error) from error
    try:
        folder = MetricsFolder(path)
        try:
            folder.reserve(_THE_DEAD)
            folder.reserve(owner)
        except OSError as error:
            raise _unusable(error) from error
        os.environ[_VARIABLE] = str(path)
        yield folder
    finally:
        if os.getpid() == owner:  # a worker leaves by the same way
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _unusable(error: OSError) -> SetupError:
    return SetupError("metrics_folder_unusable", reason=error.strerror or type(error).__name__)


def _made(base: Path) -> tuple[Path, int]:
    """A new folder and its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return path, lock
        os.close(lock)  # another start took it for one that was left, before it was locked


def _remove_left(base: Path) -> None:
    """M1: ours, and nobody's any more. What belongs to somebody else is none of our business."""
    for path in base.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path)
            finally:
                os.close(lock)
