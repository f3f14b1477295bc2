"""Help that a person can find their way in, and a table of verbs that says what the verbs say."""

import subprocess
import sys

import click
import pytest
from cli.desk import Table

from escrow.cli.main import cli
from escrow.cli.verbs import SECTIONS, load

VERBS = [name for _, rows in SECTIONS for name in rows]


@pytest.mark.parametrize("name", VERBS)
def test_a_verbs_line_in_the_table_is_the_first_sentence_of_its_help(name: str) -> None:
    command = load(name)
    assert command is not None
    line = next(rows[name] for _, rows in SECTIONS if name in rows)
    assert (command.help or "").splitlines()[0] == line


def test_help_lists_every_verb_under_those_who_use_it(table: Table) -> None:
    shown = table.person("anybody", keyless=True).out("--help")
    for title, rows in SECTIONS:
        assert f"{title}:" in shown
        for name in rows:
            assert f"  {name} " in shown


def test_help_loads_neither_client_nor_network() -> None:
    program = (
        "import sys\nfrom escrow.cli.main import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    assert "escrow.cli.main" in loaded
    assert not loaded & {"escrow.client", "requests", "rich", "flask", "nacl", "cryptography"}


def test_every_verb_takes_the_shared_options_before_and_after(table: Table) -> None:
    claimant = table.person("claimant")
    assert claimant.type("--json", "card").stdout == claimant.type("card", "--json").stdout


def _commands(command: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            found += _commands(inner, (*path, name))
    return found


def test_every_option_and_verb_has_help() -> None:
    for path, command in _commands(cli, ("escrow",)):
        assert command.help, path
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.help or param.name in ("seat",), (path, param.name)
