"""The keys of a service: `service new-key` makes a new one, `service keys` says which are needed."""

import os
from dataclasses import replace
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json
from escrow.cli.app import App, pass_app
from escrow.cli.archives import told_as_setting
from escrow.cli.output import answer, say
from escrow.cli.serving import CONFIG_NAME, FOLDER, require_ours, require_server, service
from escrow.client import Card
from escrow.config import Settings, load_settings
from escrow.errors import SetupError

_CREDENTIALS = click.option(
    "--credentials", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="On S3: a credential that may do it, instead of the service's.",
)  # fmt: skip


@service.command("new-key")
@click.argument("folder", type=FOLDER)
@click.option(
    "--lost", metavar="CARD", help="The old key is lost: its card, as charters name it. There is no identity."
)
@_CREDENTIALS
@pass_app
def new_key(app: App, folder: Path, lost: str | None, credentials: Path | None) -> None:
    """Give a service a new key, and keep the old one for the cases that go by it.

    Prints the new card. Then restart every process of the service, one after the other: new cases name the
    new card. A case that is open stays with the old one until all of its seats have accepted a charter that
    names the new: escrow case move-service. On S3 this takes --credentials restore.json.
    """
    settings = _settings(folder, credentials)
    from escrow.service.new_key import change_service_key, replace_lost_key
    from escrow.store.opening import open_store

    path = settings.service_identity
    old = None if lost is None else Card.parse(lost)
    with told_as_setting(settings.store):
        store = open_store(settings.store)
        card = change_service_key(path, store) if old is None else replace_lost_key(path, store, old)
    if old is None:
        kept = f"Keep a copy of {path} and of {path.parent / 'former'}; both open nothing."
    else:
        kept = f"Keep a copy of {path}; it opens nothing."
    say(
        app, kept,
        "Now copy both to every machine of this service, and restart each of its processes in turn."
        if old is None
        else "Now copy it to every machine of this service, and restart each of its processes in turn.",
        "Tell convenors and seats the new card, not by way of the service: they compare it. They run",
        f"  escrow case move-service CASE --service-card {card}",
        f"Fingerprint: {card.groups}", "The service's new card:",
    )  # fmt: skip
    answer(app, str(card), {**as_json.card(card), "identity": str(path)})


@service.command()
@click.argument("folder", type=FOLDER)
@_CREDENTIALS
@pass_app
def keys(app: App, folder: Path, credentials: Path | None) -> None:
    """List a service's keys, and how many cases go by each.

    Replays every case of the storage. A former key that no case goes by may be moved out of FOLDER/former;
    restart the service then.
    """
    settings = _settings(folder, credentials)
    from escrow.admin.service_keys import count_cases
    from escrow.service.identity import load_service_keys
    from escrow.store.opening import open_store

    held = load_service_keys(settings.service_identity)
    with told_as_setting(settings.store):
        found = count_cases(open_store(settings.store))
    rows = {held.current.card: "current"} | {one.card: "former" for one in held.former}
    rows |= {card: "not here" for card in found.cases if card not in rows}
    lines = [f"{state:9} {found.cases[card]:7} cases  {card.groups}" for card, state in rows.items()]
    if found.unread:
        say(app, f"{found.unread} cases could not be read and may need any of them: escrow audit names them.")
    told = [{**as_json.card(card), "key": state, "cases": found.cases[card]} for card, state in rows.items()]
    answer(app, lines, {"keys": told, "unread": found.unread})


def _settings(folder: Path, credentials: Path | None) -> Settings:
    """Of the service in this folder. SetupError as `escrow serve`."""
    require_server()
    config = folder / CONFIG_NAME
    if not config.is_file():
        raise SetupError("service_folder_missing", path=str(folder))
    require_ours(folder, config)
    found = load_settings(dict(os.environ) | {"ESCROW_CONFIG": str(config)})
    if credentials is None:
        return found
    if isinstance(found.store, Path):
        raise click.UsageError(
            f"{quote(str(folder))} keeps its records in a folder: leave --credentials out."
        )
    return replace(found, store=replace(found.store, credentials=credentials))
