"""`scripts/audit.py`: audit buckets or a copy of them, trusting nothing; put back what somebody hid."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from escrow.cli import endings
from escrow.cli.app import App, pass_app
from escrow.cli.archives import archive, run, storage_options
from escrow.cli.checking import RememberedHead, fault_lines, report_as_json, summary
from escrow.cli.output import answer, say
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId


@click.command()
@click.option("--case", "only", metavar="CASE", help="Only the case whose id begins so.")
@click.option(
    "--known", multiple=True, type=RememberedHead(), help="A head seen before, which must still be there."
)
@click.option("--restore", is_flag=True, help="Put first versions back that somebody overwrote or deleted.")
@click.option("--yes", is_flag=True, help="With --restore: do it. Without, only what would be done is said.")
@storage_options
@pass_app
def audit(
    app: App, /, only: str | None, known: Sequence[tuple[CaseId, Head]], restore: bool, yes: bool,
    **where: Path | None,
) -> None:  # fmt: skip
    """Audit every case of the storage: chain, signatures, dealings, share objects, payloads, locks, versions.

    Needs no service and no key, and with the credential "audit" it can change nothing. --restore needs the
    credential "restore". Ends with code 5 if anything is wrong.
    """
    from escrow.admin.store_audit import audit_store

    faulty = 0
    with archive(**where) as found:
        if restore:
            _restore(app, found, only, yes=yes)
        for report in audit_store(found, only, at=app.clock(), known=dict(known)):
            say(app, *fault_lines(report))
            faulty += bool(report.faults)
            if app.as_json:
                click.echo(json.dumps(report_as_json(report)))
            else:
                answer(app, summary(report), {})
    if faulty:
        raise click.exceptions.Exit(endings.FORGED)


def _restore(app: App, found: Any, only: str | None, *, yes: bool) -> None:
    from escrow.admin.cases import cases
    from escrow.admin.first_versions import hidden_objects, restore

    if found.versions is None:
        say(app, "This storage keeps no versions: nothing can be put back.")
        return
    for case in cases(found.store):
        if only is not None and not case.startswith(only):
            continue
        for one in hidden_objects(found.versions, case):
            if yes:
                restore(found.versions, one)
            facts = {"deed": "restored" if yes else "would_restore", "object": one.name, "was": one.how.value}
            click.echo(json.dumps(facts)) if app.as_json else answer(
                app, f"{facts['deed']}: {one.name} ({one.how})", facts
            )


def main() -> None:
    """The entry point of scripts/audit.py."""
    run(audit, "audit.py")
