"""Carry what `--out` wrote: anybody may, on any machine, as often as they like."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json, everywhere, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.bars import progress
from escrow.cli.everywhere import Failure, failure
from escrow.cli.files import read_file
from escrow.cli.kinds import reading
from escrow.cli.output import answer, say
from escrow.cli.posting import receipt_line
from escrow.cli.uploading import sealed_beside
from escrow.client import Posting, Receipt
from escrow.client.posting import MAX_POSTING
from escrow.errors import NotFoundError, SetupError


@click.command(cls=Verb)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--payload",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The sealed bytes of a deposit.  [default: FILE.payload]",
)
@click.option("--pending", is_flag=True, help="Finish deposits that were interrupted on this machine.")
@pass_app
def send(app: App, file: Path | None, payload: Path | None, pending: bool) -> None:
    """Post a file that --out wrote.

    A statement enters its case once: sending it again gives the first receipt. The sealed bytes of a
    deposit go up first, only those that the service has not yet.
    """
    if (file is None) != pending:
        raise click.UsageError("Give a FILE or --pending, one of them.")
    if file is None:
        _finish_pending(app)
        return
    raw = read_file(file, limit=MAX_POSTING, what="posting")
    with reading("posting", file, raw):
        posting = Posting.load(raw)
    session = app.carrier(_service_for(app, posting))
    if posting.sealed_record() is not None:
        sealed = payload or sealed_beside(file)
        if not sealed.is_file():
            raise SetupError(
                "file_unreadable", file=str(sealed), reason="the sealed bytes go up with the statement"
            )
        with progress(app) as shown:
            session.upload(posting, sealed, progress=shown)
    receipt = session.send(posting)
    if posting.case is None and app.maybe_identity() is not None:
        with suppress(NotFoundError):  # whoever only carries it is none of the case's
            session.case(receipt.case)
    say(app, receipt_line(receipt))
    answer(app, receipt.statement, as_json.receipt(receipt))


def _service_for(app: App, posting: Posting) -> str:
    """The service that was named; for a case that this home knows, its own; else it must be said."""
    return app.require_service() if posting.case is None else app.service_of(posting.case)


def _finish_pending(app: App) -> None:
    """Each deposit goes to the service of its own case, of the one that was named alone, if one was. One that
    fails waits on, and keeps no other from its turn.
    """
    named = app.require_service() if app.service else ""
    receipts: list[tuple[str, Receipt]] = []
    failed: list[Failure] = []
    pending = app.session(app.services()[0]).pending_deposits()
    for waiting in pending:
        short, url = show.short(waiting.record), named
        try:
            url = _kept_at(app, waiting.case)
            if named and url != named:
                say(app, f"{short} waits for {url}: escrow --service {quote(url)} send --pending")
                continue
            with progress(app) as shown:
                receipts.append((waiting.record, app.session(url).resume_deposit(waiting, progress=shown)))
        except Exception as error:  # see everywhere.py
            if len(pending) == 1:
                raise
            found = failure(url, error, waiting.record)
            failed.append(replace(found, words=f"{short} waits on: {found.words}"))
    say(app, *(f"{show.short(record)}: {receipt_line(one)}" for record, one in receipts))
    if not pending:
        say(app, "No deposit was interrupted.")
    told = [{**as_json.receipt(one), "record": record} for record, one in receipts]
    answer(
        app,
        [record for record, _ in receipts],
        {"receipts": told, "failed": everywhere.as_json(failed)},
    )
    everywhere.conclude(app, failed)


def _kept_at(app: App, case: str) -> str:
    """The address at which a case is kept; the one that was named, where this home has lost it."""
    kept = app.memory().service_of(case)
    return app.require_service() if kept is None else kept.url
