"""The case that is kept for ever (tests/golden), for tests of what administrators do with storage alone.

One release for an arbitrator who holds no seat, and one for everybody.
"""

from datetime import UTC, datetime
from pathlib import Path

from support.minio import Site

from escrow.admin.due import Due, Standing, due
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.opening import Archive

GOLDEN = Path(__file__).parents[1] / "golden/v1"
KEPT = GOLDEN / "operator/service/store"
(CASE,) = (path.name for path in (KEPT / "ledger/cases").iterdir())
MEMO = b"Northquay and Belmarra have settled their differences and go on working together.\n"
SCRIPTS = Path(__file__).parents[2] / "scripts"


def now() -> datetime:
    return datetime.now(UTC)


def one(archive: Archive, standing: Standing) -> Due:
    """The one request of that standing."""
    (found,) = (each for each in due(archive) if isinstance(each, Due) and each.standing is standing)
    return found


def fill(site: Site) -> Site:
    """Copy the case object by object into fresh buckets, as a service would have left it."""
    with site.client("root") as root:
        for bucket in (Bucket.LEDGER, Bucket.RECORDS):
            for path in sorted((KEPT / bucket.value).rglob("*")):
                name = str(path.relative_to(KEPT / bucket.value))
                if path.is_file() and names.is_object(bucket, name):
                    root.put_object(Bucket=site.bucket(bucket), Key=name, Body=path.read_bytes())
    return site


def environment(site: Site, role: str) -> dict[str, str]:
    """What a script is told of the storage, and nothing else."""
    settings = site.settings(role)
    return {
        "ESCROW_S3_ENDPOINT": settings.endpoint,
        "ESCROW_S3_BUCKETS": settings.buckets,
        "ESCROW_S3_CREDENTIALS": str(settings.credentials),
        "PATH": "/usr/bin:/bin",
    }
