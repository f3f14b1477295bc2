"""Check a whole case, trusting nothing: through its service, or from a copy of its store."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from escrow.cli import endings, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.archives import require_store
from escrow.cli.bars import progress
from escrow.cli.foreign import brief, one_line
from escrow.cli.names import full_case
from escrow.cli.output import answer, say
from escrow.errors import EscrowError, SetupError
from escrow.ledger.audit import AuditReport, Fault
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId
from escrow.words import describe
from escrow.words.faults import FAULTS
from escrow.words.fingerprint import groups


class RememberedHead(click.ParamType[tuple[CaseId, Head]]):
    """`CASE:N:HASH`, as `escrow --json case show` and every audit tell them."""

    name = "CASE:N:HASH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = re.fullmatch(r"([0-9a-f]{64}):([0-9]{1,10}):([0-9a-f]{64})", value)
        if found is None:
            self.fail("write CASE:N:HASH, with whole ids", param, ctx)
        return found[1], Head(n=int(found[2]), hash=found[3])


@click.command(cls=Verb)
@click.argument("case")
@pass_app
def verify(app: App, case: str) -> None:
    """Check a whole case through its service.

    Fetches the history anew and checks it from the case's id on: every signature, the chain, every rule,
    every sealing, and what was handed over for every release. Ends with code 5 if anything is wrong.
    """
    case = full_case(app, case)
    report = app.session(app.service_of(case)).audit(case)
    not_fetched = f"payloads not fetched (escrow audit {show.short(case)} does)"
    _conclude(app, [report], then=not_fetched)


@click.command(cls=Verb)
@click.argument("what", metavar="CASE|FOLDER")
@click.option("--case", "only", metavar="CASE", help="Of a folder, only this case.")
@click.option(
    "--known",
    multiple=True,
    type=RememberedHead(),
    help="Of a folder: a case's head seen before, which must still be there. Repeatable.",
)
@pass_app
def audit(app: App, what: str, only: str | None, known: Sequence[tuple[CaseId, Head]]) -> None:
    """Audit a case or a downloaded store, fault by fault.

    With CASE, like `verify`, and every payload is fetched and hashed too. With FOLDER (a store, or a copy
    of one), every case in it, without any service or key. A folder cannot tell that its newest entries
    were taken off, unless --known says how far they went. Ends with code 5 if anything is wrong.
    """
    if Path(what).is_dir():
        from escrow.admin.store_audit import audit_store
        from escrow.store.opening import open_archive

        require_store(Path(what))
        with open_archive(Path(what)) as found:
            _conclude(app, list(audit_store(found, only, at=app.clock(), known=dict(known))))
        return
    if "/" in what:
        raise SetupError("store_folder_missing", path=what)
    case = full_case(app, what)
    with progress(app) as shown:
        report = app.session(app.service_of(case)).audit(case, payloads=True, progress=shown)
    _conclude(app, [report])


def _conclude(app: App, reports: Sequence[AuditReport], *, then: str = "") -> None:
    say(app, *(line for report in reports for line in fault_lines(report)))
    lines = [*map(summary, reports), *([then] if then else [])]
    answer(app, lines, {"cases": [report_as_json(report) for report in reports]})
    if any(report.faults for report in reports):
        raise click.exceptions.Exit(endings.FORGED)


def summary(it: AuditReport) -> str:
    name = "no case" if it.case is None else f"case {show.short(it.case)}"
    found = "sound" if not it.faults else counted(len(it.faults), "FAULT")
    warned = f", {counted(len(it.warnings), 'warning')}" if it.warnings else ""
    seen = 0 if it.state is None else sum(one.ordered is not None for one in it.state.records.values())
    dropped = f" ({seen} dropped off: the service saw them)" if seen else ""
    return f"{name}: {it.entries} entries, {it.records} records{dropped}: {found}{warned}"


def counted(count: int, what: str) -> str:
    """`1 FAULT`, `2 FAULTS`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}{'S' if what.isupper() else 's'}"


def fault_lines(it: AuditReport, *, of: str = "") -> Iterable[str]:
    """A line for each fault and warning. `of`: words that say which case, where there are several."""
    for word, found in (("", it.faults), ("Warning: ", it.warnings)):
        for one in found:
            words = FAULTS.get(one.code) or describe(EscrowError(one.code, **one.fields)).detail
            blame = f" At fault: {groups(one.party)}." if one.party else ""
            follows = "" if one.follows is None else f" This may follow from entry {one.follows}."
            where = _where(one)
            where = f"{of}{where}" if of else where[0].upper() + where[1:]
            yield one_line(f"{word}{where}: {words} ({one.code}){blame}{follows}")


def _where(one: Fault) -> str:
    """What it is about: an object, a publication, or else the entry at which it was found."""
    name, request = one.fields.get("object"), one.fields.get("request")
    if one.code == "object_foreign":
        return f"{one.fields['kind']} in {one.fields['bucket']}, {brief(str(name), columns=200)}"
    if one.code.startswith("publication_"):
        reason = f", {one.fields['reason']}" if "reason" in one.fields else ""
        return f"publication of request {show.short(str(request))}{reason}"
    return f"entry {one.n}" if name is None else f"object {name}"


def report_as_json(it: AuditReport) -> dict[str, Any]:
    return {
        "case": it.case,
        "head": None if it.head is None else it.head.emit(),
        "entries": it.entries,
        "records": it.records,
        "sound": not it.faults,
        "faults": [_fault(one) for one in it.faults],
        "warnings": [_fault(one) for one in it.warnings],
    }


def _fault(it: Fault) -> dict[str, Any]:
    return {
        "code": it.code,
        "n": it.n,
        "party": it.party or None,
        "fields": dict(it.fields),
        "follows": it.follows,
    }
