"""`scripts/sweep.py`: remove what uploads left behind, or lengthen retentions that are too short."""

import json
from datetime import timedelta
from pathlib import Path

import click

from escrow.cli.app import App, pass_app
from escrow.cli.archives import archive, run, storage_options
from escrow.cli.deed_log import SOME_FAILED
from escrow.cli.output import answer, say, size


@click.command()
@click.option(
    "--stale-days", type=click.IntRange(1, 3650), default=7, show_default=True, help="Older uploads go."
)
@click.option("--mend", is_flag=True, help="Lengthen retentions instead; needs the credential `restore`.")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be done is said.")
@storage_options
@pass_app
def sweep(app: App, /, stale_days: int, mend: bool, yes: bool, **where: Path | None) -> None:
    """Remove uploads that were given up, and payloads that no entry names. The service may be running.

    Never removes what an entry names, nor what is retained. Needs the credential "sweep".
    """
    from escrow.admin.sweep import LeftAlone, carry_out, find_short, find_stale
    from escrow.words import describe

    left = 0
    with archive(**where) as found:
        stale = timedelta(days=stale_days)
        every = (
            find_short(found, clock=app.clock) if mend else find_stale(found, clock=app.clock, stale=stale)
        )
        for one in every:
            if isinstance(one, LeftAlone):
                left += 1
                words = describe(one.error)
                say(app, f"left alone: case {one.case[:12]}: {words.detail}")
                if app.as_json:
                    click.echo(json.dumps({"deed": "left_alone", "case": one.case, "code": one.error.code}))
                continue
            done = carry_out(found, one) if yes else None
            said = {None: "would", True: "did", False: "not any more:"}[done]
            facts = {
                "deed": one.deed.value,
                "case": one.case,
                "upload": one.upload,
                "bytes": one.length,
                "done": done,
            }
            line = f"{said} {one.deed.value}: {one.case[:12]} {one.upload[:12]}"
            line += f", {size(one.length)}, {one.age.days} days"
            click.echo(json.dumps(facts)) if app.as_json else answer(app, line, facts)
    if not yes:
        say(app, "Nothing was changed. Say --yes to do it.")
    if left:
        raise click.exceptions.Exit(SOME_FAILED)


def main() -> None:
    """The entry point of scripts/sweep.py."""
    run(sweep, "sweep.py")
