"""`escrow hook`: have a URL told when your cases grow, instead of asking again and again."""

import click

from escrow.cli import as_json
from escrow.cli.app import App, Family, pass_app
from escrow.cli.foreign import printable
from escrow.cli.output import answer, say, table
from escrow.client import Hook


@click.group(cls=Family)
def hook() -> None:
    """Have a URL told when your cases grow."""


@hook.command()
@click.argument("url")
@click.option("--id", "chosen", metavar="HEX", help="32 hex digits.  [default: drawn]")
@pass_app
def add(app: App, url: str, chosen: str | None) -> None:
    """Tell URL of every new entry in your cases from now on.

    Prints the hook's id. What is sent holds ids only, signed by the key that is shown; a message may come
    twice. With --id the same call again changes nothing.
    """
    session = app.session(app.require_service())
    made = session.add_hook(url, hook=chosen)
    key = session.webhook_key()
    say(app, printable(f"{made.url} is told from now on. Check what comes by the key {key}"))
    mine = {"owner": session.card.fingerprint, "webhook_key": key}
    answer(app, made.hook, {**as_json.hook(made), **mine})


@hook.command("list")
@pass_app
def list_(app: App) -> None:
    """List your hooks, and what waits for each."""
    found = app.session(app.require_service()).hooks()
    if not found:
        say(app, "You have no hooks here.")
    rows = [(one.hook, _standing(one), printable(one.url)) for one in found]
    answer(app, table(rows, indent=0), {"hooks": [as_json.hook(one) for one in found]})


@hook.command()
@click.argument("hook_id", metavar="HOOK")
@pass_app
def remove(app: App, hook_id: str) -> None:
    """Tell a hook nothing any more."""
    closed = app.session(app.require_service()).remove_hook(hook_id)
    say(app, "Closed for good.")
    answer(app, closed.hook, as_json.hook(closed))


def _standing(one: Hook) -> str:
    if one.why is not None:
        return printable(f"closed ({one.why})")
    if one.waiting_since is not None:
        return f"{one.waiting} wait since {one.waiting_since:%Y-%m-%d %H:%M}"
    return "all told" if one.delivered_at else "nothing yet"
