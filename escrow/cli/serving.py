"""Set a service up and run it. The server's packages are an extra of the installation, imported only
here.

A service is a folder: its identity (which signs receipts and opens nothing), its settings, its store.
Settings and their reasons stand in escrow/config.py, from which `escrow settings` prints them.
"""

import json
import os
import stat
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

import click

from escrow.cli import as_json
from escrow.cli.app import App, Family, Verb, pass_app
from escrow.cli.files import require_free, write_file
from escrow.cli.output import answer, say
from escrow.cli.s3_options import s3_options, s3_settings
from escrow.client import Card
from escrow.config import Settings, Storage
from escrow.errors import SetupError

CONFIG_NAME = "service.toml"
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(cls=Family)
def service() -> None:
    """Set a service up."""


@service.command()
@click.argument("folder", type=FOLDER)
@click.option("--url", metavar="URL", help="Where the world reaches it.  [default: http:// and --bind]")
@click.option(
    "--bind", default="127.0.0.1:8321", show_default=True, metavar="ADDRESS:PORT", help="Where it listens."
)
@click.option(
    "--convenor",
    "convenors",
    multiple=True,
    metavar="CARD",
    help="A card that may open cases. Repeatable.  [default: anybody may]",
)
@s3_options
@pass_app
def init(
    app: App, /, folder: Path, url: str | None, bind: str, convenors: tuple[str, ...], **s3: str | Path | None
) -> None:
    """Make a service's folder: its identity and its settings.

    Prints the service's card, which convenors compare before they open a case. Keep a copy of the
    identity: without it the service can no longer serve its cases. Run it with: escrow serve FOLDER

    Records are kept in FOLDER too, or on an S3 server with --s3-endpoint; `scripts/minio setup` makes
    the buckets and the service's credential.
    """
    require_server()
    from escrow.service.identity import create_service_identity

    store = s3_settings(**s3) or {"store": str(folder.resolve() / "store")}
    config = folder / CONFIG_NAME
    require_free(config, force=False)
    listed = tuple(str(Card.parse(text)) for text in convenors)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    card = create_service_identity(folder / "identity")
    write_file(config, _config(folder.resolve(), url or f"http://{bind}", bind, listed, store).encode())
    run = f"To run it: escrow serve {quote(str(folder))}"
    say(app, f"Settings: {config}", f"Fingerprint: {card.groups}", run, "The service's card:")
    answer(app, str(card), {**as_json.card(card), "folder": str(folder), "settings": str(config)})


def _config(folder: Path, url: str, bind: str, convenors: tuple[str, ...], store: dict[str, str]) -> str:
    """TOML; every text is quoted as JSON, of which TOML's basic strings understand all that is printed
    here.
    """
    who = json.dumps(list(convenors)) if convenors else '"open"'
    return (
        "# Settings of this service; what each means and what else there is: escrow settings\n"
        f"public_url = {json.dumps(url.rstrip('/'))}\n"
        f"bind = {json.dumps(bind)}\n"
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in store.items())
        + f"service_identity = {json.dumps(str(folder / 'identity'))}\n"
        f"convenors = {who}\n"
    )


@click.command(cls=Verb)
@click.argument("folder", type=FOLDER, required=False)
@pass_app
def serve(app: App, folder: Path | None) -> None:
    """Run the service.

    With FOLDER, as `escrow service init FOLDER` made it; without, from ESCROW_CONFIG and ESCROW_*
    settings. Runs until it is stopped. Anything but this machine reaches it through a proxy with TLS.
    """
    settings = settings_of(folder)
    from escrow.api.server import serve as run

    words = f"Serving {settings.public_url} on {settings.bind}, from {_place(settings.store)}"
    run(settings, announce=lambda: say(app, words))


def settings_of(folder: Path | None) -> Settings:
    """As `escrow service init FOLDER` made them; None: from ESCROW_CONFIG and ESCROW_*. SetupError."""
    require_server()
    if folder is not None and not folder.is_dir():
        raise SetupError("service_folder_missing", path=str(folder))
    from escrow.config import load_settings

    environ = dict(os.environ)
    if folder is not None:
        require_ours(folder, folder / CONFIG_NAME)
        environ["ESCROW_CONFIG"] = str(folder / CONFIG_NAME)
    return load_settings(environ)


def _place(storage: Storage) -> str:
    return str(storage) if isinstance(storage, Path) else f"{storage.endpoint} ({storage.buckets}-*)"


def require_server() -> None:
    """SetupError `server_extra_missing`: parties install without the server's packages."""
    for name in ("flask", "flask_smorest", "gunicorn", "marshmallow", "prometheus_client", "structlog"):
        if find_spec(name) is None:
            raise SetupError("server_extra_missing", missing=name)


def require_ours(*paths: Path) -> None:
    """SetupError `service_folder_exposed`: who may write there may put another identity in its place."""
    for path in paths:
        if path.exists() and path.stat().st_mode & stat.S_IWOTH:
            raise SetupError("service_folder_exposed", path=str(path))
