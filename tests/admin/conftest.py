"""A copy of the kept case, to do with as a test likes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

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
