"""Verbs on releases: request, review and sign off, withdraw."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.names import full_case
from escrow.cli.output import ask, moment, say
from escrow.cli.posting import check_out, finish, out_options
from escrow.cli.readers import find_request, known, only_path, read_ticket
from escrow.client import Review, Session
from escrow.client.review import replaced_sentences
from escrow.errors import RefusedError, UnavailableError

PUBLIC = "the public"
"""What a path says its audience is where nobody needs a ticket."""


@click.command(cls=Verb)
@click.argument("case")
@click.argument("record")
@click.option("--path", metavar="NAME", help="By which path.  [default: the record's only path]")
@click.option(
    "--ticket",
    "tickets",
    multiple=True,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A reader's ticket. Repeatable; none for the public.",
)
@click.option("--me", is_flag=True, help="Be a reader yourself: your own ticket is added.")
@click.option("--purpose", default="", help="What for; shown to every seat before it signs off.")
@out_options
@pass_app
def request(
    app: App, case: str, record: str, path: str | None, tickets: Sequence[Path], me: bool, purpose: str,
    out: Path | None, force: bool,
) -> None:  # fmt: skip
    """Ask for the release of one record by one of its paths.

    Prints the request's id. Its readers are those whose tickets it carries. The URL shown is what a
    reader hands to `escrow open` once enough seats have signed off.
    """
    check_out(out, force=force)
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    found = known(session, case, record)
    path = path or only_path(found)
    say(app, *map(str, replaced_sentences(found)))
    carried = [read_ticket(file) for file in tickets]
    if me:
        carried.append(session.make_ticket(session.introduce(case, found.record, path)))
    if not carried and any(one.name == path and one.audience != PUBLIC for one in found.paths):
        raise RefusedError(
            "tickets_needed", path=path, case=show.short(case), record=show.short(found.record)
        )
    posting = session.prepare_request(case, found.record, path, carried, purpose)
    url = f"{session.courier.url}/v1/cases/{case}/requests/{posting.hash}"
    finish(
        app, session, posting, out=out, force=force, data=posting.hash,
        facts={"request": posting.hash, "request_url": url},
        done=f"Requested. Seats sign it off: escrow signoff {show.short(case)} {show.short(posting.hash)}",
        then=[f"Then its readers: escrow open {quote(url)}"],
    )  # fmt: skip


def _find(app: App, case: str, request: str) -> tuple[Session, str, str]:
    case = full_case(app, case)
    session = app.session(app.service_of(case))
    return session, case, find_request(session, case, request)


@click.command(cls=Verb)
@click.argument("case")
@click.argument("request")
@click.option("--seat", help="Which of your seats, where you hold several.")
@click.option("--yes", is_flag=True, help="Do not ask: the review was read.")
@click.option("--again", is_flag=True, help="A second time, though the service has your share.")
@out_options
@pass_app
def signoff(
    app: App, case: str, request: str, seat: str | None, yes: bool, again: bool, out: Path | None, force: bool
) -> None:
    """Review a request and sign it off.

    Shows what would be released to whom, by which path and for what, then asks. A share that was handed
    over cannot be recalled. A second time is refused, unless the service has lost your share.
    """
    check_out(out, force=force)
    session, case, request = _find(app, case, request)
    review = session.review(case, request)
    say(app, *show.review_lines(review))
    posting = session.prepare_sign_off(case, request, seat)  # what is refused, is refused before the question
    _require_needed(app, session, case, review, seat, yes=yes, again=again)
    with_seat = seat or ", ".join(review.my_seats)
    ask(app, f"Sign off for {with_seat or 'your seat'}? This cannot be recalled.", yes=yes)
    try:
        finish(
            app, session, posting, out=out, force=force, data=posting.hash,
            facts={"request": request, "review": as_json.review(review)}, done="Signed off.",
        )  # fmt: skip
    except (UnavailableError, KeyboardInterrupt):
        say(app, "It may have arrived all the same. To see: escrow case show. To take it back for good:",
            f"  {_take_back(case, request, posting.hash)}")  # fmt: skip
        raise


def _require_needed(
    app: App, session: Session, case: str, review: Review, seat: str | None, *, yes: bool, again: bool
) -> None:
    """A sign-off after the release, or a second one, helps nobody, unless the share of the first was lost.

    RefusedError `already_signed_off`, `already_released`, where nobody is asked, or there is nothing to ask.
    """
    asked = review.request
    own = tuple(name for name, _ in review.envelopes)
    name = seat or next(iter(review.my_seats or own), "")
    signed = name in own and name in asked.signed_off
    if signed:
        sent = session.known(case).state.request(asked.request).sign_offs[name][-1]
        said = f"You signed off this request already as {name} (entry {sent.n})."
        if session.is_share_lost(case, asked.request, name):
            say(app, f"{said} It helps to do it again: the service does not have its share any more.")
            return
        say(app, f"{said} A second share helps nobody.")
    if asked.released_at is not None:
        say(app, f"Released {moment(asked.released_at)}; nothing is needed from you.")
    if again:
        return
    if signed and (yes or asked.released_at is not None):
        raise RefusedError("already_signed_off", case=case, request=asked.request, seat=name)
    if asked.released_at is not None and not yes:
        raise RefusedError("already_released", request=asked.request)


def _take_back(case: str, request: str, sign_off: str) -> str:
    return f"escrow withdraw {show.short(case)} {show.short(request)} --sign-off {sign_off}"


@click.command(cls=Verb)
@click.argument("case")
@click.argument("request")
@click.option("--seat", help="Which of your seats, where you hold several.")
@click.option("--reason", help="For all seats of the case.")
@click.option(
    "--sign-off",
    metavar="HASH",
    help="One that may never have arrived, by the hash that `signoff` printed.  [default: your latest]",
)
@out_options
@pass_app
def withdraw(
    app: App,
    case: str,
    request: str,
    seat: str | None,
    reason: str | None,
    sign_off: str | None,
    out: Path | None,
    force: bool,
) -> None:
    """Take a sign-off back before the request is released.

    [procedural] The service and honest clients no longer count it. Whoever has the share keeps it. With
    --sign-off also one that was written with --out, or lost on its way: if it comes later, it is refused.
    """
    check_out(out, force=force)
    session, case, request = _find(app, case, request)
    posting = session.prepare_withdraw(case, request, seat, reason, sign_off=sign_off)
    finish(
        app,
        session,
        posting,
        out=out,
        force=force,
        data=posting.hash,
        facts={"request": request},
        done="Withdrawn.",
    )
