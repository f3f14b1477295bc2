"""`scripts/release.py`: releases from storage alone, for administrators."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from escrow.cli.app import App, pass_app
from escrow.cli.archives import FILE, FOLDER, archive, run, storage_options
from escrow.cli.bars import progress
from escrow.cli.carrying import Release, write_label
from escrow.cli.output import answer, moment, say
from escrow.errors import EscrowError

SOME_FAILED = 9
"""Exit code of a run over several releases of which some failed; the others were done."""


@click.group()
def release() -> None:
    """Release records from the storage alone: the service may be switched off, or gone.

    \b
    What it reads, and what it writes (the public bucket only), needs the credential "release".
    Start with:   scripts/release.py due
    """


@release.command()
@click.option("--case", "begins", metavar="CASE", help="Only the case whose id begins so.")
@storage_options
@pass_app
def due(app: App, /, begins: str | None, **where: Path | None) -> None:
    """List every released request, and what there is to do about it."""
    from escrow.admin.release import Damaged, Standing
    from escrow.admin.release import due as find

    failed = 0
    with archive(**where) as found:
        for one in find(found, _case(found, begins)):
            if isinstance(one, Damaged):
                failed += 1
                _tell_failure(app, {"case": one.case}, one.error)
                continue
            about = {"case": one.case, "request": one.request, "record": one.record, "path": one.path}
            line = f"{one.standing.value:13}  {one.case[:12]}  {one.request[:12]}  {one.path}"
            line += f"  {moment(one.released_at)}"
            if one.standing is Standing.TO_HAND:
                line += "  for " + (", ".join(reader[:12] for reader in one.readers) or "its seats")
            _tell(app, line, about | {"standing": one.standing.value, "readers": list(one.readers)})
    _end(failed)


@release.command()
@click.argument("case", required=False)
@click.argument("request", required=False)
@click.option("--due", "all_due", is_flag=True, help="All that is due, instead of one CASE and REQUEST.")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be done is said.")
@click.option(
    "--log", type=FILE, metavar="FILE", help="Append what was done to this file, a JSON line for each deed."
)
@click.option(
    "--work", type=FOLDER, metavar="FOLDER", help="Where payloads and documents gather.  [default: temporary]"
)
@storage_options
@pass_app
def publish(
    app: App, /, case: str | None, request: str | None, all_due: bool, yes: bool, log: Path | None,
    work: Path | None, **where: Path | None,
) -> None:  # fmt: skip
    """Publish a release for everybody: document, payload, bundle and manifest, into the public bucket.

    Everything is verified first. Harmless to repeat, to interrupt, and for two people to do at once. For a
    timer: publish --due --yes
    """
    if all_due == (case is not None) or (not all_due and request is None):
        raise click.UsageError("Name CASE and REQUEST, or say --due.")
    failed = 0
    with archive(**where) as found:
        for one in _wanted(app, found, case, request):
            if isinstance(one, EscrowError):
                failed += 1
                continue
            about = {"case": one[0], "request": one[1]}
            if not yes:
                _tell(app, f"would publish {one[0][:12]} {one[1][:12]}", about | {"deed": "would_publish"})
                continue
            try:
                with _folder(work, one[1]) as folder, progress(app) as bar:
                    from escrow.admin.release import publish as put

                    done = put(found, *one, folder, clock=app.clock, progress=bar)
            except EscrowError as error:
                if not all_due:
                    raise
                failed += 1
                _log(log, _tell_failure(app, about, error))
                continue
            deed = "published" if done.new else "was published already"
            facts = about | {
                "deed": deed,
                "written": [item.value for item in done.new],
                "record": done.manifest.record,
            }
            _tell(
                app, f"{deed}: {one[0][:12]} {one[1][:12]}  ({done.manifest.document.length:,} bytes)", facts
            )
            _log(log, facts)
    if not yes:
        say(app, "Nothing was written. Say --yes to do it.")
    _end(failed)


@release.command()
@click.argument("case")
@click.argument("request")
@click.option("--out", type=FOLDER, required=True, metavar="FOLDER", help="Where bundle and payload go.")
@storage_options
@pass_app
def hand(app: App, /, case: str, request: str, out: Path, **where: Path | None) -> None:
    """Hand a named reader a folder that `escrow open FOLDER` opens, with the reader's identity."""
    from escrow.admin.release import hand as write

    with archive(**where) as found, progress(app) as bar:
        one = _one(found, case, request)
        verified = write(found, *one, out, progress=bar)
    write_label(out, Release(service="", case=one[0], request=one[1]))
    readers = [ticket.card.fingerprint for ticket in verified.request.tickets]
    say(app, "Only these readers can open it: " + (", ".join(readers) or "everybody"))
    answer(app, str(out), {"case": one[0], "request": one[1], "folder": str(out), "readers": readers})


@release.command()
@click.argument("case")
@click.argument("request")
@click.option("--work", type=FOLDER, metavar="FOLDER", help="Where the copies gather.  [default: temporary]")
@storage_options
@pass_app
def check(app: App, /, case: str, request: str, work: Path | None, **where: Path | None) -> None:
    """Check a published release with nothing but the public bucket (whole CASE and REQUEST)."""
    from escrow.admin.release_check import check as look

    with archive(**where) as found, _folder(work, request) as folder:
        manifest = look(found, case, request, folder)
    holds = (
        f"It holds: {manifest.filename!r}, {manifest.document.length:,} bytes, signed off by "
        + ", ".join(manifest.signed_off)
    )
    answer(app, holds, {"case": case, "request": request, "document": manifest.document.sha256})


def _wanted(
    app: App, found: Any, case: str | None, request: str | None
) -> Iterator[tuple[str, str] | EscrowError]:
    """What to publish; a case that is damaged is told, and the others are gone on with."""
    from escrow.admin.release import Damaged, Standing, due

    if case is not None and request is not None:
        yield _one(found, case, request)
        return
    for one in due(found):
        if isinstance(one, Damaged):
            _tell_failure(app, {"case": one.case}, one.error)
            yield one.error
        elif one.standing is Standing.TO_PUBLISH:
            yield one.case, one.request


def _case(found: Any, begins: str | None) -> str | None:
    from escrow.admin.cases import find_case

    return None if begins is None else find_case(found.store, begins)


def _one(found: Any, case: str, request: str) -> tuple[str, str]:
    """Ids in full for those that were cut short."""
    from escrow.admin.cases import find_case, replay
    from escrow.errors import NotFoundError, RefusedError

    whole = find_case(found.store, case)
    known = [one for one in replay(found.store, whole).requests if one.startswith(request)]
    if not known:
        raise NotFoundError("request_unknown", request=request)
    if len(known) > 1:
        raise RefusedError("request_ambiguous", first=known[0], second=known[1])
    return whole, known[0]


@contextmanager
def _folder(work: Path | None, request: str) -> Iterator[Path]:
    """A folder of this request's own; a temporary one is removed."""
    if work is not None:
        yield work / request
        return
    with tempfile.TemporaryDirectory(prefix="escrow-release-") as folder:
        yield Path(folder) / request


def _tell(app: App, line: str, facts: dict[str, Any]) -> None:
    """One line for each deed, also for programs."""
    click.echo(json.dumps(facts)) if app.as_json else answer(app, line, facts)


def _tell_failure(app: App, about: dict[str, Any], error: EscrowError) -> dict[str, Any]:
    from escrow.words import describe

    words = describe(error)
    facts = about | {"deed": "failed", "code": error.code, "message": words.detail}
    if app.as_json:
        click.echo(json.dumps(facts))
    else:
        say(app, f"FAILED  {about['case'][:12]}: {words.detail}  {words.remedy}")
    return facts


def _log(log: Path | None, facts: dict[str, Any]) -> None:
    if log is not None:
        with log.open("a") as sink:
            sink.write(json.dumps(facts) + "\n")


def _end(failed: int) -> None:
    if failed:
        raise click.exceptions.Exit(SOME_FAILED)


def main() -> None:
    """The entry point of scripts/release.py."""
    run(release, "release.py")
