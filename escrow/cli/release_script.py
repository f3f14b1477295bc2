"""`scripts/release.py`: releases from storage alone, for administrators."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from escrow.cli.app import App, pass_app
from escrow.cli.archives import FILE, FOLDER, archive, run, storage_of, storage_options
from escrow.cli.bars import progress
from escrow.cli.deed_log import SOME_FAILED, DeedLog
from escrow.cli.output import moment, say, size
from escrow.errors import EscrowError

if TYPE_CHECKING:  # imported where used, so that --help costs little
    from escrow.client import Fault
    from escrow.client.progress import Progress
    from escrow.store.opening import Archive

log_option = click.option(
    "--log", type=FILE, metavar="FILE", help="Append what was done to this file, a JSON line for each deed."
)
EPILOG = f"""\b
Exit codes: 0 done, or nothing to do; 2 wrong usage; 3 malformed; 4 refused by the rules;
5 forged or damaged, somebody is at fault; 6 not found; 7 storage unreachable; 8 a setting or clock here;
{SOME_FAILED} some of several failed, the others were done: stderr and --log name each.

\b
Where the storage is:   --config service/service.toml --credentials release.json
A folder, or a copy:    --store FOLDER
"""


@click.group(epilog=EPILOG)
def release() -> None:
    """Release records from the storage alone: the service may be switched off, or gone.

    \b
    It needs no key: only the credential "release", which reads, and writes the public bucket.
    1. scripts/release.py due                   what has been released
    2. scripts/release.py publish --due         what would be published; writes nothing
    3. scripts/release.py publish --due --yes   publish it; harmless to repeat
    4. scripts/release.py hand CASE REQUEST --out FOLDER   for a named reader
    Ids of cases and requests may be cut short, except for check.
    """


@release.command()
@click.option("--case", "begins", metavar="CASE", help="Only the case whose id begins so.")
@log_option
@storage_options
@pass_app
def due(app: App, /, begins: str | None, log: Path | None, **where: Path | None) -> None:
    """List every released request, and what there is to do about it."""
    from escrow.admin.due import Damaged, Standing
    from escrow.admin.due import due as find

    with archive(**where) as found, DeedLog(app, log) as deeds:
        one = None
        for one in find(found, _case(found, begins)):
            if isinstance(one, Damaged):
                deeds.failed({"case": one.case}, one.error)
                continue
            about = {"case": one.case, "request": one.request, "record": one.record, "path": one.path}
            line = f"{one.standing.value:13}  {one.case[:12]}  {one.request[:12]}  {one.path}"
            line += f"  {moment(one.released_at)}"
            if one.standing is Standing.TO_HAND:
                line += "  for " + (", ".join(reader[:12] for reader in one.readers) or "its seats")
            deeds.did("listed", line, about | {"standing": one.standing.value, "readers": list(one.readers)})
        if one is None:
            say(app, "Nothing has been released.")


@release.command()
@click.argument("case", required=False)
@click.argument("request", required=False)
@click.option("--due", "all_due", is_flag=True, help="All that is due, instead of one CASE and REQUEST.")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be done is said.")
@log_option
@storage_options
@pass_app
def publish(
    app: App, /, case: str | None, request: str | None, all_due: bool, yes: bool, log: Path | None,
    **where: Path | None,
) -> None:  # fmt: skip
    """Publish a release for everybody: document, payload, bundle and manifest, into the public bucket.

    Everything is verified on the way. Harmless to repeat, to interrupt, and for two people to do at once.
    Plain bytes touch no disk of this machine. For a timer: publish --due --yes
    """
    if all_due == (case is not None) or (not all_due and request is None):
        raise click.UsageError("Name CASE and REQUEST, or say --due.")
    from escrow.admin.cases import ends_run

    deed: Callable[[App, DeedLog, Archive, str, str, str], None] = _publish if yes else _would_publish
    with archive(**where) as found, DeedLog(app, log) as deeds:
        wanted = _due(deeds, found) if case is None or request is None else iter([_one(found, case, request)])
        one = None
        for one in wanted:
            try:
                deed(app, deeds, found, _bucket(where), *one)
            except EscrowError as error:
                alone = not all_due or ends_run(error)
                deeds.failed({"case": one[0], "request": one[1]}, error, alone=alone)
        if one is None:
            say(app, "Nothing is due.")
        elif not yes:
            say(app, "Nothing was written. Say --yes to do it.")


@release.command()
@click.argument("case")
@click.argument("request")
@click.option("--out", type=FOLDER, required=True, metavar="FOLDER", help="Where bundle and payload go.")
@log_option
@storage_options
@pass_app
def hand(app: App, /, case: str, request: str, out: Path, log: Path | None, **where: Path | None) -> None:
    """Hand a named reader a folder that `escrow open FOLDER` opens, with the reader's identity."""
    from escrow.admin.release import hand as write

    with archive(**where) as found, DeedLog(app, log) as deeds:
        one = _one(found, case, request)
        with progress(app) as bar:
            verified = write(found, *one, out, progress=bar)
        readers = [ticket.card.fingerprint for ticket in verified.request.tickets]
        say(
            app,
            f"Only these readers can open it: {', '.join(readers)}" if readers else "Anybody can open it.",
        )
        about = {"case": one[0], "request": one[1], "folder": str(out), "readers": readers}
        deeds.did("handed over", str(out), about)


@release.command()
@click.argument("case")
@click.argument("request")
@click.option(
    "--from", "copy", type=FOLDER, metavar="FOLDER",
    help="A downloaded copy of the public bucket, or of the four objects of this release.",
)  # fmt: skip
@log_option
@storage_options
@pass_app
def check(
    app: App, /, case: str, request: str, copy: Path | None, log: Path | None, **where: Path | None
) -> None:
    """Check a published release with nothing but the public bucket (whole CASE and REQUEST)."""
    from escrow.admin.public_copy import PublicCopy
    from escrow.admin.release_check import check as look

    def checked(public: "PublicCopy | Archive", bar: "Progress") -> None:
        reader = public if isinstance(public, PublicCopy) else public.publisher
        manifest = look(reader, case, request, progress=bar)
        signers = ", ".join(f"{one.seat} ({one.card[:12]})" for one in manifest.signed_off)
        holds = f"It holds: {manifest.filename!r}, {size(manifest.document.length)}, signed off by {signers}"
        digests = {"document": manifest.document.sha256, "bundle": manifest.bundle.sha256}
        deeds.did("checked", holds, {"case": case, "request": request, **digests})

    with DeedLog(app, log) as deeds, progress(app) as bar:
        if copy is not None:
            checked(PublicCopy(copy), bar)
            return
        with archive(**where) as found:
            checked(found, bar)


def _would_publish(app: App, deeds: DeedLog, found: "Archive", bucket: str, case: str, request: str) -> None:
    from escrow.admin.release import plan
    from escrow.store.names import Released

    planned = plan(found, case, request, clock=app.clock)
    _warn(app, planned.unlocked.faults)
    to_write = [item for item in Released if item not in planned.there]
    lengths = {item.value: length for item, length in planned.lengths.items()}
    shown = ", ".join(f"{item} ({size(length)})" for item, length in lengths.items())
    verb = "would publish" if to_write else "is published:"
    line = f"{verb} {case[:12]} {request[:12]} to {bucket}: {shown}"
    if planned.there:
        line += "; there already, and to be verified: " + ", ".join(item.value for item in planned.there)
    deeds.did(
        "would_publish",
        line,
        {
            "case": case,
            "request": request,
            "bucket": bucket,
            "bytes": lengths,
            "to_write": [item.value for item in to_write],
        },
    )


def _publish(app: App, deeds: DeedLog, found: "Archive", bucket: str, case: str, request: str) -> None:
    from escrow.admin.release import publish as put

    with progress(app) as bar:
        done = put(found, case, request, clock=app.clock, progress=bar)
    _warn(app, done.faults)
    deed = "published" if done.new else "was published already"
    manifest = done.manifest
    facts = {"case": case, "request": request, "bucket": bucket, "record": manifest.record}
    digests = {"document": manifest.document.sha256, "payload": manifest.payload.sha256}
    written = {"written": [item.value for item in done.new]}
    line = f"{deed}: {case[:12]} {request[:12]} to {bucket} ({size(manifest.document.length)})"
    deeds.did(deed, line, facts | digests | written)


def _warn(app: App, faults: "tuple[Fault, ...]") -> None:
    """It opened all the same; who made a sign-off useless is named."""
    from escrow.cli.opening import fault_line

    say(app, *(fault_line(one) for one in faults))


def _due(deeds: DeedLog, found: "Archive") -> Iterator[tuple[str, str]]:
    """What is to be published; a case that is damaged is told, and the others are gone on with."""
    from escrow.admin.due import Damaged, Standing, due

    for one in due(found):
        if isinstance(one, Damaged):
            deeds.failed({"case": one.case}, one.error)
        elif one.standing is Standing.TO_PUBLISH:
            yield one.case, one.request


def _bucket(where: dict[str, Path | None]) -> str:
    """The public bucket, as its administrator calls it."""
    storage = storage_of(**where)
    return str(storage / "public") if isinstance(storage, Path) else f"{storage.buckets}-public"


def _case(found: "Archive", begins: str | None) -> str | None:
    from escrow.admin.cases import find_case

    return None if begins is None else find_case(found.store, begins)


def _one(found: "Archive", case: str, request: str) -> tuple[str, str]:
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


def main() -> None:
    """The entry point of scripts/release.py."""
    run(release, "release.py")
