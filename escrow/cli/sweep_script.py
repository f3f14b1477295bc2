"""`scripts/sweep.py`: remove what uploads left behind, or lengthen retentions that are too short."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from escrow.cli.app import App, pass_app
from escrow.cli.archives import FILE, archive, run, storage_options
from escrow.cli.bars import counter
from escrow.cli.deed_log import SOME_FAILED, DeedLog
from escrow.cli.output import say, size
from escrow.errors import EscrowError

if TYPE_CHECKING:  # imported where used, so that --help costs little
    from escrow.admin.sweep import Leftover, Short
    from escrow.store.opening import Archive

EPILOG = f"""\b
Exit codes: 0 done, or nothing to do; 2 wrong usage; 7 storage unreachable; 8 a setting or clock here;
{SOME_FAILED} some cases or uploads were left alone, the others were done: stderr and --log name each.

\b
Where the storage is:   --config service/service.toml --credentials sweep.json
A folder:               --store FOLDER
"""
_WORDS = {
    "payload": "payload",
    "upload": "open upload",
    "notes": "notes",
    "short": "retention",
    "snapshots": "snapshots",
}


@click.command(epilog=EPILOG)
@click.option(
    "--stale-days", type=click.IntRange(1, 3650), default=7, show_default=True,
    help="Only what nothing has happened to for so long.",
)  # fmt: skip
@click.option(
    "--mend", is_flag=True,
    help="Instead: lengthen retentions that a crash left too short. Needs the credential `restore`.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be done is said.")
@click.option(
    "--log", type=FILE, metavar="FILE", help="Append what was done to this file, a JSON line for each deed."
)
@storage_options
@pass_app
def sweep(
    app: App, /, stale_days: int, mend: bool, yes: bool, log: Path | None, **where: Path | None
) -> None:
    """Remove uploads that were given up, payloads that no entry names, outlived snapshots, changes older
    than 90 days, and what webhooks have left.

    What an entry names is never removed, not even when its charter's term is over; nor is what is
    retained. Needs the credential "sweep". The service may be running; two may sweep at once; a run that
    was broken off is gone on with by the next.
    """
    with archive(**where) as found, DeedLog(app, log) as deeds, counter(app, "cases looked at:") as seen:
        from escrow.admin.sweep import LeftAlone, find_short, find_stale

        every: Iterator[Leftover | Short | LeftAlone] = (
            find_short(found, clock=app.clock, progress=seen)
            if mend
            else find_stale(found, clock=app.clock, stale=timedelta(days=stale_days), progress=seen)
        )
        count = total = failed = 0
        for one in every:
            if isinstance(one, LeftAlone):
                deeds.failed({"case": one.case, "upload": one.upload}, one.error)
                failed += 1
                continue
            length = _deal_with(deeds, found, one, yes=yes)
            count, total = count + (length is not None), total + (length or 0)
        if not mend:
            count += _outlived(found, deeds, yes=yes)
            count += _deal_with_changes(app, deeds, found, yes=yes)
            count += _deal_with_messages(app, deeds, found, yes=yes)
        done = "done" if yes else "to do; nothing was changed, say --yes to do it"
        nothing = "Nothing to do in what could be looked at." if failed else "Nothing to do."
        say(app, f"{count} {done} ({size(total)})." if count else nothing)


def _outlived(found: "Archive", deeds: DeedLog, *, yes: bool) -> int:
    """Snapshots of the service that newer ones follow: a line for each case. How many."""
    from escrow.admin.cases import ends_run
    from escrow.admin.sweep import find_outlived, remove_outlived

    total = 0
    for case, group in groupby(find_outlived(found), key=lambda one: one.case):
        some = list(group)
        facts = {"case": case, "what": "snapshots", "count": len(some)}
        try:
            for one in some if yes else ():
                remove_outlived(found, one)
        except EscrowError as error:
            if ends_run(error):
                raise
            deeds.failed(facts, error)
            continue
        deed, words = ("removed", "removed") if yes else ("would_remove", "would remove")
        deeds.did(deed, f"{words:14}  {_WORDS['snapshots']:11}  {case[:12]}  {len(some)}", facts)
        total += len(some)
    return total


def _deal_with(deeds: DeedLog, found: "Archive", one: "Leftover | Short", *, yes: bool) -> int | None:
    """Do it, or say that it would be done. Its length; None if it was not done after all."""
    from escrow.admin.cases import ends_run
    from escrow.admin.sweep import Leftover

    at = one.remains if isinstance(one, Leftover) else one
    kind = one.remains.what.value if isinstance(one, Leftover) else "short"
    deed = "remove" if isinstance(one, Leftover) else "lengthen"
    facts = {
        "case": at.case, "upload": at.upload, "what": kind, "length": at.length,
        "age_s": int(one.age.total_seconds()),
    }  # fmt: skip
    row = f"{_WORDS[kind]:11}  {at.case[:12]}  {at.upload[:12]}  {size(at.length):>11}  {one.age.days:5} days"
    if not yes:
        deeds.did(f"would_{deed}", f"would {deed:8}  {row}", facts)
        return at.length
    try:
        done = _do(found, one)
    except EscrowError as error:
        if ends_run(error):
            raise
        deeds.failed(facts, error)
        return None
    if not done:
        deeds.did("left", f"in use again    {row}", facts)
        return None
    past = {"remove": "removed", "lengthen": "lengthened"}[deed]
    deeds.did(past, f"{past:14}  {row}", facts)
    return at.length


def _deal_with_changes(app: App, deeds: DeedLog, found: "Archive", *, yes: bool) -> int:
    from escrow.admin.old_changes import old_changes

    old = old_changes(found, clock=app.clock)
    return _all_in_one_line(deeds, found, old, "changes", "changes older than 90 days", yes=yes)


def _deal_with_messages(app: App, deeds: DeedLog, found: "Archive", *, yes: bool) -> int:
    from escrow.admin.old_messages import old_messages

    old = old_messages(found, clock=app.clock)
    return _all_in_one_line(
        deeds, found, old, "messages", "objects of webhooks, 30 days after their end", yes=yes
    )


def _all_in_one_line(
    deeds: DeedLog, found: "Archive", old: Iterator[str], kind: str, words: str, *, yes: bool
) -> int:
    """How many went, or would: one line for all of them, since they say nothing each."""
    count = 0
    for name in old:
        if yes:
            found.sweeper.discard(name)
        count += 1
    if count:
        word, said = (f"removed_{kind}", "removed") if yes else (f"would_remove_{kind}", "would remove")
        deeds.did(word, f"{said:14}  {count} {words}", {"count": count})
    return count


def _do(found: "Archive", one: "Leftover | Short") -> bool:
    from escrow.admin.sweep import Leftover, mend, remove

    if isinstance(one, Leftover):
        return remove(found, one)
    mend(found, one)
    return True


def main() -> None:
    """The entry point of scripts/sweep.py."""
    run(sweep, "sweep.py")
