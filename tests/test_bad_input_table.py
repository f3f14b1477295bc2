"""The table of bad inputs in tests/README.md names tests that exist."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMED = re.findall(r"`((?:test|contract)_\w+\.py)::(test_\w+)`", (HERE / "README.md").read_text())


def test_table_names_tests() -> None:
    assert len(NAMED) > 50


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)), ids="::".join)
def test_test_that_the_table_names_is_there(file: str, test: str) -> None:
    (path,) = HERE.rglob(file)
    assert f"def {test}(" in path.read_text()
