"""The command line `escrow`: the table of verbs, grouped by who uses them, and the one place where a run
ends.

No verb is imported before it is called, so `escrow --help` costs little more than Python itself. Errors
become two lines for people (or one JSON line) and an exit code in `endings.py`; what a verb may ask of
its surroundings stands in `app.py`. The command line uses `escrow.client` and nothing below it to talk to
a service.
"""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from escrow.cli import endings
from escrow.cli.app import App, shared_options
from escrow.cli.verbs import SECTIONS, load

EPILOG = """\b
Exit codes: 0 done, 1 you said no, 2 wrong usage, 3 malformed, 4 refused by the rules,
5 forged or damaged (someone is at fault), 6 not found or not yours, 7 service unreachable or busy,
8 a file or setting on this machine.

\b
stdout is data, stderr is for people; --json gives stable keys. Ids of cases, records and
requests may be cut to their first 6 or more characters.

\b
Start with `escrow keygen`, or watch `escrow demo`.
"""


class Root(click.Group):
    """All verbs, loaded when they are called, listed by who uses them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for _, rows in SECTIONS for name in rows]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in SECTIONS:
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, line in rows.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:  # noqa: BLE001  # the last stop: a person gets words, never a traceback
            app = ctx.ensure_object(App)
            app.name_service(error)
            ctx.exit(endings.report(error, as_json=app.as_json))

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run, and end the process with the exit code of `endings`."""
        never_fail_to_print()
        given = list(sys.argv[1:] if args is None else args)
        extra |= {"standalone_mode": False, "prog_name": "escrow"}
        try:
            code = super().main(given, **extra)
        except Exception as error:  # noqa: BLE001  # what is wrong before any verb is known
            code = endings.report(error, as_json=False)
        sys.exit(code if isinstance(code, int) else 0)


def never_fail_to_print() -> None:
    """What a terminal's encoding does not have is shown as a question mark; it ends no run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


@click.group(cls=Root, epilog=EPILOG, context_settings={"max_content_width": 100})
@click.version_option(package_name="escrow", message="escrow %(version)s")
@shared_options
def cli() -> None:
    """Negotiation records that nobody can open until enough of the parties sign off."""


def main() -> None:
    """The entry point of the installed program."""
    cli.main()
