"""Notes to all seats of a case."""

from pathlib import Path

import click

from escrow.cli.app import App, Verb, pass_app
from escrow.cli.files import read_text
from escrow.cli.names import full_case
from escrow.cli.posting import check_out, finish, out_options

MAX_NOTE = 16 * 1024


@click.command(cls=Verb)
@click.argument("case")
@click.argument("text", metavar="TEXT|-")
@out_options
@pass_app
def note(app: App, case: str, text: str, out: Path | None, force: bool) -> None:
    """Leave a note for all seats of a case.

    Encrypted under the case key; the operator cannot read it. With `-` the text is read from stdin.
    """
    check_out(out, force=force)
    case = full_case(app, case)
    words = read_text(Path("-"), limit=MAX_NOTE, what="note") if text == "-" else text
    session = app.session(app.service_of(case))
    posting = session.prepare_note(case, words)
    finish(app, session, posting, out=out, force=force, data=posting.hash, facts={}, done="Noted.")
