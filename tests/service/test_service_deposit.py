"""Deposits: a payload that is not here, not whole or not as stated; what is retained, and how long."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from store.faulty import NEVER, FaultyStore, Mode
from support import build
from support.office import Office
from support.refusals import refuses

from escrow.errors import ForgedError, RefusedError, UnavailableError
from escrow.model.record import Payload
from escrow.service.post import post
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, StoredPayload

CLAIMANT = build.SEATS["claimant"]


def sealing(case: build.Case, payload: Payload, name: str = "record") -> str:
    sealed = build.seal_record(case.state, CLAIMANT, name, payload=payload)
    return case.statement(CLAIMANT, sealed.deed)


def test_payload_that_was_never_announced_is_refused(office: Office) -> None:
    case = office.accepted()
    raw = sealing(case, build.payload_of("nowhere"))
    with refuses(RefusedError, "payload_not_uploaded", state=case.state):
        post(office.desk, case.id, raw, None)


def test_payload_of_which_a_part_is_missing_is_refused(office: Office) -> None:
    case = office.accepted()
    payload = build.payload_of("record", length=6 * 1024 * 1024)
    office.begin(case.id, CLAIMANT, payload.upload, payload.length, 5 * 1024 * 1024)
    office.send_part(case.id, CLAIMANT, payload.upload, 2, bytes(1024 * 1024))
    with refuses(RefusedError, "upload_incomplete", state=case.state, missing=("1",), missing_count=1):
        post(office.desk, case.id, sealing(case, payload), None)


def test_payload_of_another_length_is_refused_and_stays_an_upload(office: Office) -> None:
    case = office.accepted()
    payload = office.stored(case.id)
    raw = sealing(case, replace(payload, length=payload.length + 1))
    with refuses(ForgedError, "payload_differs", field="length"):
        post(office.desk, case.id, raw, None)
    view = office.get(f"/v1/cases/{case.id}/uploads/{payload.upload}", CLAIMANT).get_json()
    assert view["completed"] is False


def test_payload_that_differs_blames_nobody_since_the_statement_does_not_say_who_sent_it(
    office: Office,
) -> None:
    case = office.accepted()
    payload = office.stored(case.id)
    assert office.send_part(case.id, CLAIMANT, payload.upload, 1, bytes(payload.length)).status_code == 200
    with pytest.raises(ForgedError) as caught:
        post(office.desk, case.id, sealing(case, payload), None)
    assert (caught.value.code, dict(caught.value.fields)) == ("payload_differs", {"field": "sha256"})


def test_payload_with_another_digest_is_refused(office: Office) -> None:
    case = office.accepted()
    raw = sealing(case, replace(office.stored(case.id), sha256="00" * 32))
    with refuses(ForgedError, "payload_differs", state=case.state, field="sha256"):
        post(office.desk, case.id, raw, None)


def test_payload_of_another_case_is_not_found_here(office: Office) -> None:
    case, other = office.accepted(), office.case().open(build.charter(public_notice="another")).accept_all()
    raw = sealing(case, office.stored(other.id))
    with refuses(RefusedError, "payload_not_uploaded", state=case.state):
        post(office.desk, case.id, raw, None)


def test_a_payload_that_takes_long_to_hash_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    hashing, noted = threading.Event(), threading.Event()

    class Slow(FolderStore):
        def complete_upload(self, name: str) -> StoredPayload:
            hashing.set()
            assert noted.wait(60)
            return super().complete_upload(name)

    office = Office(tmp_path, store=Slow(tmp_path / "store"))
    case = office.accepted()
    raw = sealing(case, office.stored(case.id))
    with ThreadPoolExecutor(1) as pool:
        deposit = pool.submit(office.post, case.id, raw)
        assert hashing.wait(60)
        case.note()
        noted.set()
        assert deposit.result(60).status_code == 201


def test_second_deposit_under_a_taken_record_id_answers_409(office: Office) -> None:
    case = office.accepted()
    office.deposited(case)
    answer = office.post(case.id, sealing(case, office.stored(case.id, "second"), name="record"))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "record_taken")


def test_same_statement_again_gives_the_first_receipt(office: Office) -> None:
    case = office.accepted()
    raw = sealing(case, office.stored(case.id))
    first = office.post(case.id, raw)
    case.note()
    office.clock.tick(3600)
    again = office.post(case.id, raw)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()


def test_payload_is_retained_for_the_term_of_the_charter(office: Office) -> None:
    case = office.accepted()
    payload = office.stored(case.id)
    post(office.desk, case.id, sealing(case, payload), None)
    until = office.store.retention(names.payload(case.id, payload.upload))
    assert until == build.START + timedelta(days=365)


def test_refused_deposit_leaves_a_payload_that_expires_after_a_day(office: Office, tmp_path: Path) -> None:
    """The entry never came: nothing names the payload, and it may be swept when its day is over."""
    case = office.accepted()
    payload = office.stored(case.id)
    entry = calls_of_a_deposit(tmp_path / "twin").index("create") + 1
    faulty = FaultyStore(office.store, kill_at=entry, mode=Mode.UNAVAILABLE)
    with refuses(UnavailableError, "storage_failed"):
        post(office.over(faulty).desk, case.id, sealing(case, payload), None)
    assert case.state.records == {}
    name = names.payload(case.id, payload.upload)
    assert office.store.retention(name) == build.START + timedelta(days=1)


def test_repeated_statement_mends_a_retention_that_was_not_extended(office: Office, tmp_path: Path) -> None:
    case = office.accepted()
    payload = office.stored(case.id)
    raw = sealing(case, payload)
    last = len(calls_of_a_deposit(tmp_path / "twin"))
    faulty = FaultyStore(office.store, kill_at=last, mode=Mode.UNAVAILABLE)
    with refuses(UnavailableError, "storage_failed"):
        post(office.over(faulty).desk, case.id, raw, None)
    name = names.payload(case.id, payload.upload)
    assert office.store.retention(name) == build.START + timedelta(days=1)
    assert not post(office.desk, case.id, raw, None).created
    assert office.store.retention(name) == build.START + timedelta(days=365)


def calls_of_a_deposit(folder: Path) -> list[str]:
    """What a deposit asks of the store, learnt from another service with a case like this."""
    folder.mkdir()
    twin = Office(folder)
    case = twin.accepted()
    raw = sealing(case, twin.stored(case.id))
    watching = FaultyStore(twin.store, kill_at=NEVER)
    post(twin.over(watching).desk, case.id, raw, None)
    return watching.calls


def test_refused_deposit_writes_no_entry(office: Office) -> None:
    case = office.accepted()
    before = office.store.names(Bucket.LEDGER, names.entries(case.id))
    with refuses(RefusedError, "payload_not_uploaded"):
        post(office.desk, case.id, sealing(case, build.payload_of("nowhere")), None)
    assert office.store.names(Bucket.LEDGER, names.entries(case.id)) == before
