"""A timekeeper: a party like any other, with an identity of its own, that signs off what is due by date
and asks nobody.

What it takes upon itself is narrow, because nobody looks at each case: the path has a date, the date has
come, and the charter fixed the readers beforehand (the public, or cards that the path lists). Where a
request names its readers freely, or where the seat has once taken its sign-off back, a person decides.
"""

import time
from dataclasses import replace
from datetime import datetime

import click

from escrow.cli import everywhere, show
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.everywhere import Failure, failure
from escrow.cli.output import answer, say
from escrow.client import InboxItem, Review, Session, Trouble, Waiting
from escrow.errors import RefusedError


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
    readers: the public, or cards that the path lists. Asks nobody; run it with an identity of its own. A
    service that fails keeps no other from its turn; with --once the exit code tells.
    """
    while True:
        done, failed = _look(app)
        if once:
            answer(
                app,
                [f"{one.seat}  {one.subject}" for one in done],
                {
                    "signed_off": [{"request": one.subject, "seat": one.seat} for one in done],
                    "failed": everywhere.as_json(failed),
                },
            )
            everywhere.conclude(app, failed)
            return
        say(app, *everywhere.lines(failed))
        time.sleep(every)


def _look(app: App) -> tuple[list[InboxItem], list[Failure]]:
    """One round over all services and all that waits there. Whatever fails, the next has its turn."""
    done: list[InboxItem] = []
    failed: list[Failure] = []
    app.identity()
    for url in app.services():
        try:
            session = app.session(url)
            found = session.inbox()
        except Exception as error:  # noqa: BLE001  # see everywhere.py
            failed.append(failure(url, error))
            continue
        failed += [_unshown(url, trouble) for trouble in found.troubles]
        for item in found.items:
            try:
                if _sign_off_if_due(session, item, app.clock()):
                    done.append(item)
                    say(app, f"Signed off {show.short(item.subject)} as {item.seat}, path {item.path}.")
            except Exception as error:  # noqa: BLE001
                failed.append(failure(url, error, item.subject))
    return done, failed


def _unshown(url: str, trouble: Trouble) -> Failure:
    found = failure(url, trouble.error, trouble.case)
    said = f"Case {show.short(trouble.case)} cannot be shown; what waits in it was not looked at."
    return replace(found, words=f"{said} {found.words}")


def _sign_off_if_due(session: Session, item: InboxItem, now: datetime) -> bool:
    if item.kind is not Waiting.SIGN_OFF:
        return False
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
