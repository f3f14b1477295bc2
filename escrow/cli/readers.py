"""Readers who hold no seat: introduced by a seat, they answer with a ticket, made without any network."""

from pathlib import Path

import click

from escrow.cli import show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.files import OUT, hand_over, read_file, read_text
from escrow.cli.foreign import brief
from escrow.cli.kinds import reading
from escrow.cli.names import full_case, full_record, full_request
from escrow.cli.output import answer, say, table
from escrow.client import Introduction, RecordView, Session, make_ticket
from escrow.errors import RefusedError
from escrow.ledger.jws import UnverifiedJws
from escrow.model.ticket import TYP
from escrow.words.fingerprint import groups

MAX_INTRODUCTION_FILE = 4096
MAX_TICKET_FILE = 16 * 1024


@click.command(cls=Verb)
@click.argument("case")
@click.argument("record")
@click.option("--path", metavar="NAME", help="By which path.  [default: the record's only path]")
@click.option("--out", type=OUT, metavar="FILE", help="Write it here.  [default: stdout]")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@pass_app
def introduce(app: App, case: str, record: str, path: str | None, out: Path | None, force: bool) -> None:
    """Write an introduction for a reader who holds no seat.

    It holds nothing secret, but the reader will trust it for which case is meant: send it by a way on
    which nobody can change it, or compare the fingerprints in it by telephone. The reader answers with
    `escrow ticket`. A seat that wants to become a reader does the same, or uses `escrow request --me`.
    """
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    found = known(session, case, record)
    made = session.introduce(case, found.record, path or only_path(found))
    say(app, f"For a reader of {brief(found.label) or show.short(found.record)}, by path {made.path}.",
        *_listed_lines(session, made))  # fmt: skip
    hand_over(app, made.dump(), out, force=force)


def _listed_lines(session: Session, it: Introduction) -> list[str]:
    """Where the path names its readers itself, an outsider is not to make a ticket in vain."""
    path = session.remembered(it.case).state.record(it.record).path(it.path)
    audience = path.record_path.terms.audience
    if not audience.seats and not audience.cards:
        return []
    listed = [f"whoever holds the seat {' or '.join(audience.seats)}"] if audience.seats else []
    listed += [f"the card {card.groups}" for card in audience.cards]
    return [
        f"The path {it.path} names its readers itself: {'; '.join(listed)}.",
        "Nobody else can become one: a request refuses their ticket.",
    ]


def known(session: Session, case: str, record: str) -> RecordView:
    """The record of this case that this text means; RefusedError `record_unknown`."""
    records = {one.record: one for one in session.records(case)}
    whole = full_record(record, records, lambda: [one.request for one in session.requests(case)])
    if whole not in records:
        raise RefusedError("record_unknown", record=whole)
    return records[whole]


def find_request(session: Session, case: str, request: str) -> str:
    """The whole id of the request that this text means, whether this case has it or not."""
    requests = (one.request for one in session.requests(case))
    return full_request(request, requests, lambda: [one.record for one in session.records(case)])


def only_path(record: RecordView) -> str:
    """RefusedError `path_ambiguous` when the record has several."""
    if len(record.paths) > 1:
        raise RefusedError("path_ambiguous", paths=tuple(one.name for one in record.paths))
    return record.paths[0].name


@click.command(cls=Verb)
@click.argument("introduction", type=click.Path(path_type=Path))
@click.option("--out", type=OUT, metavar="FILE", help="Write it here.  [default: stdout]")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@pass_app
def ticket(app: App, introduction: Path, out: Path | None, force: bool) -> None:
    """Make your ticket from an introduction (no network).

    Give it to the seat that introduced you; it names your card, and is good for this one record and path.
    """
    raw = read_file(introduction, limit=MAX_INTRODUCTION_FILE, what="introduction")
    with reading("introduction", introduction, raw):
        found = Introduction.load(raw)
    say(app, *introduction_lines(found))
    made = make_ticket(app.identity(), found)
    if out is None and app.as_json:
        answer(app, made, {"ticket": made, "case": found.case, "record": found.record, "path": found.path})
        return
    hand_over(app, made.encode(), out, force=force)


def read_ticket(file: Path) -> str:
    """A ticket's one line; whether its signature is good, the case asks. As `kinds.reading`."""
    text = read_text(file, limit=MAX_TICKET_FILE, what="ticket").strip()
    with reading("ticket", file, text.encode()):
        UnverifiedJws.parse(text, limit=MAX_TICKET_FILE, field="ticket").require_typ(TYP)
    return text


def introduction_lines(it: Introduction) -> list[str]:
    rows = [
        ("case", it.case),
        ("record", it.record),
        ("path", it.path),
        ("service", f"{it.service.url}  {it.service.card.groups}"),
        ("convenor", groups(it.convenor)),
        ("introduced by", groups(it.introduced_by)),
    ]
    return ["Introduction (compare the fingerprints with the people you mean)", *table(rows)]
