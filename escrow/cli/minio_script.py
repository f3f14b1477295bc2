"""`scripts/minio`: bring up a MinIO on this machine, or set one up as production needs it."""

import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from escrow.cli.app import App, pass_app
from escrow.cli.archives import FILE, FOLDER, json_option, run
from escrow.cli.output import answer, say

if TYPE_CHECKING:
    from escrow.config import S3Settings

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache/bin"
POLICIES = REPOSITORY / "infra/policies"
_BUCKETS = click.option(
    "--buckets", default="escrow", show_default=True, metavar="NAME", help="How the buckets' names begin."
)


@click.group()
def minio() -> None:
    """MinIO for Escrow: its program, a server on this machine, buckets, users and policies."""


@minio.command()
@click.option("--with-mc", is_flag=True, help="MinIO's command line too, with which administrators copy.")
@json_option
@pass_app
def install(app: App, with_mc: bool) -> None:
    """Find MinIO's program, or build it by Go or Docker into .cache/bin (minutes, once). Say where it is."""
    for name in ("minio", "mc") if with_mc else ("minio",):
        path = program(name)
        answer(app, str(path), {"program": name, "path": str(path)})


@minio.command(name="run")
@click.option(
    "--data", type=FOLDER, metavar="FOLDER", help="Where it keeps everything.  [default: temporary]"
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="On loopback.  [default: a free one]")
@_BUCKETS
@json_option
@pass_app
def run_here(app: App, data: Path | None, port: int, buckets: str) -> None:
    """Run a MinIO on this machine, set up as production is, until it is stopped (Ctrl-C)."""
    from escrow.admin.minio_program import held, run_minio
    from escrow.admin.minio_setup import LEDGER_DAYS
    from escrow.config import S3Settings
    from escrow.store.s3_credentials import write_credentials

    found = program("minio")
    with stopped_in_order(), ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="escrow-minio-")))
        folder = folder.resolve()
        stack.enter_context(held(folder))
        server = stack.enter_context(run_minio(found, folder / "data", folder / "minio.log", port=port))
        credentials = folder / "credentials"
        credentials.mkdir(mode=0o700, exist_ok=True)
        root = credentials / "root.json"
        root.unlink(missing_ok=True)  # of an earlier run: a new one is drawn at every start
        write_credentials(root, server.root)
        settings = S3Settings(endpoint=server.endpoint, buckets=buckets, credentials=root)
        _set_up(app, settings, credentials, LEDGER_DAYS)
        try:  # whoever is told where it is may stop it at once
            _tell_reach(app, server.endpoint, buckets, credentials)
            server.wait()
        except KeyboardInterrupt:
            say(app, "MinIO was stopped.")


def _tell_reach(app: App, endpoint: str, buckets: str, credentials: Path) -> None:
    facts = {"endpoint": endpoint, "buckets": buckets, "credentials": str(credentials)}
    if app.as_json:  # one line, as every step is
        click.echo(json.dumps(facts))
        return
    answer(app, endpoint, facts)
    say(
        app,
        f"MinIO runs there until Ctrl-C; {credentials} holds a credential for each role. A service on it:",
        f"  escrow service init service --s3-endpoint {endpoint} --s3-buckets {buckets} "
        f"--s3-credentials {credentials}/service.json",
    )


@minio.command()
@click.option("--endpoint", required=True, metavar="URL", help="Where MinIO listens.")
@click.option("--root", type=FILE, required=True, metavar="FILE", help="The credential of its administrator.")
@_BUCKETS
@click.option(
    "--out", type=FOLDER, required=True, metavar="FOLDER", help="Where each role's credential is written."
)
@click.option(
    "--lock", type=click.Choice(["governance", "compliance"]), default="governance", show_default=True,
    help="compliance: not even MinIO's administrator removes a locked version; nothing takes that back.",
)  # fmt: skip
@click.option(
    "--ledger-days", type=click.IntRange(1, 36500), help="How long entries are locked.  [default: 3650]"
)
@click.option("--ca-file", type=FILE, metavar="FILE", help="Certificates (PEM) to believe the server by.")
@click.option(
    "--policies", type=FOLDER, default=POLICIES, metavar="FOLDER", show_default="infra/policies",
    help="What each role may do.",
)  # fmt: skip
@click.option("--replace-policies", is_flag=True, help="Also those that are there and say something else.")
@json_option
@pass_app
def setup(
    app: App, endpoint: str, root: Path, buckets: str, out: Path, lock: str, ledger_days: int | None,
    ca_file: Path | None, policies: Path, replace_policies: bool,
) -> None:  # fmt: skip
    """Make buckets, locks, users and policies on a MinIO, then verify them.

    Safe to run again: it says what it found and what it made, and loosens and shortens nothing. Writes each
    role's credential to --out; keep restore.json locked away, and root.json nowhere near the service.
    """
    from escrow.admin.minio_setup import LEDGER_DAYS
    from escrow.config import S3Settings

    settings = S3Settings(endpoint=endpoint, buckets=buckets, credentials=root, lock=lock, ca_file=ca_file)
    _set_up(app, settings, out, ledger_days or LEDGER_DAYS, policies=policies, replace=replace_policies)


def _set_up(
    app: App, settings: "S3Settings", out: Path, ledger_days: int, *, policies: Path = POLICIES,
    replace: bool = False,
) -> None:  # fmt: skip
    from itertools import chain

    from escrow.admin.minio_setup import set_up
    from escrow.admin.minio_verify import verify

    steps = set_up(settings, policies=policies, credentials=out, ledger_days=ledger_days, replace=replace)
    for step in chain(steps, verify(settings, credentials=out)):
        if app.as_json:
            click.echo(json.dumps({"step": step.what, "made": step.made, "warning": step.warning}))
            continue
        mark = "LOOK " if step.warning else "made " if step.made else "as is"
        say(app, f"{mark}  {step.what}")


def program(name: str) -> Path:
    """`minio` or `mc`, built where it must be; what takes long is said, with a clock on a terminal."""
    from escrow.admin.minio_program import find_program

    with ExitStack() as stack:

        def tell(line: str) -> None:
            click.echo(line, err=True)
            if sys.stderr.isatty():
                stack.enter_context(_clock())

        return find_program(name, CACHE, say=tell)


@contextmanager
def _clock() -> Iterator[None]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("Building"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bars.add_task("build", total=None)
        yield


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that no server that it started is left behind."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> None:
    """The entry point of scripts/minio."""
    run(minio, "minio")


if __name__ == "__main__":
    main()
