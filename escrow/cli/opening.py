"""Open a released record: as a seat, as a named reader with an identity, or as anybody with none."""

import re
from pathlib import Path

import click

from escrow.cli import as_json, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.bars import progress
from escrow.cli.files import read_text
from escrow.cli.foreign import brief
from escrow.cli.names import full_case, full_request
from escrow.cli.output import answer, moment, say, size, table
from escrow.client import Fault, Opened, open_release
from escrow.model.ids import CASE_BYTES, HASH_BYTES

MAX_TICKET_FILE = 16 * 1024

_URL = re.compile(
    rf"(https?://[!-~]+?)/v1/cases/([0-9a-f]{{{2 * CASE_BYTES}}})/requests/([0-9a-f]{{{2 * HASH_BYTES}}})"
)


@click.command("open", cls=Verb)
@click.argument("case", metavar="CASE|URL")
@click.argument("request", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FILE|DIR",
    show_default="here",
    help="Where to put the document; in a folder it gets the depositor's name for it.",
)
@click.option(
    "--ticket",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your ticket: insist that the request carries this very one.",
)
@click.option("--anyone", is_flag=True, help="Use no identity, even if there is one: for what is public.")
@click.option("--force", is_flag=True, help="Replace the document if it is there.")
@pass_app
def open_(
    app: App, case: str, request: str | None, out: Path, ticket: Path | None, anyone: bool, force: bool
) -> None:
    """Fetch a released record, check everything, and open it.

    Takes the request's URL, or CASE and REQUEST. Named readers need their identity; what was released to
    the public opens without one. Nothing is believed: the history from the case's id on, every sign-off,
    the key and every byte are checked, and the document appears only when all of it is right.
    """
    url, case, request = _target(app, case, request)
    carried = None if ticket is None else read_text(ticket, limit=MAX_TICKET_FILE, what="ticket").strip()
    identity = None if anyone else app.maybe_identity()
    with progress(app) as shown:
        found = open_release(
            app.courier(url, identity), case, request, out,
            identity=identity, ticket=carried, overwrite=force, progress=shown,
        )  # fmt: skip
    say(app, *_lines(found))
    answer(app, str(found.path), as_json.opened(found))


def _target(app: App, case: str, request: str | None) -> tuple[str, str, str]:
    """Service, case and request, from a URL or from names."""
    if request is None:
        found = _URL.fullmatch(case)
        if found is None:
            raise click.UsageError("Give the request's URL, or CASE and REQUEST.")
        return found[1], found[2], found[3]
    case = full_case(app, case)
    url = app.service_of(case)
    if len(request) < 2 * HASH_BYTES:
        request = full_request(request, (one.request for one in app.session(url).requests(case)))
    return url, case, request


def _lines(it: Opened) -> list[str]:
    """What the depositor said of it, and who sent something false on the way."""
    rows = [
        ("title", brief(it.metadata.title, columns=show.TITLE)),
        ("deposited by", it.depositor.groups),
        ("released", moment(it.released_at)),
        ("size", size(it.metadata.length)),
    ]
    lines = ["Opened; every signature, share and byte was checked.", *table(rows)]
    return lines + [f"  {_fault(one)}" for one in it.faults]


def _fault(it: Fault) -> str:
    """Who sent something false, where that is proven; nobody is blamed for what only did not come."""
    if it.code == "share_object_missing":
        return f"What {it.seat} handed over did not come ({it.code}): ask the service. The others sufficed."
    if not it.seat:
        return f"Its depositor sealed a description that is of no use ({it.code}); the document is whole."
    if it.author is None:
        return f"The sign-off of {it.seat} was no help ({it.code}); the others sufficed."
    return f"{it.seat} ({it.author.groups}) sent something false ({it.code}); the others sufficed."
