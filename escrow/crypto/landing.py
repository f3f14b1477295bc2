"""A file that appears under its name whole, or not at all.

The one file of this room that knows a disk, because opening a payload is only safe with it: what is decrypted
first must not be read by anybody before the last chunk has been authenticated. Bytes go to a hidden file with
a random name in the same folder, mode 0600; leaving the block without an error gives it its name, leaving it
with one, Ctrl-C included, removes it. Nothing is synced to the disk: what is lost with the power can be
opened again. SIGKILL leaves the hidden `.….part` file behind.
"""

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from escrow.errors import RefusedError, SetupError

_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class _Part(io.FileIO):
    """The hidden file. Its errors are this machine's (a full disk), not the payload's: they get our name."""

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]  # the base class takes any buffer
        except OSError as error:
            raise _not_written(error) from error


@contextmanager
def landing(path: Path, *, overwrite: bool = False) -> Iterator[io.FileIO]:
    """Gives an unbuffered file for writing that becomes `path` at the end of the block.

    RefusedError `file_exists` at once, and again at the end, where `path` exists and `overwrite` is false;
    SetupError `file_not_written` with the system's `reason`.
    """
    if not overwrite and os.path.lexists(path):
        raise RefusedError("file_exists", file=path.name)
    try:
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    except OSError as error:
        raise _not_written(error) from error
    try:
        with _Part(descriptor, "wb") as part:
            yield part
        _give_name(name, path, overwrite=overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _give_name(part: str, path: Path, *, overwrite: bool) -> None:
    try:
        if overwrite:
            os.replace(part, path)
        else:
            _link(part, path)
    except FileExistsError:
        raise RefusedError("file_exists", file=path.name) from None
    except OSError as error:
        raise _not_written(error) from error


def _link(part: str, path: Path) -> None:
    """Name it only if nobody has the name: a link refuses, where a rename would overwrite."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A memory stick (exFAT) has no links. Take the name first, then replace what is provably ours.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.replace(part, path)


def _not_written(error: OSError) -> SetupError:
    return SetupError("file_not_written", reason=os.strerror(error.errno or 0))
