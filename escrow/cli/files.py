"""Files that people name: read with a limit, written once, never over another file without being told to.

What is written here may hold a case key or a share, so every file is of mode 0600; `--force` replaces a
file whole.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from escrow.cli.app import App
from escrow.cli.foreign import printable
from escrow.cli.output import say
from escrow.errors import SetupError, TooLargeError

HEAD = 256 * 1024
"""Bytes, as many as an order may have: its format stands behind its file's name."""
OUT = click.Path(path_type=Path, dir_okay=False)


def read_file(path: Path, *, limit: int, what: str) -> bytes:
    """SetupError `file_unreadable`; TooLargeError `file_too_large` beyond `limit` bytes. `-` is stdin."""
    with _readable(path):
        if str(path) == "-":
            raw = sys.stdin.buffer.read(limit + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(limit + 1)
    if len(raw) > limit:
        raise TooLargeError("file_too_large", field=what, file=str(path), limit=limit)
    return raw


def head(path: Path) -> bytes:
    """Its first bytes, to tell its kind by. SetupError `file_unreadable`."""
    with _readable(path), path.open("rb") as file:
        return file.read(HEAD)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError("file_unreadable", file=str(path), reason=error.strerror or "") from error


def read_text(path: Path, *, limit: int, what: str) -> str:
    """SetupError `file_not_text` when it is not UTF-8."""
    try:
        return read_file(path, limit=limit, what=what).decode()
    except UnicodeDecodeError as error:
        raise SetupError("file_not_text", path=str(path)) from error


def require_free(path: Path, *, force: bool) -> None:
    """SetupError `file_exists`: before any work is done, and with nothing changed."""
    if not force and path.exists():
        raise SetupError("file_exists", file=str(path))


def write_file(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a whole file of mode 0600, or nothing. SetupError `file_exists`, `file_unwritable`."""
    target = path.with_name(f".{path.name}.{secrets.token_hex(4)}") if force else path
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SetupError("file_exists", file=str(path)) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if force:
            target.replace(path)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SetupError:
    return SetupError("file_unwritable", path=str(path), why=error.strerror or "")


def hand_over(app: App, data: bytes, out: Path | None, *, force: bool) -> None:
    """A file for somebody else: into `out`, or on stdout where none was named."""
    if out is None:
        for line in data.decode().rstrip("\n").split("\n"):
            click.echo(printable(line))
        return
    write_file(out, data.rstrip(b"\n") + b"\n", force=force)
    say(app, f"Written to {out}.")
