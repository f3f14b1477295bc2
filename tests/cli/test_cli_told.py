"""What the program tells people to type can be typed: commands in the words of errors and findings."""

import re

import click
import pytest

from escrow.cli.main import cli
from escrow.cli.minio_script import minio
from escrow.cli.release_script import release
from escrow.words import WORDS

PROGRAMS = {"escrow": cli, "scripts/minio": minio, "scripts/release.py": release}
TOLD = sorted(
    {
        (program, verb)
        for row in WORDS.values()
        for program, verb in re.findall(
            r"(?<!\w)(escrow|scripts/minio|scripts/release\.py) (?!command\b)([a-z-]+)", str(row)
        )
    }
)


@pytest.mark.parametrize(("program", "verb"), TOLD)
def test_command_that_people_are_told_and_that_does_not_exist(program: str, verb: str) -> None:
    group = PROGRAMS[program]
    assert verb in group.list_commands(click.Context(group))
