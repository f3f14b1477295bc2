"""A timekeeper: a party like any other, with an identity of its own, that signs off what is due by date
and asks nobody.

What it takes upon itself is narrow, because nobody looks at each case: the path has a date, the date has
come, and the charter fixed the readers beforehand (the public, or cards that the path lists). Where a
request names its readers freely, or where the seat has once taken its sign-off back, a person decides.
"""

import time
from datetime import datetime

import click

from escrow.cli import show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.output import answer, say
from escrow.client import InboxItem, Review, Session, Waiting
from escrow.errors import ConflictError, EscrowError, RefusedError, UnavailableError


@click.command(cls=Verb)
@click.option(
    "--once", is_flag=True, help="Look once, sign off what is due, and end: for a timer of the system."
)
@click.option(
    "--every",
    default=60,
    show_default=True,
    type=click.IntRange(1, 86400),
    metavar="SECONDS",
    help="How often to look.",
)
@pass_app
def timekeeper(app: App, once: bool, every: int) -> None:
    """Sign off what is due by date, for the seats of your identity.

    Only requests by paths that have a date, once it has come, and only where the charter fixed the
    readers: the public, or cards that the path lists. Asks nobody; run it with an identity of its own.
    """
    while True:
        try:
            done = [line for url in app.services() for line in sign_off_due(app.session(url), app)]
        except (UnavailableError, ConflictError) as error:
            if once:
                raise
            say(app, f"{error.code}; trying again in {every} s")
            done = []
        if once:
            program = {"signed_off": [{"request": request, "seat": seat} for request, seat in done]}
            answer(app, [f"{seat}  {request}" for request, seat in done], program)
            return
        time.sleep(every)


def sign_off_due(session: Session, app: App) -> list[tuple[str, str]]:
    """Sign off what is due at this service. One request's trouble is said, and keeps no other from its
    turn.
    """
    done: list[tuple[str, str]] = []
    for item in session.inbox().items:
        if item.kind is not Waiting.SIGN_OFF:
            continue
        try:
            if _sign_off_if_due(session, item, app.clock()):
                done.append((item.subject, item.seat))
                say(app, f"Signed off {show.short(item.subject)} as {item.seat}, path {item.path}.")
        except (UnavailableError, ConflictError):
            raise
        except EscrowError as error:
            say(app, f"Not signed off: {show.short(item.subject)} as {item.seat}: {error}")
    return done


def _sign_off_if_due(session: Session, item: InboxItem, now: datetime) -> bool:
    review = session.review(item.case, item.subject)
    if not is_due(review, now) or item.seat in review.request.withdrawn:
        return False
    try:
        session.sign_off(item.case, item.subject, item.seat)
    except RefusedError as error:
        if error.code != "too_early":  # the service's clock decides; it is behind ours by a little
            raise
        return False
    return True


def is_due(review: Review, now: datetime) -> bool:
    """The path has a date, it has come, and its readers were fixed beforehand."""
    not_before = review.path.not_before
    fixed = review.request.public or bool(review.path.readers)
    return fixed and not_before is not None and now >= not_before
