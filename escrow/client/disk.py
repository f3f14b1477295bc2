"""Files on this machine: what the operating system refuses, said in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from escrow.errors import SetupError


@contextmanager
def renamed(code: str) -> Iterator[None]:
    """Foreign disk errors become SetupError `code` (file, reason)."""
    try:
        yield
    except OSError as error:
        file, reason = str(error.filename or ""), error.strerror or type(error).__name__
        raise SetupError(code, file=file, reason=reason) from error


def open_source(path: Path) -> BinaryIO:
    """A file to read from. SetupError `file_unreadable`."""
    with renamed("file_unreadable"):
        return path.open("rb")
