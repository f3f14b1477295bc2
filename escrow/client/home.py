"""The files of one home: private, created once and whole, and locks between the programs that share it.

Nothing here knows what the files say. Permission is the owner's alone: 0600 in folders 0700. What is written
stands aside first, in `aside/`, and gets its name by a link, which refuses where a name is taken; so a reader
never meets half a file, and of two writers the second is told what the first wrote. What the disk refuses is
SetupError `memory_unusable`.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from escrow.client.disk import renamed

try:
    from fcntl import LOCK_EX, LOCK_NB, flock

    _CAN_LOCK = True
except ImportError:  # Windows has no flock: there nobody waits, and nothing counts as abandoned
    _CAN_LOCK = False

STALE_S = 3600.0
"""A file stands aside for milliseconds. One this old was left by a program that was killed."""


class Home:
    """`Home(root)`: the folder is made when first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, folder: Path) -> list[str]:
        with renamed("memory_unusable"):
            return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def read(self, path: Path) -> bytes | None:
        with renamed("memory_unusable"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def make(self, folder: Path) -> None:
        """A folder and those above it, home included, each its owner's alone."""
        if not folder.is_dir():
            if folder != self.root:
                self.make(folder.parent)
            folder.mkdir(mode=0o700, parents=folder == self.root, exist_ok=True)

    def create(self, path: Path, raw: bytes) -> bytes:
        """Create a file whole or not at all, and give what lies there: `raw`, or what was there before."""
        standing = self.read(path)
        if standing is not None:
            return standing
        with renamed("memory_unusable"):
            self.make(path.parent)
            self.make(self._asides)
            aside = self._asides / secrets.token_hex(16)
            try:
                with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(raw)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(aside, path)
            except FileExistsError:
                return path.read_bytes()
            finally:
                aside.unlink(missing_ok=True)
        return raw

    def sweep(self) -> None:
        """Remove what stands aside for programs that were killed while they wrote."""
        with renamed("memory_unusable"):
            for name in self.names(self._asides):
                aside = self._asides / name
                try:
                    if time.time() - aside.stat().st_mtime > STALE_S:
                        aside.unlink()
                except FileNotFoundError:
                    continue  # its writer lives, and has just finished

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Alone among all programs that ask for this name; waits its turn. The system frees what the dead
        held.
        """
        with self._lock_file(name) as descriptor:
            if _CAN_LOCK:
                with renamed("memory_unusable"):
                    flock(descriptor, LOCK_EX)
            yield

    def is_abandoned(self, name: str) -> bool:
        """Whether no living program holds this name. Where the system cannot tell: no."""
        if not _CAN_LOCK:
            return False
        with self._lock_file(name) as descriptor:
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
            except OSError:
                return False
        return True

    def drop_lock(self, name: str) -> None:
        """Remove a lock's file, once what it guarded is gone for good."""
        with renamed("memory_unusable"):
            (self._locks / name).unlink(missing_ok=True)

    @property
    def _asides(self) -> Path:
        return self.root / "aside"

    @property
    def _locks(self) -> Path:
        return self.root / "locks"

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        with renamed("memory_unusable"):
            self.make(self._locks)
            descriptor = os.open(self._locks / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
