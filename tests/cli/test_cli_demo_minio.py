"""The demo on a real MinIO, and a service that is started on one with what it must not have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.desk import Table
from support.minio import Site, minio_program

from escrow.cli.demo_stage import holds
from escrow.config import S3Settings
from escrow.store.interface import Bucket

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_demo_plays_its_story_on_minio_and_leaves_nothing(tmp_path: Path) -> None:
    minio_program()
    done = subprocess.run(
        [sys.executable, "-m", "escrow.cli", "demo", "--minio"], cwd=REPOSITORY, capture_output=True,
        text=True, check=False, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    assert "All as it must be" in done.stdout
    assert "verified: service enters, with its own policy and no other" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_the_demo_searches_is_all_that_the_server_keeps(site: Site) -> None:
    """Every version, of every bucket: an overwritten secret would be found."""
    from escrow.cli import demo_site

    with site.client("root") as root:
        for bucket in Bucket:
            for text in ("overwritten", "standing"):
                body = f"{text} in {bucket.value}".encode()
                root.put_object(Bucket=site.bucket(bucket), Key="canary", Body=body)
    settings = site.settings("root")
    assert settings.credentials is not None
    found = demo_site.Site(
        endpoint=settings.endpoint, credentials=settings.credentials.parent, buckets=site.buckets
    ).objects()
    for bucket in Bucket:
        for text in ("overwritten", "standing"):
            assert any(holds(raw, f"{text} in {bucket.value}") for raw in found)


@pytest.mark.parametrize(
    ("role", "code"), [("release", "store_access_denied"), ("audit", "store_access_denied")]
)
def test_service_with_the_credential_of_another_role_does_not_start(
    table: Table, site: Site, role: str, code: str
) -> None:
    _init(table, site.settings(role))
    assert table.person("operator").refused("serve", "here", status=8) == code


def test_missing_right_is_told_with_its_bucket_and_where_to_look(table: Table, site: Site) -> None:
    _init(table, site.settings("audit"))
    told = table.person("operator").type("serve", "here", status=8)
    assert f"the bucket {site.buckets}-" in told.stderr
    assert "infra/policies" in told.stderr
    assert "Serving" not in told.stderr


def test_service_on_buckets_that_nobody_made_does_not_start(table: Table, site: Site) -> None:
    settings = site.settings("root")
    other = S3Settings(
        endpoint=settings.endpoint, buckets=f"{site.buckets}none", credentials=settings.credentials
    )
    _init(table, other)
    assert table.person("operator").refused("serve", "here", status=8) == "store_bucket_missing"


def _init(table: Table, settings: S3Settings) -> None:
    table.person("operator").type(
        "service", "init", "here", "--bind", "127.0.0.1:0", "--url", "http://127.0.0.1:8321",
        "--s3-endpoint", settings.endpoint, "--s3-buckets", settings.buckets,
        "--s3-credentials", str(settings.credentials),
    )  # fmt: skip
