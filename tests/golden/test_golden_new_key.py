"""A case that an earlier version moved to other keys of its service replays and opens, for ever."""

import json
import re
from pathlib import Path

import pytest

from escrow.client import open_files
from escrow.ledger.audit import audit
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if re.fullmatch(r"new-key-v\d+", path.name))
TEXT = b"Belmarra pays Northquay 2,350,000 by 1 September.\n"


def test_there_is_a_golden_case_that_moved() -> None:
    assert VERSIONS[:1] == ["new-key-v1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_record_released_amid_a_move_opens(version: str, tmp_path: Path) -> None:
    folder = HERE / version
    facts = json.loads((folder / "facts.json").read_text())
    bundle, payload = folder / "bundle.json", folder / "payload"
    opened = open_files(bundle, payload, facts["case"], facts["request"], tmp_path / "out")
    assert opened.path.read_bytes() == TEXT
    assert opened.faults == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_ledger_is_read_under_all_three_keys(version: str) -> None:
    facts = json.loads((HERE / version / "facts.json").read_text())
    lines = (HERE / version / "ledger").read_text().splitlines()
    state: CaseState | None = None
    for line in lines:
        state = extend(state, line)
    assert state is not None
    assert [str(card) for _, card in state.signed] == facts["cards"]
    assert len(set(facts["cards"])) == 3
    assert audit(lines, None, None, case=facts["case"]).faults == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_ledger_without_the_yes_to_the_first_move_does_not_hold(version: str) -> None:
    lines = (HERE / version / "ledger").read_text().splitlines()
    state = extend(None, lines[0])
    first = state.service
    yes = next(n for n, line in enumerate(lines) if n and extend(state, line).service != first)
    found = audit([*lines[:yes], *lines[yes + 1 :]], None, None)
    assert [fault.code for fault in found.faults][:2] == ["entries_missing", "entry_signer_not_in_force"]
