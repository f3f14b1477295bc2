"""`scripts/audit.py`: audit buckets or a copy of them, trusting nothing; put back what somebody hid."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from escrow.cli import endings, show
from escrow.cli.app import App, pass_app
from escrow.cli.archives import archive, run, storage_options
from escrow.cli.bars import case_bar
from escrow.cli.checking import RememberedHead, counted, fault_lines, report_as_json, summary
from escrow.cli.output import answer, say
from escrow.errors import UnavailableError
from escrow.ledger.audit import AuditReport
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId

EPILOG = """\b
Exit codes: 0 everything is sound (warnings may have been told); 2 wrong usage; 5 there are faults;
6 no such case, or none at all; 7 storage unreachable; 8 a setting or file here; 130 interrupted.

\b
Where the storage is:   --config service/service.toml --credentials audit.json
A folder:               --store FOLDER, with ledger, records and public in it, as `mc mirror` copies buckets

A fault: something is false, missing, hidden, or published that should not be. A warning: nothing is lost
yet (a lock that is missing or short, a strange object, a publication that was not finished).
"""


_HIDDEN = ("object_overwritten", "object_deleted")


class CaseStart(click.ParamType[str]):
    """The id of a case, or how it begins."""

    name = "CASE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not 1 <= len(value) <= 64 or value.strip("0123456789abcdef"):
            self.fail("write the id of a case, or how it begins", param, ctx)
        return value


@click.command(epilog=EPILOG)
@click.option("--case", "only", type=CaseStart(), help="Only the cases whose ids begin so.")
@click.option(
    "--from", "start", type=CaseStart(),
    help="Begin with this case: cases go by their ids, and an interrupted run says how to go on.",
)  # fmt: skip
@click.option(
    "--known", multiple=True, type=RememberedHead(), help="A head seen before, which must still be there."
)
@click.option("--restore", is_flag=True, help="Put first versions back that somebody overwrote or deleted.")
@click.option("--yes", is_flag=True, help="With --restore: do it. Without, only what would be done is said.")
@storage_options
@pass_app
def audit(
    app: App, /, only: str | None, start: str | None, known: Sequence[tuple[CaseId, Head]],
    restore: bool, yes: bool, **where: Path | None,
) -> None:  # fmt: skip
    """Audit every case of the storage: chain, signatures, dealings, share objects, payloads, locks, versions,
    publications.

    Needs no service and no key, and with the credential "audit" it can change nothing. --restore needs the
    credential "restore". Ends with code 5 if anything is wrong.
    """
    from escrow.admin.store_audit import audit_store

    tally, start = _Tally(), start or ""
    with archive(**where) as found:
        if restore:
            _restore(app, found, only or "", start, yes=yes)
        try:
            with case_bar(app, start=start, whole=only is None) as bar:

                def progress(case: CaseId, entries: int) -> None:
                    tally.at = case
                    bar.seen(case, entries)

                for report in audit_store(
                    found, only, at=app.clock(), known=dict(known), start=start, progress=progress
                ):
                    with bar.above():
                        _tell(app, report)
                    tally.take(report)
        except (KeyboardInterrupt, UnavailableError):
            _unfinished(app, tally)
            raise
    _conclude(app, tally, complete=True)
    say(app, *_remedies(tally, restored=restore))
    if tally.faults:
        raise click.exceptions.Exit(endings.FORGED)


@dataclass(slots=True)
class _Tally:
    """What was found so far. `at`: the case at hand. `hidden`: of the faults, those that --restore mends."""

    began: float = field(default_factory=time.monotonic)
    at: CaseId = ""
    cases: int = 0
    entries: int = 0
    records: int = 0
    faults: int = 0
    hidden: int = 0
    warnings: int = 0

    def take(self, report: AuditReport) -> None:
        self.cases += report.case is not None
        self.entries += report.entries
        self.records += report.records
        self.faults += len(report.faults)
        self.hidden += sum(fault.code in _HIDDEN for fault in report.faults)
        self.warnings += len(report.warnings)


def _tell(app: App, report: AuditReport) -> None:
    of = "" if report.case is None else f"Case {show.short(report.case)}, "
    say(app, *fault_lines(report, of=of))
    if app.as_json:
        click.echo(json.dumps(report_as_json(report)))
    elif report.case is not None:
        answer(app, summary(report), {})


def _conclude(app: App, tally: _Tally, *, complete: bool) -> None:
    seconds = time.monotonic() - tally.began
    if app.as_json:
        counts = {
            name: getattr(tally, name) for name in ("cases", "entries", "records", "faults", "warnings")
        }
        then = {} if complete else {"next": tally.at or None}
        click.echo(
            json.dumps({"summary": {**counts, "seconds": round(seconds, 1), "complete": complete, **then}})
        )
        return
    none = "no faults" if complete else "no faults yet"
    found = counted(tally.faults, "FAULT") if tally.faults else none
    begin = "" if complete else "not finished, so far "
    answer(
        app,
        f"{begin}{counted(tally.cases, 'case')}, {tally.entries} entries,"
        f" {counted(tally.records, 'record')}: {found}, {counted(tally.warnings, 'warning')},"
        f" in {seconds:.0f} s",
        {},
    )


def _remedies(tally: _Tally, *, restored: bool) -> Iterator[str]:
    """What can be done about the faults."""
    if tally.hidden and not restored:
        yield "What was overwritten or deleted is still there below, and is put back by --restore."
    if tally.faults > tally.hidden:
        yield "What is missing or false may be whole in a backup: see infra/guides/backup.md."


def _unfinished(app: App, tally: _Tally) -> None:
    """What is known so far, and how to go on."""
    _conclude(app, tally, complete=False)
    if tally.at:
        say(app, f"Not finished. To go on, add: --from {tally.at}")


def _restore(app: App, found: Any, only: str, start: str, *, yes: bool) -> None:
    from escrow.admin.first_versions import hidden_objects, restore

    if found.versions is None:
        say(app, "This storage keeps no versions: nothing can be put back.")
        return
    for one in hidden_objects(found, only, start=start):
        if yes:
            restore(found.versions, one)
        deed = "restored" if yes else "would_restore"
        if app.as_json:
            click.echo(json.dumps({"deed": deed, "object": one.name, "was": one.how.value}))
        else:
            answer(app, f"{deed.replace('_', ' ')}: {one.name} ({one.how})", {})


def main() -> None:
    """The entry point of scripts/audit.py."""
    run(audit, "audit.py")
