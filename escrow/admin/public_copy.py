"""A downloaded copy of what was published: the public bucket's objects, or the four files of one release."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from escrow.errors import NotFoundError, SetupError
from escrow.store import names
from escrow.store.interface import MIB


class Public(Protocol):
    """Where published objects are read: the part of `Publisher` that writes nothing."""

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]: ...

    def published_length(self, name: str) -> int: ...


class PublicCopy:
    """Objects under their full names, as a bucket's copy has them, or files called like their kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        path = self._find(name)
        return self._chunks(path, start, path.stat().st_size if stop is None else stop)

    def published_length(self, name: str) -> int:
        return self._find(name).stat().st_size

    def _find(self, name: str) -> Path:
        """NotFoundError `object_unknown`."""
        item = names.parse_released(name).item.value
        for path in (self._folder / name, self._folder / "public" / name, self._folder / item):
            if path.is_file():
                return path
        raise NotFoundError("object_unknown")

    def _chunks(self, path: Path, start: int, stop: int) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                file.seek(start)
                while piece := file.read(min(MIB, stop - file.tell())):
                    yield piece
        except OSError as error:
            raise SetupError("file_unreadable", file=path.name, reason=error.strerror or "") from error
