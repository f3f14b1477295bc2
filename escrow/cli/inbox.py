"""What waits for this party: charters to accept, requests to sign off, envelopes to report, releases to
open.
"""

import click

from escrow.cli import as_json, everywhere, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.foreign import brief
from escrow.cli.output import answer, say, table
from escrow.client import Inbox, InboxItem, Session, Waiting


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
    say(app, *(f"Case {show.short(one.case)} cannot be shown: {one.code}" for one in found.troubles))
    if not found.items and not failed:
        say(app, "Nothing waits for you.")
    rows = [(_words(item), brief(item.label), command(item)) for item in found.items]
    answer(app, table(rows, indent=0), {**as_json.inbox(found), "failed": everywhere.as_json(failed)})
    everywhere.conclude(app, failed)


def _words(item: InboxItem) -> str:
    return {
        Waiting.ACCEPT: f"accept the charter as {item.seat}",
        Waiting.SIGN_OFF: f"sign off as {item.seat}, path {item.path}",
        Waiting.REPORT_ENVELOPE: f"report a bad envelope as {item.seat}, path {item.path}",
        Waiting.OPEN: "open what was released",
    }[item.kind]


def command(item: InboxItem) -> str:
    """What to type."""
    case, subject = show.short(item.case), show.short(item.subject)
    return {
        Waiting.ACCEPT: f"escrow case accept {case}",
        Waiting.SIGN_OFF: f"escrow signoff {case} {subject}",
        Waiting.REPORT_ENVELOPE: f"escrow report {case}",
        Waiting.OPEN: f"escrow open {case} {subject}",
    }[item.kind]
