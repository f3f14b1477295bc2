"""Watch and break the system calls of the folder store, one by one.

`Calls` stands in for the functions of `os` and `fcntl` that the store uses. It counts them, calls
`before(number)` ahead of each, and keeps the books of a power cut: which files and folders hold something
that was not flushed.
"""

import fcntl
import os
from collections.abc import Callable
from typing import Any, Final

import pytest

_WATCHED: Final = (
    "open",
    "write",
    "read",
    "pread",
    "fsync",
    "link",
    "rename",
    "mkdir",
    "unlink",
    "rmdir",
    "close",
    "stat",
    "fstat",
    "lseek",
    "listdir",
    "scandir",
)


class Calls:
    """The system calls between `with` and its end, numbered from 1."""

    def __init__(self, before: Callable[[int], None] = lambda number: None) -> None:
        self._before = before
        self._patch = pytest.MonkeyPatch()
        self.count = 0
        self.made: list[str] = []
        self.unflushed: set[int] = set()  # inodes of files and folders that a power cut would rob
        self.flushed: list[int] = []
        self.named_unflushed: list[str] = []  # files that got their name before their bytes were flushed

    def __enter__(self) -> "Calls":
        for call in _WATCHED:
            self._patch.setattr(os, call, self._watch(call, getattr(os, call)))
        self._patch.setattr(fcntl, "flock", self._watch("flock", fcntl.flock))
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def _watch(self, call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            self.made.append(call)
            self._before(self.count)
            answer = real(*args, **kwargs)
            self._book(call, args)
            return answer

        return watched

    def _book(self, call: str, args: tuple[Any, ...]) -> None:
        if call == "write":
            self.unflushed.add(_inode(args[0]))
        elif call == "fsync":
            self.unflushed.discard(_inode(args[0]))
            self.flushed.append(_inode(args[0]))
        elif call == "mkdir":
            self.unflushed.add(_inode(os.path.dirname(args[0])))
        elif call in ("link", "rename"):
            if _inode(args[1]) in self.unflushed:
                self.named_unflushed.append(args[1])
            self.unflushed.add(_inode(os.path.dirname(args[1])))


_real_stat, _real_fstat = os.stat, os.fstat


def _inode(where: str | int) -> int:
    return _real_fstat(where).st_ino if isinstance(where, int) else _real_stat(where).st_ino
