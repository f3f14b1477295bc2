"""Uploads: how many and how much one card may stage, and whose an upload is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import build
from support.office import Office, tree
from support.refusals import refuses

from escrow.crypto.identity import Identity
from escrow.errors import NotFoundError, RefusedError, UnavailableError
from escrow.model.record import Payload
from escrow.service.post import post
from escrow.service.uploads import begin
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, UploadPlan

CLAIMANT, MEDIATOR = build.SEATS["claimant"], build.SEATS["mediator"]


def announce(office: Office, case: build.Case, who: Identity, count: int, length: int = 10) -> Iterator[str]:
    for i in range(count):
        upload = build.bytes_of(f"{who.card} {i}", 16).hex()
        begin(office.desk, who.card.fingerprint, case.id, upload, UploadPlan(length=length, part_size=length))
        yield upload


def sealing(case: build.Case, who: Identity, payload: Payload) -> str:
    return case.statement(who, build.seal_record(case.state, who, "record", payload=payload).deed)


def test_more_uploads_than_one_card_may_have_open_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path, open_uploads_per_card=3)
    case = office.accepted()
    assert len(list(announce(office, case, CLAIMANT, 3))) == 3
    before = tree(tmp_path)
    plan = UploadPlan(length=1, part_size=1)
    with refuses(RefusedError, "uploads_open_limit", limit=3):
        begin(office.desk, CLAIMANT.card.fingerprint, case.id, "ab" * 16, plan)
    assert tree(tmp_path) == before


def test_more_bytes_than_one_card_may_stage_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path, staged_bytes_per_card=100)
    case = office.accepted()
    list(announce(office, case, CLAIMANT, 2, length=40))
    before = tree(tmp_path)
    plan = UploadPlan(length=21, part_size=21)
    with refuses(RefusedError, "upload_quota", limit=100):
        begin(office.desk, CLAIMANT.card.fingerprint, case.id, "ab" * 16, plan)
    assert tree(tmp_path) == before
    begin(office.desk, CLAIMANT.card.fingerprint, case.id, "ab" * 16, replace(plan, length=20, part_size=20))


def test_uploads_of_one_seat_take_nothing_from_the_others(tmp_path: Path) -> None:
    office = Office(tmp_path, open_uploads_per_card=2, staged_bytes_per_card=100)
    case = office.accepted()
    list(announce(office, case, MEDIATOR, 2, length=50))
    assert len(list(announce(office, case, CLAIMANT, 2, length=50))) == 2


def test_open_upload_that_is_announced_again_counts_once(tmp_path: Path) -> None:
    office = Office(tmp_path, open_uploads_per_card=1)
    case = office.accepted()
    (upload,) = announce(office, case, CLAIMANT, 1)
    assert list(announce(office, case, CLAIMANT, 1)) == [upload]


def test_deposited_upload_counts_no_longer(tmp_path: Path) -> None:
    office = Office(tmp_path, open_uploads_per_card=1, staged_bytes_per_card=100)
    case = office.accepted()
    for name in ("first", "second", "third"):
        office.deposited(case, name)
    assert len(case.state.records) == 3


def test_quota_looks_at_no_upload_of_another_card_and_at_none_that_was_deposited(office: Office) -> None:
    case = office.accepted()
    list(announce(office, case, MEDIATOR, 5))
    for i in range(4):
        office.deposited(case, f"record {i}")
    office.store.calls.clear()
    list(announce(office, case, CLAIMANT, 1))
    looked = [call for call in office.store.calls if call.startswith(("upload_plan", "names"))]
    assert looked == ["upload_plan", "names staged", "upload_plan"]


def test_announcement_that_a_crash_cut_in_half_is_taken_up_again(tmp_path: Path) -> None:
    class Dying(FolderStore):
        dead = True

        def begin_upload(self, name: str, plan: UploadPlan) -> None:
            if self.dead:
                raise UnavailableError("storage_failed", bucket="records", reason="EIO")
            super().begin_upload(name, plan)

    store = Dying(tmp_path / "store")
    office = Office(tmp_path, store=store, open_uploads_per_card=2)
    case = office.accepted()
    with refuses(UnavailableError, "storage_failed"):
        list(announce(office, case, CLAIMANT, 1))
    assert len(store.names(Bucket.RECORDS, names.staged_by(case.id, CLAIMANT.card.fingerprint))) == 1
    store.dead = False
    assert len(list(announce(office, case, CLAIMANT, 2))) == 2


@pytest.mark.parametrize("who", [MEDIATOR, build.SEATS["respondent"]], ids=["mediator", "respondent"])
def test_upload_of_another_member_cannot_be_seen_written_or_announced(office: Office, who: Identity) -> None:
    case = office.accepted()
    (upload,) = announce(office, case, CLAIMANT, 1)
    before = tree(office.folder / "store" / "records" / "uploads")
    seen = office.get(f"/v1/cases/{case.id}/uploads/{upload}", who)
    sent = office.send_part(case.id, who, upload, 1, bytes(10))
    assert (seen.status_code, sent.status_code) == (404, 404)
    assert office.begin(case.id, who, upload, 10).get_json()["code"] == "upload_plan_differs"
    assert tree(office.folder / "store" / "records" / "uploads") == before


def test_upload_of_another_member_cannot_be_deposited_nor_completed(office: Office) -> None:
    case = office.accepted()
    payload = office.stored(case.id)
    with refuses(RefusedError, "payload_not_uploaded", state=case.state):
        post(office.desk, case.id, sealing(case, MEDIATOR, payload), None)
    assert "complete_upload" not in office.store.calls
    post(office.desk, case.id, sealing(case, CLAIMANT, payload), None)


def test_false_signature_completes_no_upload(office: Office) -> None:
    case = office.accepted()
    raw = sealing(case, CLAIMANT, office.stored(case.id))
    head, _, signature = raw.rpartition(".")
    with refuses(NotFoundError, "not_found", state=case.state):
        post(office.desk, case.id, f"{head}.{signature[::-1][:-2]}{signature[-2:]}", None)
    assert "complete_upload" not in office.store.calls


def test_deposit_for_which_there_is_no_room_completes_no_upload(tmp_path: Path) -> None:
    office = Office(tmp_path, records_per_case=5)
    case = office.accepted()
    office.deposited(case)
    payload = office.stored(case.id, "second")
    sealed = build.seal_record(case.state, CLAIMANT, "second", payload=payload)
    office.store.calls.clear()
    with refuses(RefusedError, "records_full", state=case.state):
        post(office.desk, case.id, case.statement(CLAIMANT, sealed.deed), None)
    assert "complete_upload" not in office.store.calls
