"""What every script for administrators takes: where the storage is, and with which credential."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from escrow.cli.app import App
from escrow.config import Storage, load_storage
from escrow.errors import SetupError
from escrow.store.opening import Archive, open_archive

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def storage_options(function: F) -> F:
    """Adds --store, --config and --credentials, which the verb hands on to `archive`, and --json."""
    for option in (
        json_option,
        click.option(
            "--credentials", type=FILE, metavar="FILE",
            help="This script's own S3 credential, instead of the file's.",
        ),
        click.option(
            "--config", type=FILE, metavar="FILE",
            help="The service's settings: where the storage is.  [default: ESCROW_CONFIG and ESCROW_S3_*]",
        ),
        click.option(
            "--store", type=FOLDER, metavar="FOLDER",
            help="A folder store, or a downloaded copy of the buckets.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def json_option(function: F) -> F:
    """Adds --json alone, for a script that works on no storage."""
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_answer_in_json,
        help="Answer in JSON, one line for each deed.",
    )(function)  # fmt: skip


def _answer_in_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    app = ctx.ensure_object(App)
    app.as_json = app.as_json or value


def storage_of(store: Path | None, config: Path | None, credentials: Path | None) -> Storage:
    """What the options name. SetupError `store_folder_missing` (path), and those of `load_storage`."""
    if store is not None:
        if not store.is_dir():
            raise SetupError("store_folder_missing", path=str(store))
        return store
    environ = dict(os.environ) | ({} if config is None else {"ESCROW_CONFIG": str(config)})
    found = load_storage(environ)
    return (
        found if credentials is None or isinstance(found, Path) else replace(found, credentials=credentials)
    )


@contextmanager
def archive(store: Path | None, config: Path | None, credentials: Path | None) -> Iterator[Archive]:
    with open_archive(storage_of(store, config, credentials)) as found:
        yield found


def run(command: click.Command, name: str) -> None:
    """Run a script's group of verbs as the program `name`, ending as `escrow` itself ends."""
    import sys

    from escrow.cli import endings
    from escrow.cli.main import never_fail_to_print

    never_fail_to_print()
    app = App(as_json="--json" in sys.argv[1:])
    try:
        code = command.main(sys.argv[1:], prog_name=name, standalone_mode=False, obj=app)
    except Exception as error:  # noqa: BLE001  # the last stop: a person gets words, never a traceback
        code = endings.report(error, as_json=app.as_json)
    sys.exit(code if isinstance(code, int) else 0)
