"""An audit of buckets on MinIO, with the auditor's own credential: locks, hidden objects of every kind, what
is published, what is strange; and what restoring brings back.
"""

from datetime import UTC, datetime, timedelta

import pytest
from support.kept import CASE, fill, now, one
from support.minio import Site
from support.refusals import refuses

from escrow.admin.due import Standing
from escrow.admin.first_versions import hidden_objects, restore
from escrow.admin.release import publish
from escrow.admin.store_audit import audit_store
from escrow.errors import NotFoundError
from escrow.ledger.audit import AuditReport, Fault
from escrow.model.ids import Hash
from escrow.store import names
from escrow.store.interface import MIB, Bucket
from escrow.store.names import Released
from escrow.store.opening import open_archive

KINDS = {
    "entry": (Bucket.LEDGER, names.CASES),
    "index": (Bucket.LEDGER, names.CARDS),
    "share": (Bucket.RECORDS, names.SHARES),
    "payload": (Bucket.RECORDS, names.PAYLOADS),
}


@pytest.fixture
def filled(site: Site) -> Site:
    """Its payloads are retained, as a service would have left them."""
    fill(site)
    until = now() + timedelta(days=20 * 366)
    with site.client("root") as root:
        for name in listed(site, Bucket.RECORDS, names.PAYLOADS):
            root.put_object_retention(
                Bucket=site.bucket(Bucket.RECORDS),
                Key=name,
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
            )
    return site


def listed(site: Site, bucket: Bucket, prefix: str) -> list[str]:
    with open_archive(site.settings("audit")) as archive:
        return archive.store.names(bucket, prefix)


def reports(site: Site) -> list[AuditReport]:
    with open_archive(site.settings("audit")) as archive:
        return list(audit_store(archive, at=now()))


def faults(site: Site) -> list[Fault]:
    return [one for report in reports(site) for one in report.faults]


def warnings(site: Site) -> list[tuple[str, int]]:
    return [(one.code, one.n) for report in reports(site) for one in report.warnings]


def hide(site: Site, bucket: Bucket, name: str, how: str) -> None:
    where = {"Bucket": site.bucket(bucket), "Key": name}
    with site.client("root") as root:
        if how == "deleted":
            root.delete_object(**where)
        else:
            root.put_object(**where, Body=b"forged")


def put_back(site: Site) -> list[str]:
    with open_archive(site.settings("restore")) as archive:
        assert archive.versions is not None
        found = list(hidden_objects(archive))
        for hidden in found:
            restore(archive.versions, hidden)
    return [hidden.name for hidden in found]


def test_buckets_that_are_sound_have_neither_fault_nor_warning(filled: Site) -> None:
    assert faults(filled) == []
    assert warnings(filled) == []


def test_case_is_audited_alone_and_a_later_start_passes_it_over(filled: Site) -> None:
    with open_archive(filled.settings("audit")) as archive:
        (report,) = audit_store(archive, CASE[:9], at=now())
        assert (report.case, report.faults) == (CASE, ())
        assert [one.case for one in audit_store(archive, at=now(), start=CASE)] == [CASE]
        with refuses(NotFoundError, "case_unknown"):
            list(audit_store(archive, at=now(), start="f" * 64))


@pytest.mark.parametrize("how", ["deleted", "overwritten"])
@pytest.mark.parametrize("kind", KINDS)
def test_object_that_somebody_hid_is_named_and_put_back(filled: Site, kind: str, how: str) -> None:
    bucket, prefix = KINDS[kind]
    name = listed(filled, bucket, prefix)[-1]
    hide(filled, bucket, name, how)
    (found,) = faults(filled)  # all else holds, by the first version
    assert (found.code, found.fields["object"]) == (f"object_{how}", name)
    assert put_back(filled) == [name]
    assert faults(filled) == []


@pytest.mark.parametrize("kind", ["entry", "share"])
def test_object_that_was_overwritten_with_a_huge_one_stops_nothing(filled: Site, kind: str) -> None:
    bucket, prefix = KINDS[kind]
    name = listed(filled, bucket, prefix)[-1]
    with filled.client("root") as root:
        root.put_object(Bucket=filled.bucket(bucket), Key=name, Body=bytes(17 * MIB))
    (found,) = faults(filled)
    assert (found.code, found.fields["object"]) == ("object_overwritten", name)


def test_case_of_which_everything_was_deleted_is_found_and_put_back(filled: Site) -> None:
    for bucket, prefix in KINDS.values():
        for name in listed(filled, bucket, prefix):
            hide(filled, bucket, name, "deleted")
    (report,) = reports(filled)
    assert report.case == CASE
    assert {fault.code for fault in report.faults} == {"object_deleted"}
    put_back(filled)
    assert faults(filled) == []


def test_entry_whose_lock_was_shortened_is_warned_of(filled: Site) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    with filled.client("root") as root:
        root.put_object_retention(
            Bucket=filled.bucket(Bucket.LEDGER),
            Key=names.entry(CASE, 4),
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
            BypassGovernanceRetention=True,
        )
    assert faults(filled) == []
    assert warnings(filled) == [("entries_unlocked", 4)]


def test_entries_of_before_the_bucket_locked_are_one_warning(site: Site) -> None:
    lock = {"ObjectLockEnabled": "Enabled"}
    bucket = site.bucket(Bucket.LEDGER)
    with site.client("root") as root:
        promised = root.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        root.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
        fill(site)
        assert [code for code, _ in warnings(site) if code == "entries_unlocked"] == []  # nothing is promised
        root.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=promised)
    found = [one for report in reports(site) for one in report.warnings if one.code == "entries_unlocked"]
    count = len(listed(site, Bucket.LEDGER, names.CASES))
    assert [(one.n, one.fields["count"]) for one in found] == [(0, count)]


def test_payload_whose_first_version_alone_is_unlocked_is_warned_of(site: Site) -> None:
    """A lock on what somebody put on top protects nothing."""
    fill(site)
    (name, *_) = listed(site, Bucket.RECORDS, names.PAYLOADS)
    where = {"Bucket": site.bucket(Bucket.RECORDS), "Key": name}
    with site.client("root") as root:
        root.put_object(
            **where, Body=b"forged", ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=now() + timedelta(days=20 * 366),
        )  # fmt: skip
    found = [one for report in reports(site) for one in report.warnings if one.code == "retention_short"]
    assert len(found) == len(listed(site, Bucket.RECORDS, names.PAYLOADS))


# The public bucket


@pytest.fixture
def published(filled: Site) -> Hash:
    with open_archive(filled.settings("release")) as archive:
        asked = one(archive, Standing.TO_PUBLISH)
        publish(archive, asked.case, asked.request, clock=now)
    return asked.request


def test_publication_is_sound(filled: Site, published: Hash) -> None:
    assert faults(filled) == []


@pytest.mark.parametrize("how", ["deleted", "overwritten"])
def test_published_document_that_somebody_hid_is_named(filled: Site, published: Hash, how: str) -> None:
    name = names.released(CASE, published, Released.DOCUMENT)
    hide(filled, Bucket.PUBLIC, name, how)
    found = {fault.code: fault.fields for fault in faults(filled)}
    assert set(found) == {f"object_{how}", "publication_false"}
    assert found[f"object_{how}"]["object"] == name


def test_long_document_that_was_written_twice_alike_is_no_fault_and_another_is(filled: Site) -> None:
    """As a server leaves it that does not keep two who publish at once apart."""
    name = names.released(CASE, "ab" * 32, Released.DOCUMENT)
    with filled.client("root") as root:
        for body in (bytes(17 * MIB), bytes(17 * MIB)):
            root.put_object(Bucket=filled.bucket(Bucket.PUBLIC), Key=name, Body=body)
        assert {fault.code for fault in faults(filled)} == {"publication_not_released"}
        root.put_object(Bucket=filled.bucket(Bucket.PUBLIC), Key=name, Body=bytes(17 * MIB - 1) + b"x")
    assert {fault.code for fault in faults(filled)} == {"publication_not_released", "object_overwritten"}


def test_strange_objects_are_named_in_every_bucket(filled: Site) -> None:
    with filled.client("root") as root:
        for bucket in Bucket:
            root.put_object(Bucket=filled.bucket(bucket), Key="strange/x y", Body=b"x")
    found = {
        one.fields["bucket"]: one in report.faults
        for report in reports(filled)
        for one in (*report.faults, *report.warnings)
    }
    assert found == {"ledger": False, "records": False, "public": True}


def test_note_of_whose_store_it_is_that_somebody_overwrote_is_named_and_put_back(filled: Site) -> None:
    """Else a thief could make the store its own, and every case in it a stranger's."""
    with filled.client("service") as thief:
        thief.put_object(Bucket=filled.bucket(Bucket.LEDGER), Key=names.SERVICE, Body=b"0" * 64 + b"\n")
    (fault,) = faults(filled)
    assert (fault.code, fault.fields["object"]) == ("object_overwritten", names.SERVICE)
    with open_archive(filled.settings("restore")) as archive:
        (covered,) = hidden_objects(archive)
        assert archive.versions is not None
        restore(archive.versions, covered)
    assert faults(filled) == []
