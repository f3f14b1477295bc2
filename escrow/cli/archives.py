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
from escrow.errors import SetupError, UnavailableError
from escrow.store.interface import Bucket
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
    """What the options name.

    SetupError `storage_not_named`, those of `require_store` and of `load_storage`; click.UsageError where
    they name two.
    """
    if store is not None:
        if config is not None or credentials is not None:
            raise click.UsageError("Give --store, or --config and --credentials: not both.")
        require_store(store)
        return store
    environ = dict(os.environ) | ({} if config is None else {"ESCROW_CONFIG": str(config)})
    try:
        found = load_storage(environ)
    except SetupError as error:
        if error.code == "setting_missing" and error.fields["setting"] == "store":
            raise SetupError("storage_not_named") from error
        raise
    return (
        found if credentials is None or isinstance(found, Path) else replace(found, credentials=credentials)
    )


def require_store(folder: Path) -> None:
    """Else another folder would pass for a store that holds nothing.

    SetupError `store_folder_missing`, `store_folder_empty`, `store_folder_foreign`, and `store_is_inside`
    where a service's own folder was named.
    """
    if not folder.is_dir():
        raise SetupError("store_folder_missing", path=str(folder))
    if any((folder / bucket.value).exists() for bucket in Bucket):
        return
    inside = folder / "store"
    if inside.is_dir():
        raise SetupError("store_is_inside", path=str(folder), store=str(inside))
    if not any(folder.iterdir()):
        raise SetupError("store_folder_empty", path=str(folder))
    raise SetupError("store_folder_foreign", path=str(folder))


@contextmanager
def archive(store: Path | None, config: Path | None, credentials: Path | None) -> Iterator[Archive]:
    """What the options name, opened.

    What the storage refuses because of a wrong setting comes out as the service's start tells it: SetupError
    of `at_start`. What another try may mend is UnavailableError: `store_unreachable` (endpoint), and others.
    """
    storage = storage_of(store, config, credentials)
    with told_as_setting(storage), open_archive(storage) as found:
        yield found


@contextmanager
def told_as_setting(storage: Storage) -> Iterator[None]:
    """Where a storage refuses because of a wrong setting, say which, as `archive` does."""
    try:
        yield
    except UnavailableError as error:
        from escrow.admin.cases import ends_run
        from escrow.store.s3_check import at_start

        if isinstance(storage, Path) or not ends_run(error):
            raise
        told = at_start(error, storage)
        if told.code == "store_unreachable":  # up again some time: the next run of a timer finds it
            raise UnavailableError("store_unreachable", endpoint=storage.endpoint) from error
        raise told from error


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
