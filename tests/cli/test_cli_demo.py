"""The demo stops when something is not as it must be, and its search for plain text finds what is there."""

import base64
from pathlib import Path

import click
import pytest

from escrow.cli.demo_stage import Stage, holds


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_plain_text_is_found_under_layers_of_base64(layers: int) -> None:
    raw = b'{"title": "Settlement of 20 March"}'
    for _ in range(layers):
        raw = b"header." + base64.urlsafe_b64encode(raw).rstrip(b"=") + b".signature"
    assert holds(raw, "Settlement of 20 March")
    assert not holds(raw, "Settlement of 21 March")


def test_a_command_that_ends_otherwise_stops_the_demo(tmp_path: Path) -> None:
    stage = Stage(tmp_path, quiet=True)
    with pytest.raises(click.ClickException, match="went wrong"):
        stage.run("anybody", "card")


def test_a_refusal_that_does_not_come_stops_the_demo(tmp_path: Path) -> None:
    stage = Stage(tmp_path, quiet=True)
    with pytest.raises(click.ClickException, match="ended with 0 instead of 4"):
        stage.run("anybody", "keygen", status=4)
