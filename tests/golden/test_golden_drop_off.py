"""A record that an earlier version dropped off opens for ever, from two files and no key."""

import json
import re
from pathlib import Path

import pytest

from escrow.client import open_files
from escrow.client.drop_off import DropOff
from escrow.errors import ForgedError

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if re.fullmatch(r"drop-off-v\d+", path.name))
TEXT = b"Belmarra pays Northquay 2,350,000 by 1 September.\n"


def test_there_is_a_golden_drop_off() -> None:
    assert VERSIONS[:1] == ["drop-off-v1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_dropped_off_opens(version: str, tmp_path: Path) -> None:
    folder = HERE / version
    facts = json.loads((folder / "facts.json").read_text())
    opened = open_files(
        folder / "bundle.json", folder / "payload", facts["case"], facts["request"], tmp_path / "out"
    )
    assert opened.path.read_bytes() == TEXT
    assert opened.depositor.fingerprint == facts["depositor"]
    assert opened.faults == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_payload_of_a_drop_off_with_a_changed_byte_does_not_open(version: str, tmp_path: Path) -> None:
    folder = HERE / version
    facts = json.loads((folder / "facts.json").read_text())
    payload = bytearray((folder / "payload").read_bytes())
    payload[7] ^= 1
    (tmp_path / "payload").write_bytes(payload)
    with pytest.raises(ForgedError):
        open_files(
            folder / "bundle.json", tmp_path / "payload", facts["case"], facts["request"], tmp_path / "out"
        )


@pytest.mark.parametrize("version", VERSIONS)
def test_order_is_still_read(version: str) -> None:
    facts = json.loads((HERE / version / "facts.json").read_text())
    raw = (HERE / version / "order.json").read_bytes()
    made = DropOff.load(raw)
    assert (made.case, made.dump()) == (facts["case"], raw)
