"""`escrow webhooks`: deliver webhooks, from anywhere that reaches the storage and the receivers."""

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from escrow.cli.app import App, Verb, pass_app
from escrow.cli.archives import FILE, told_as_setting
from escrow.cli.output import answer, say
from escrow.cli.serving import FOLDER, settings_of
from escrow.errors import UnavailableError

if TYPE_CHECKING:  # imported where used
    from escrow.webhooks.delivering import Deliverer, Done


@click.command(cls=Verb)
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--credentials", type=FILE, metavar="FILE", help="The S3 credential `webhooks`, instead of the settings'."
)
@click.option("--once", is_flag=True, help="Look once, send what is due, and end: for a timer of the system.")
@click.option(
    "--every", default=10, show_default=True, type=click.IntRange(1, 3600), metavar="SECONDS",
    help="How often to look.",
)  # fmt: skip
@pass_app
def webhooks(app: App, folder: Path | None, credentials: Path | None, once: bool, every: int) -> None:
    """Deliver webhooks: tell the URLs that cards have named of new entries.

    Needs the settings of a service, its identity (which signs) and its storage, and no service running.
    May run on any machine, twice at once, and be killed: a message may come twice, none is lost. One that
    does not get through is tried again for three days. On stderr a JSON line for each try. With --once,
    code 7 says that storage could not be used.
    """
    settings = settings_of(folder)
    if credentials is not None and not isinstance(settings.store, Path):
        settings = replace(settings, store=replace(settings.store, credentials=credentials))
    from escrow.webhooks.setting_up import deliverer

    with told_as_setting(settings.store), deliverer(settings, app.clock, _tell) as found:
        if once:
            done = found.round()
            while found.is_behind:
                done = done.then(found.round())
            answer(app, _words(done), asdict(done))
            return
        say(app, f"Delivering webhooks of {settings.public_url}")
        _for_ever(found, every)


def _for_ever(found: "Deliverer", every: int) -> None:
    """What fails now is tried in the next round: nothing is kept but in the storage."""
    while True:
        try:
            found.round()
        except UnavailableError as error:
            _tell("storage", {"code": error.code, "reason": str(error.fields.get("reason", ""))})
        else:
            if found.is_behind:
                continue
        time.sleep(every)


def _words(done: "Done") -> str:
    return f"{done.found} found, {done.delivered} delivered, {done.failed} failed, {done.waiting} waiting"


def _tell(event: str, facts: dict[str, object]) -> None:
    """No address and no content: ids and a word."""
    print(json.dumps({"event": event, **facts}), file=sys.stderr, flush=True)
