"""`scripts/minio`: bring up a MinIO on this machine, or set one up as production needs it."""

import json
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from escrow.cli.app import App, pass_app
from escrow.cli.archives import FILE, FOLDER, run
from escrow.cli.output import answer, say

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache/bin"
POLICIES = REPOSITORY / "infra/policies"


@click.group()
def minio() -> None:
    """MinIO for Escrow: its program, a server on this machine, buckets, users and policies."""


@minio.command()
@click.option(
    "--with-mc", is_flag=True, help="MinIO's command line too, which administrators use for copies."
)
@pass_app
def install(app: App, with_mc: bool) -> None:
    """Find MinIO's program, or build it by Go into .cache/bin (three minutes, once). Prints where it is."""
    from escrow.admin.minio_program import find_program

    for name in ("minio", "mc") if with_mc else ("minio",):
        path = find_program(name, CACHE, say=lambda line: say(app, line))
        answer(app, str(path), {"program": name, "path": str(path)})


@minio.command(name="run")
@click.option(
    "--data", type=FOLDER, metavar="FOLDER", help="Where it keeps everything.  [default: temporary]"
)
@click.option("--port", type=int, default=0, help="On loopback.  [default: a free one]")
@click.option(
    "--buckets", default="escrow", show_default=True, metavar="NAME", help="How the buckets' names begin."
)
@pass_app
def run_here(app: App, data: Path | None, port: int, buckets: str) -> None:
    """Run a MinIO on this machine, set up as production is, until it is stopped."""
    from escrow.admin.minio_program import find_program, run_minio
    from escrow.store.s3_credentials import write_credentials

    program = find_program("minio", CACHE, say=lambda line: say(app, line))
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="escrow-minio-")))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = stack.enter_context(run_minio(program, folder / "data", folder / "minio.log", port=port))
        root = folder / "credentials/root.json"
        root.parent.mkdir(mode=0o700, exist_ok=True)
        root.unlink(missing_ok=True)  # of an earlier run: a new one is drawn at every start
        write_credentials(root, server.root)
        _set_up(app, server.endpoint, root, buckets, root.parent, "governance", None)
        answer(
            app,
            f"MinIO runs at {server.endpoint}",
            {"endpoint": server.endpoint, "credentials": str(root.parent)},
        )
        try:
            signal.pause()
        except KeyboardInterrupt:
            say(app, "Stopped.")


@minio.command()
@click.option("--endpoint", required=True, metavar="URL", help="Where MinIO listens.")
@click.option("--root", type=FILE, required=True, metavar="FILE", help="The credential of its administrator.")
@click.option(
    "--buckets", default="escrow", show_default=True, metavar="NAME", help="How the buckets' names begin."
)
@click.option(
    "--out", type=FOLDER, required=True, metavar="FOLDER", help="Where each role's credential is written."
)
@click.option(
    "--lock", type=click.Choice(["governance", "compliance"]), default="governance", show_default=True
)
@click.option(
    "--ledger-days", type=click.IntRange(1, 36500), help="How long entries are locked.  [default: 3650]"
)
@pass_app
def setup(
    app: App, endpoint: str, root: Path, buckets: str, out: Path, lock: str, ledger_days: int | None
) -> None:
    """Make buckets, locks, users and policies on a MinIO. Safe to run again: nothing is loosened."""
    _set_up(app, endpoint, root, buckets, out, lock, ledger_days)


def _set_up(
    app: App, endpoint: str, root: Path, buckets: str, out: Path, lock: str, ledger_days: int | None
) -> None:
    from escrow.admin.minio_setup import LEDGER_DAYS, set_up
    from escrow.config import S3Settings

    settings = S3Settings(endpoint=endpoint, buckets=buckets, credentials=root, lock=lock)
    for step in set_up(settings, policies=POLICIES, credentials=out, ledger_days=ledger_days or LEDGER_DAYS):
        facts: dict[str, Any] = {"step": step.what, "made": step.made}
        if app.as_json:
            click.echo(json.dumps(facts))
        else:
            say(app, f"{'made ' if step.made else 'as is'}  {step.what}")


def main() -> None:
    """The entry point of scripts/minio."""
    run(minio, "minio")
