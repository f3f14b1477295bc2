"""The hands of the folder store: the only file that makes, flushes, links and removes files.

One trick carries everything. A writer fills a file *aside* (`<bucket>/.aside/`, same filesystem), flushes it,
and only then gives it its name, in one step of the filesystem: `link` refuses a taken name, `rename` replaces
a whole file by a whole file. So under a name there is a whole, flushed file or none, whatever crashes when.

A writer holds a lock (flock) on its aside file while it lives; an aside file whose lock is free was left by a
crash and may be removed by anyone. The kernel drops the lock when a process dies, so no clock, and no list of
writers, is needed.

Functions here raise OSError; `Disk.errors` renames it at the room's border.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from escrow.errors import MalformedError, NotFoundError, TooLargeError, UnavailableError
from escrow.store.interface import MIB, Bucket, Outcome

CHUNK_BYTES: Final = MIB
_ASIDE: Final = ".aside"
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FOLDERS_REMEMBERED: Final = 10_000  # bounds the memory below; forgetting one costs a flush

_Owner: TypeAlias = tuple[int, int] | None


class Aside:
    """A file being written that has no name yet. `fd` is open, locked and writable."""

    __slots__ = ("fd", "path")

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    def write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.fd, rest) :]


class Disk:
    """Three folders under `root`, one for each bucket; an object's name is its path in its bucket's."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self._owner = _owner_below(self._root)
        self._flushed_folders: set[str] = set()

    def path(self, bucket: Bucket, name: str) -> str:
        """Where a name lies. The name has been checked by escrow/store/names.py."""
        return f"{self._root}/{bucket.value}/{name}"

    @contextmanager
    def errors(self, bucket: Bucket) -> Iterator[None]:
        """Rename OSError to UnavailableError "storage_full" or "storage_failed" (bucket, reason)."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                with suppress(OSError):  # make room for the next try, if a crash left something
                    self.sweep(bucket)
                raise UnavailableError("storage_full", bucket=bucket.value) from error
            reason = errno.errorcode.get(error.errno or 0, "unknown")
            raise UnavailableError("storage_failed", bucket=bucket.value, reason=reason) from error

    # --- writing ------------------------------------------------------------------------------------------

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        """Create-only write of a whole small file."""
        with self.aside(bucket) as aside:
            aside.write(data)
            if self.publish(aside, self.path(bucket, name)):
                return Outcome.CREATED
        try:
            there = self.read(bucket, name, limit=len(data))
        except TooLargeError:
            return Outcome.ALREADY_OTHER
        return Outcome.ALREADY_SAME if there == data else Outcome.ALREADY_OTHER

    @contextmanager
    def aside(self, bucket: Bucket) -> Iterator[Aside]:
        """A new locked file aside; gone at the end, unless a crash comes first."""
        folder = self.path(bucket, _ASIDE)
        self.require_folder(folder)
        aside = _new_aside(folder, self._owner)
        try:
            yield aside
        finally:
            with suppress(OSError):  # a leftover never counts, and the next sweep takes it
                os.unlink(aside.path)
            with suppress(OSError):  # what had to reach the disk was flushed, and checked, before
                os.close(aside.fd)

    def publish(self, aside: Aside, target: str) -> bool:
        """Flush the file and give it its name; False if the name was taken. Durable either way.

        Where the name was taken its folder is flushed all the same: whoever was first may not have come to
        that yet, and our caller will tell people that the object is there.
        """
        new = True
        try:
            self._give(os.link, aside, target)
        except FileExistsError:
            new = False
        flush_folder(os.path.dirname(target))
        return new

    def length(self, bucket: Bucket, name: str) -> int:
        """Bytes of an object. NotFoundError "object_unknown"."""
        try:
            return os.stat(self.path(bucket, name), follow_symlinks=False).st_size
        except FileNotFoundError as error:
            raise NotFoundError("object_unknown") from error

    def stream(self, bucket: Bucket, name: str, start: int, stop: int | None) -> Iterator[bytes]:
        """Bytes `start` to `stop` of an object, as `Store.payload` gives them, refused likewise."""
        length = self.length(bucket, name)
        stop = length if stop is None else stop
        if not 0 <= start <= stop <= length:
            raise MalformedError("range_out_of_bounds", field="range", length=length)
        return self._chunks(bucket, name, start, stop)

    def _chunks(self, bucket: Bucket, name: str, start: int, stop: int) -> Iterator[bytes]:
        with self.errors(bucket), opened(self.path(bucket, name)) as fd:
            os.lseek(fd, start, os.SEEK_SET)
            rest = stop - start
            for chunk in read_chunks(fd, rest):
                rest -= len(chunk)
                yield chunk
        if rest:
            raise UnavailableError("storage_failed", bucket=bucket.value, reason="payload_length_differs")

    def replace(self, aside: Aside, target: str) -> None:
        """Flush the file and give it its name, in place of a file that has it. Durable on return."""
        self._give(os.rename, aside, target)
        flush_folder(os.path.dirname(target))

    def require_folder(self, folder: str) -> None:
        """Make a folder and those above it, and flush each into its parent before anything is put into it.

        A folder that somebody else made is flushed too, once in this process: its maker may have died before.
        """
        if folder in self._flushed_folders:
            return
        parent = os.path.dirname(folder)
        if folder != self._root:
            self.require_folder(parent)
        if (
            _make_folder(folder, self._owner) or folder != self._root
        ):  # what is above an existing root is not ours
            flush_folder(parent)
        if len(self._flushed_folders) >= _FOLDERS_REMEMBERED:
            self._flushed_folders.clear()
        self._flushed_folders.add(folder)

    def require_flushed(self, target: str) -> None:
        """Make a name durable that another process may have given and not flushed yet."""
        self.require_folder(os.path.dirname(target))
        flush_folder(os.path.dirname(target))

    def sweep(self, bucket: Bucket) -> None:
        """Remove what crashed writers left aside. Safe beside living writers, in this process and others."""
        folder = self.path(bucket, _ASIDE)
        for last in entries(folder):
            with suppress(FileNotFoundError):  # its writer just finished, or another sweep took it
                _remove_if_abandoned(f"{folder}/{last}")

    def _give(self, name: Callable[[str, str], None], aside: Aside, target: str) -> None:
        """Flush the file and give it its name. A folder that we remember is made anew if a sweep took it."""
        folder = os.path.dirname(target)
        os.fsync(aside.fd)
        self.require_folder(folder)
        try:
            name(aside.path, target)
        except FileNotFoundError:
            self._flushed_folders.discard(folder)
            self.require_folder(folder)
            name(aside.path, target)

    # --- reading ------------------------------------------------------------------------------------------

    def read(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        """A whole small file. NotFoundError "object_unknown", TooLargeError "object_too_large"."""
        try:
            with opened(self.path(bucket, name)) as fd:
                data = read_exactly(fd, limit + 1)
        except FileNotFoundError as error:
            raise NotFoundError("object_unknown") from error
        if len(data) > limit:
            raise TooLargeError("object_too_large", field="object", limit=limit)
        return data


def _owner_below(root: str) -> _Owner:
    """Who is to own what root makes for a service that runs as another user: whose the folder is in which it
    lies. None: who makes it.
    """
    if os.geteuid() != 0:
        return None
    there = next(folder for folder in (Path(root), *Path(root).parents) if folder.exists()).stat()
    return None if there.st_uid == 0 else (there.st_uid, there.st_gid)


def _make_folder(folder: str, owner: _Owner) -> bool:
    try:
        os.mkdir(folder, _FOLDER_MODE)
    except FileExistsError:
        return False
    if owner is not None:
        with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
            os.fchown(fd, *owner)
    return True


def _new_aside(folder: str, owner: _Owner) -> Aside:
    while True:
        path = f"{folder}/{secrets.token_hex(16)}"
        fd = os.open(path, _NEW, _FILE_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if owner is not None:
                os.fchown(fd, *owner)
            if os.fstat(fd).st_nlink:
                return Aside(fd, path)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # a sweep got in between making the file and locking it: take another


def _remove_if_abandoned(path: str) -> None:
    with opened(path, os.O_RDWR) as fd:  # NFS grants an exclusive lock only on a file open for writing
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # its writer lives
        os.unlink(path)  # under the lock: a writer that was about to lock it sees that it is gone


@contextmanager
def opened(path: str, access: int = os.O_RDONLY) -> Iterator[int]:
    """A file descriptor on an existing file or folder, closed at the end. Follows no symbolic link.

    Nor does it wait for a writer where somebody put a pipe; on a file that changes nothing.
    """
    fd = os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def read_exactly(fd: int, length: int) -> bytes:
    """Up to `length` bytes from here on; fewer only at the end of the file."""
    return b"".join(read_chunks(fd, length))


def read_chunks(fd: int, length: int) -> Iterator[bytes]:
    """The next `length` bytes in chunks; fewer only at the end of the file."""
    while length > 0 and (chunk := os.read(fd, min(length, CHUNK_BYTES))):
        length -= len(chunk)
        yield chunk


def flush_folder(folder: str) -> None:
    """Make the names in a folder durable."""
    with opened(folder) as fd:
        os.fsync(fd)


def entries(folder: str) -> list[str]:
    """Sorted names in a folder; none if there is no such folder."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
