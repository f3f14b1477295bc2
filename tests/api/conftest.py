"""One service for each test."""

from pathlib import Path

import pytest
from support.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)
