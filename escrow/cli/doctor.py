"""`escrow doctor`: look at a service before it starts or while it runs, and say what to mend."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from escrow.cli import endings
from escrow.cli.app import App, Verb, pass_app
from escrow.cli.output import answer, say
from escrow.cli.serving import CONFIG_NAME, FOLDER, require_server
from escrow.errors import SetupError
from escrow.words import describe

if TYPE_CHECKING:
    from escrow.admin.finding import Finding

EPILOG = """\b
ok: as it should be. note: cannot be told from here. warning: works today. fault: will not start,
not serve everybody, or not keep what was promised.

\b
Exit codes: 0 no fault, 2 wrong usage, 8 at least one fault.
Also takes --json: see escrow --help.
"""
_WIDTH = 8


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Settings, instead of FOLDER's service.toml.",
)  # fmt: skip
@pass_app
def doctor(app: App, folder: Path | None, config: Path | None) -> None:
    """Check settings, storage, rights, clock, TLS and disk of a service.

    With FOLDER, as `escrow service init FOLDER` made it, or with --config FILE; without, from ESCROW_CONFIG
    and ESCROW_* settings. Run it as the user who runs the service, on its machine. Writes nothing that a
    start of the service would not write too. REQUESTS_CA_BUNDLE=FILE names an authority of your own.
    """
    require_server()
    if folder is not None and config is not None:
        raise click.UsageError("Give FOLDER or --config, not both.")
    if folder is not None and not folder.is_dir():
        raise SetupError("service_folder_missing", path=str(folder))
    from escrow.admin.doctor import examine

    environ = dict(os.environ)
    if folder is not None or config is not None:
        environ["ESCROW_CONFIG"] = str(config or (folder or Path()) / CONFIG_NAME)
    told, counts = [], {"fault": 0, "warning": 0, "note": 0, "ok": 0}
    for one in examine(environ):
        counts[one.state] += 1
        told.append(_program(one))
        if not app.as_json:
            answer(app, _people(one), {})
    if app.as_json:
        answer(app, "", {"findings": told, **counts})
    say(
        app,
        "",
        f"Faults: {counts['fault']}. Warnings: {counts['warning']}. Could not be told: {counts['note']}.",
    )
    if counts["fault"]:
        raise click.exceptions.Exit(endings.SETUP)


def _people(one: "Finding") -> Iterator[str]:
    """A line, and below it what to do."""
    head = f"{one.state.upper() if one.state == 'fault' else one.state:{_WIDTH}} {one.area:{_WIDTH}}"
    if one.error is None:
        yield f"{head} {one.text}"
        return
    words = describe(one.error)
    yield f"{head} {words.detail}"
    yield f"{'':{2 * _WIDTH + 1}} -> {words.remedy}"


def _program(one: "Finding") -> dict[str, Any]:
    found: dict[str, Any] = {"state": one.state.value, "area": one.area}
    if one.error is None:
        return found | {"code": None, "message": one.text, "remedy": None, "fields": {}}
    words = describe(one.error)
    return found | {
        "code": one.error.code, "message": words.detail, "remedy": words.remedy,
        "fields": dict(one.error.fields),
    }  # fmt: skip
