"""A copy of the kept case, to do with as a test likes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.kept import KEPT

from escrow.store.opening import Archive, open_archive


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(KEPT, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def archive(root: Path) -> Iterator[Archive]:
    with open_archive(root) as found:
        yield found


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disks with room for anything, whatever this machine has left."""
    room = SimpleNamespace(f_frsize=4096, f_bavail=2**32, f_blocks=2**32, f_files=0)
    monkeypatch.setattr(os, "statvfs", lambda path: room)
