"""The options of `escrow service init` that say on which S3 server records are kept: S3Settings, as typed."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from escrow.config import S3Settings

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, dir_okay=False)

_OPTIONS = (
    click.option("--s3-endpoint", metavar="URL", help="Keep records on this S3 server, not in FOLDER."),
    click.option("--s3-buckets", metavar="NAME", help="How the buckets' names begin.  [default: escrow]"),
    click.option(
        "--s3-credentials", type=_FILE, metavar="FILE",
        help="The service's credential, as `scripts/minio setup` writes it.  [default: as boto3 finds it]",
    ),
    click.option("--s3-region", metavar="NAME", help="The server's region.  [default: us-east-1]"),
    click.option("--s3-ca-file", type=_FILE, metavar="FILE", help="Certificates to believe the server by."),
    click.option(
        "--s3-public-endpoint", metavar="URL",
        help="Where parties reach the same server, to send payloads to it themselves.",
    ),
    click.option(
        "--s3-lock", type=click.Choice(["governance", "compliance"]),
        help="How payloads are locked.  [default: governance]",
    ),
)  # fmt: skip


def s3_options(function: F) -> F:
    """Adds the options; their values go to `s3_settings`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def s3_settings(**typed: str | Path | None) -> dict[str, str]:
    """Lines for service.toml; none where no server was named. SetupError `setting_malformed` (setting)."""
    given = {name.removeprefix("s3_"): value for name, value in typed.items() if value is not None}
    if not given:
        return {}
    if "endpoint" not in given:
        raise click.UsageError("The options --s3-... need --s3-endpoint: where the S3 server is.")
    given = {name: value.resolve() if isinstance(value, Path) else value for name, value in given.items()}
    settings = S3Settings(**given)  # type: ignore[arg-type]  # click has made each what it must be
    lines = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {f"s3_{name}": str(value) for name, value in lines.items() if name in given or name == "buckets"}
