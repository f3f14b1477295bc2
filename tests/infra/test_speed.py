"""infra/guides/speed.md and its figures: what is promised was measured. `.ci/run` makes the page anew."""

import ast
import json
from pathlib import Path

import pytest
from support.guides import REPOSITORY

PARTS = REPOSITORY / "scripts/bench_parts"
KEPT = sorted((REPOSITORY / "infra/guides/plots").glob("*.json"))


def limits(part: str) -> dict[str, list[object]]:
    """What a part of the bench promises, as it stands in its source."""
    for node in ast.parse((PARTS / f"{part}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LIMITS":
            return {name: list(limit) for name, limit in ast.literal_eval(node.value).items()}
    raise AssertionError(part)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_promise_that_was_changed_and_not_measured_since(path: Path) -> None:
    kept = json.loads(path.read_text())
    part = kept["command"].split()[1]
    assert kept["limits"] == limits(part)
    assert set(kept["limits"]) <= set(kept["figures"])


def test_promise_of_which_no_figure_was_kept() -> None:
    promising = {path.stem for path in PARTS.glob("*.py") if "\nLIMITS = " in path.read_text()}
    assert promising == {json.loads(path.read_text())["command"].split()[1] for path in KEPT}
