"""What is released to everybody, in the folder's public bucket."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from escrow.errors import MalformedError
from escrow.store import names
from escrow.store.disk import Disk
from escrow.store.interface import Bucket

_PUBLIC = Bucket.PUBLIC


class FolderPublisher:
    """Keeps the contract of escrow/store/interface.py `Publisher`."""

    def __init__(self, root: Path) -> None:
        self._disk = Disk(root)

    def publish(self, name: str, chunks: Iterable[bytes], *, length: int) -> bool:
        names.parse_released(name)
        with self._disk.errors(_PUBLIC), self._disk.aside(_PUBLIC) as aside:
            written = 0
            for chunk in chunks:
                written += len(chunk)
                if written > length:
                    break
                aside.write(chunk)
            if written != length:
                raise MalformedError("payload_length_out_of_range", field="length", limit=length)
            return self._disk.publish(aside, self._disk.path(_PUBLIC, name))

    def published(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        names.parse_released(name)
        with self._disk.errors(_PUBLIC):
            return self._disk.stream(_PUBLIC, name, start, stop)

    def published_length(self, name: str) -> int:
        names.parse_released(name)
        with self._disk.errors(_PUBLIC):
            return self._disk.length(_PUBLIC, name)
