"""The demo's MinIO: a real server on this machine, set up with the users and policies of production."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import click

from escrow.config import S3Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the demo's records lie. `credentials`: the folder with one file for each role."""

    endpoint: str
    credentials: Path
    buckets: str = "escrow"

    @property
    def options(self) -> tuple[str, ...]:
        """For `escrow service init`."""
        file = str(self.credentials / "service.json")
        return "--s3-endpoint", self.endpoint, "--s3-credentials", file

    def settings(self, role: str) -> S3Settings:
        """How the holder of this role's credential reaches the server."""
        return S3Settings(
            endpoint=self.endpoint, buckets=self.buckets, credentials=self.credentials / f"{role}.json"
        )

    def objects(self) -> list[bytes]:
        """The bytes of everything that the server keeps, in every version: what its administrator sees."""
        from escrow.store.interface import Bucket
        from escrow.store.s3_connection import S3Connection

        found: list[bytes] = []
        with closing(S3Connection(self.settings("root"))) as line:
            for bucket in Bucket:
                pages = line.client.get_paginator("list_object_versions").paginate(Bucket=line.bucket(bucket))
                for one in (version for page in pages for version in page.get("Versions", ())):
                    limit = one["Size"]
                    found.append(line.read(bucket, one["Key"], limit=limit, version=one["VersionId"]))
        return found

    def audit(self) -> list[str]:
        """Codes of what is wrong in the buckets, looked at with the auditor's credential."""
        from escrow.admin.store_audit import audit_store
        from escrow.store.opening import open_archive

        with open_archive(self.settings("audit")) as archive:
            reports = list(audit_store(archive, None, at=datetime.now(UTC)))
        return [fault.code for report in reports for fault in report.faults]


@contextmanager
def run_site(folder: Path, *, quiet: bool) -> Iterator[Site]:
    """SetupError where MinIO's program is neither there nor to be built, or does not start."""
    from escrow.admin.minio_program import run_minio
    from escrow.admin.minio_setup import set_up
    from escrow.admin.minio_verify import verify
    from escrow.cli.minio_script import POLICIES, program, stopped_in_order
    from escrow.store.s3_credentials import write_credentials

    def tell(line: str) -> None:
        if not quiet:
            click.echo(line)

    if not POLICIES.is_dir():
        raise click.UsageError("--minio needs this program's source folder: run scripts/demo --minio there.")
    found = program("minio")
    credentials = folder / "credentials"
    credentials.mkdir(mode=0o700, parents=True)
    with stopped_in_order(), run_minio(found, folder / "minio", folder / "minio.log") as server:
        site = Site(endpoint=server.endpoint, credentials=credentials)
        write_credentials(credentials / "root.json", server.root)
        tell(f"A MinIO runs at {server.endpoint}; its buckets, users and policies are those of production:")
        settings = site.settings("root")
        steps = set_up(settings, policies=POLICIES, credentials=credentials)
        for step in chain(steps, verify(settings, credentials=credentials)):
            tell(f"  {step.what.replace(str(folder), '.')}")
        yield site
