"""What the room's tests share."""

from pathlib import Path

import pytest
from client.honest import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
