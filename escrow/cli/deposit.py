"""Verbs on records: seal and deposit a file, check one's envelopes and report bad ones."""

import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from escrow.cli import as_json, endings, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.bars import progress
from escrow.cli.dates import read_date
from escrow.cli.files import OUT, require_free
from escrow.cli.names import full_case, full_record
from escrow.cli.output import answer, ask, say, size
from escrow.cli.posting import check_out, post_url, receipt_line, write_posting
from escrow.cli.uploading import curl_lines, sealed_beside
from escrow.client import BadEnvelope, Card, PathChoice, Posting, Receipt, Session
from escrow.errors import MalformedError, UnavailableError


class SharedWords(TypedDict):
    """What every way of depositing takes."""

    title: str
    label: str
    replaces: str | None
    media_type: str


F = TypeVar("F", bound=Callable[..., Any])


def record_options(function: F) -> F:
    """CASE and FILE, and what is said of the file: the same for every way of depositing it."""
    for option in reversed(_RECORD_OPTIONS):
        function = option(function)
    return function


_RECORD_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("case"),
    click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
    click.option(
        "--path",
        "paths",
        multiple=True,
        required=True,
        metavar="NAME[:DATE]",
        help="By which path of the charter it may be opened; a date where that leaves it open. Repeatable.",
    ),
    click.option(
        "--reader",
        "readers",
        multiple=True,
        metavar="[NAME:]CARD",
        help="Only these readers, on a path (NAME, or all paths) whose readers a request names. Repeatable.",
    ),
    click.option("--title", help="Sealed with the file, for its readers.  [default: the file's name]"),
    click.option("--label", help="For all seats of the case, not for the operator.  [default: none]"),
    click.option("--purpose", help="What it may be opened for; for all seats."),
    click.option("--media-type", help="[default: by the file's name]"),
    click.option("--replaces", metavar="RECORD", help="The record that this one corrects."),
)


def shared_words(
    app: App, session: Session, case: str, file: Path, *, title: str | None, label: str | None,
    media_type: str | None, replaces: str | None, offline: bool = False,
) -> SharedWords:  # fmt: skip
    """What is said of the file, blanks filled in from its name. Offline, `replaces` must be a whole id."""
    if replaces and not offline:
        replaces = _replaced(app, session, case, replaces)
    return {
        "title": title or file.name, "label": label or "", "replaces": replaces or None,
        "media_type": media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream",
    }  # fmt: skip


def check_content(app: App, file: Path) -> None:
    """An empty file is mostly a mistake: a person is asked. A program may mean it."""
    if file.is_file() and file.stat().st_size == 0:
        said = f"{file.name} is empty ({size(0)})."
        if app.someone_is_there():
            ask(app, f"{said} Deposit it all the same?", yes=False)
        else:
            say(app, said)


def _replaced(app: App, session: Session, case: str, record: str) -> str:
    """The whole id of the record to be replaced. Drafts answer drafts, so it may be another party's."""
    records = {one.record: one for one in session.records(case)}
    whole = full_record(record, records)
    found = records.get(whole)
    if found is not None and found.author != session.card:
        whose = f"{show.short(whole)} is {', '.join(found.author_seats)}'s record, not yours."
        say(app, f"{whose} It stays as it is; all seats are shown that you replace it.")
    return whole


@click.command(cls=Verb)
@record_options
@click.option(
    "--out",
    type=OUT,
    metavar="FILE",
    help="Send nothing: write the signed statement to FILE and the sealed bytes to FILE.payload.",
)
@pass_app
def deposit(
    app: App, case: str, file: Path, paths: Sequence[str], readers: Sequence[str], title: str | None,
    label: str | None, purpose: str | None, media_type: str | None, replaces: str | None, out: Path | None,
) -> None:  # fmt: skip
    """Seal a file on this machine and deposit it.

    Prints the record's id. Nothing readable leaves this machine: the file, its name and its title are
    encrypted here. The sealing key is forgotten at the end, so you cannot open the record either without
    a release: keep your own copy.
    """
    check_out(out, force=False)
    check_content(app, file)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    chosen = choices(paths, readers, purpose)
    shared = shared_words(
        app, session, case, file, title=title, label=label, media_type=media_type, replaces=replaces
    )
    if out is not None:
        sealed = sealed_beside(out)
        require_free(sealed, force=False)
        with progress(app) as shown:
            posting = session.prepare_deposit(case, file, chosen, sealed=sealed, progress=shown, **shared)
        _hand_out(app, session, posting, out, sealed)
        return
    waiting = session.pending_deposits()
    try:
        with progress(app) as shown:
            receipt = session.deposit(case, file, chosen, progress=shown, **shared)
    except (UnavailableError, KeyboardInterrupt):
        sealed_now = len(session.pending_deposits()) > len(waiting)
        say(app, "What was sealed is kept. To go on where it stopped: escrow send --pending" if sealed_now
            else "It was not sealed yet. Nothing was sent: deposit it again.")  # fmt: skip
        raise
    record = next(one for one in session.records(case) if one.n == receipt.n)
    said = f"Deposited {file.name}, {size(record.size_bytes)} sealed."
    say(app, said, receipt_line(receipt), "The record's id:")
    answer(app, record.record, {**as_json.receipt(receipt), "record": record.record})


def choices(paths: Sequence[str], readers: Sequence[str], purpose: str | None) -> tuple[PathChoice, ...]:
    """The paths chosen, in the order given. A reader named for a path that was not chosen is refused."""
    chosen: dict[str, PathChoice] = {}
    for text in paths:
        name, _, date = text.partition(":")
        if name in chosen:
            raise MalformedError("path_name_twice", field="--path", path=name)
        chosen[name] = PathChoice(name=name, not_before=read_date(date) if date else None, purpose=purpose)
    for text in readers:
        name, _, card = text.rpartition(":")
        if name and name not in chosen:
            raise MalformedError("path_not_chosen", field="--reader", path=name)
        for one in (name,) if name else tuple(chosen):
            found = chosen[one]
            chosen[one] = replace(found, readers=(*found.readers, Card.parse(card)))
    return tuple(chosen.values())


def _hand_out(app: App, session: Session, posting: Posting, out: Path, sealed: Path) -> None:
    body = posting.sealed_record()
    if body is None:
        raise MalformedError("posting_not_a_deposit", field="posting")
    service = session.courier.url
    url = post_url(service, posting)
    upload = f"{service}/v1/cases/{posting.case}/uploads/{body.payload.upload}"
    say(
        app,
        f"The sealed bytes are in {sealed}. They go up first:",
        *curl_lines(sealed, upload, body.payload.length),
    )
    write_posting(app, posting, out, url, force=False)
    told = as_json.written(posting, out, url)
    answer(app, body.record, {**told, "record": body.record, "payload": str(sealed), "upload_url": upload})


@click.command(cls=Verb)
@click.argument("case")
@click.option("--yes", is_flag=True, help="Do not ask before reporting.")
@click.option(
    "--out", type=OUT, metavar="FILE", help="Send nothing: write the signed report of the first one found."
)
@pass_app
def report(app: App, case: str, yes: bool, out: Path | None) -> None:
    """Check your envelopes in all records, and report bad ones.

    Each path of a record holds an envelope for each of its seats; only its holder can tell whether it is
    good. A report is a signed statement that names the depositor. Ends with code 5 if there is a bad one.
    """
    check_out(out, force=False)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    found = session.check_envelopes(case)
    say(app, *(_bad_line(one) for one in found))
    new = [one for one in found if not one.reported]
    receipts: list[Receipt] = []
    if new:
        ask(app, f"Report {len(new)} of them to all seats, in a signed statement?", yes=yes)
        if out is not None:
            first = session.prepare_report(case, new[0].record, new[0].path, new[0].seat)
            write_posting(app, first, out, post_url(session.courier.url, first), force=False)
        else:
            receipts = [session.report(case, one.record, one.path, one.seat) for one in new]
    say(app, *map(receipt_line, receipts))
    answer(
        app,
        "All your envelopes are good." if not found else f"{len(found)} bad, {len(receipts)} reported now.",
        {
            "bad": [as_json.bad_envelope(one) for one in found],
            "receipts": [as_json.receipt(one) for one in receipts],
        },
    )
    if found:
        raise click.exceptions.Exit(endings.FORGED)


def _bad_line(it: BadEnvelope) -> str:
    known = "reported already" if it.reported else "not reported yet"
    where = f"record {show.short(it.record)}, path {it.path}, seat {it.seat}"
    return f"Bad: {where}, by {it.depositor.groups}; {known}"
