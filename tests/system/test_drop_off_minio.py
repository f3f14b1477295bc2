"""Drop-offs over MinIO, with the credential of a service: kept, locked and released."""

from pathlib import Path

from support.minio import Site
from support.planted_drop_off import LARGE, DropOffs, tell
from support.running import running

from escrow.store import names
from escrow.store.interface import MIB, Bucket


def test_drop_offs_are_kept_and_locked_on_minio_and_released(site: Site, tmp_path: Path) -> None:
    """Beside those that are refused, each in its own way (`tell`)."""
    with running(tmp_path, site.settings("service"), workers=1, threads=4, drop_off_bytes=8 * MIB) as service:
        drops = DropOffs(service)
        tell(drops)
        records = dict(drops.party.state.records)
        for record in records:
            drops.key_of(record)
    lengths = []
    with site.client("audit") as client:
        for one in records.values():
            key = names.payload(drops.case.id, one.body.payload.upload)
            where = {"Bucket": site.bucket(Bucket.RECORDS), "Key": key}
            lengths.append(client.head_object(**where)["ContentLength"])
            assert client.get_object_retention(**where)["Retention"]["Mode"] == "GOVERNANCE"
    assert len(lengths) == 2
    assert max(lengths) > len(LARGE)
