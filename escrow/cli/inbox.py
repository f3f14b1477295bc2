"""What waits for this party: charters to accept, requests to sign off, envelopes to report, releases to
open.
"""

from collections.abc import Sequence

import click

from escrow.cli import as_json, endings, everywhere, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.foreign import brief
from escrow.cli.output import answer, say, table
from escrow.client import Inbox, InboxItem, Session, Waiting
from escrow.errors import NotFoundError

_AS_READER = (
    "What was released to you as a reader opens by its address: escrow open URL. Ask for it who named you."
)


@click.command(cls=Verb)
@pass_app
def inbox(app: App) -> None:
    """List what waits for you in your cases.

    Worked out on this machine from the verified history of each case, with the command that does it.
    """
    parts, failed = everywhere.ask_each(app, Session.inbox)
    found = Inbox(
        items=tuple(item for part in parts for item in part.items),
        troubles=tuple(trouble for part in parts for trouble in part.troubles),
    )
    seatless = [one for one in found.troubles if isinstance(one.error, NotFoundError)]
    troubles = {one.case: endings.tell(one.error) for one in found.troubles if one not in seatless}
    for case, told in troubles.items():
        say(app, f"Case {show.short(case)} cannot be shown: {told.words} ({told.code})", told.hint)
    for one in seatless:
        say(app, f"Case {show.short(one.case)} shows itself to its seats, and you hold none. {_AS_READER}")
    if not found.items and not failed:
        say(app, "Nothing waits for you.")
    rows = [(_words(item), brief(item.label), command(item, found.items)) for item in found.items]
    answer(app, table(rows, indent=0), {**as_json.inbox(found), "failed": everywhere.as_json(failed)})
    everywhere.conclude(app, failed)
    if troubles:
        raise click.exceptions.Exit(next(iter(troubles.values())).status)


def _words(item: InboxItem) -> str:
    return {
        Waiting.ACCEPT: f"accept the charter as {item.seat}",
        Waiting.SIGN_OFF: f"sign off as {item.seat}, path {item.path}",
        Waiting.REPORT_ENVELOPE: f"report a bad envelope as {item.seat}, path {item.path}",
        Waiting.OPEN: "open what was released",
    }[item.kind]


def command(item: InboxItem, among: Sequence[InboxItem] = ()) -> str:
    """What to type: it names the charter or the seat where `among` them another one could be meant."""
    case, subject = show.short(item.case), show.short(item.subject)
    alike = [one for one in among if (one.kind, one.case) == (item.kind, item.case)]
    seats = {one.seat for one in alike if one.subject == item.subject}
    seat = f" --seat {item.seat}" if len(seats) > 1 else ""
    if item.kind is Waiting.ACCEPT and item.label is None:  # no case key came to this home yet
        return "ask the convenor for your invitation; then: escrow case accept FILE"
    proposal = f" --proposal {subject}" if len({one.subject for one in alike}) > 1 else ""
    return {
        Waiting.ACCEPT: f"escrow case accept {case}{proposal}{seat}",
        Waiting.SIGN_OFF: f"escrow signoff {case} {subject}{seat}",
        Waiting.REPORT_ENVELOPE: f"escrow report {case}",
        Waiting.OPEN: f"escrow open {case} {subject}",
    }[item.kind]
