"""What the room's tests share."""

from pathlib import Path

import pytest
from cli.desk import Table


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    for name in ("ESCROW_HOME", "ESCROW_IDENTITY", "ESCROW_SERVICE", "ESCROW_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return Table(tmp_path)
