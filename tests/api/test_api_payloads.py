"""A whole payload in one body, and addresses of parts: bodies that are wrong, and who may do it."""

import hashlib
from base64 import b64encode
from typing import Any

import pytest
from support import build
from support.documented import told
from support.office import Office

from escrow.api.blueprint import TRANSFERS
from escrow.api.transfers import SPARE_THREADS
from escrow.crypto.identity import Identity
from escrow.model.record import Payload
from escrow.store.interface import StoredPayload

CLAIMANT, MEDIATOR = build.SEATS["claimant"], build.SEATS["mediator"]
MIB = 1024 * 1024
UPLOAD = "ab" * 16
DATA = bytes(range(256)) * (6 * 4096)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def case(office: Office) -> build.Case:
    case = office.accepted()
    assert office.begin(case.id, CLAIMANT, UPLOAD, len(DATA), 5 * MIB).status_code == 200
    office.store.calls.clear()
    return case


def digest_of(data: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(data).digest()).decode()}:"


def upload_of(office: Office, case: build.Case) -> dict[str, Any]:
    found: dict[str, Any] = office.get(f"/v1/cases/{case.id}/uploads/{UPLOAD}", CLAIMANT).get_json()
    return found


def test_payload_in_one_body_is_complete_and_can_be_deposited(office: Office, case: build.Case) -> None:
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, DATA, Content_Digest=digest_of(DATA))
    assert (answer.status_code, answer.get_json()) == (200, {"length": len(DATA), "sha256": SHA256})
    assert upload_of(office, case)["completed"]
    payload = Payload(sha256=SHA256, length=len(DATA), upload=UPLOAD)
    record = case.deposit("record", payload=payload)
    assert office.get(f"/v1/cases/{case.id}/records/{record}/payload", CLAIMANT).data == DATA


@pytest.mark.parametrize(
    "who",
    [MEDIATOR, build.CONVENOR, build.party("stranger"), None],
    ids=["seat", "convenor", "stranger", "nobody"],
)
def test_payload_or_addresses_of_anothers_upload_look_as_if_there_were_none(
    office: Office, case: build.Case, who: Identity | None
) -> None:
    sent = office.send_payload(case.id, who, UPLOAD, DATA)
    nowhere = office.send_payload(case.id, who, "cd" * 16, DATA)
    assert sent.status_code == 404
    assert told(sent) == told(nowhere)
    asked = office.get(f"/v1/cases/{case.id}/uploads/{UPLOAD}/addresses", who)
    assert told(asked) == told(nowhere)
    assert not {"put_payload", "part_addresses"} & set(office.store.calls)


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b"x"])
def test_body_of_another_length_than_announced_is_refused_unread(
    office: Office, case: build.Case, data: bytes
) -> None:
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, data)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "payload_length_announced")
    assert answer.get_json()["fields"] == {
        "field": "Content-Length", "expected": len(DATA), "found": len(data),
    }  # fmt: skip
    assert "put_payload" not in office.store.calls


def test_body_of_another_media_type_is_refused(office: Office, case: build.Case) -> None:
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, DATA, Content_Type="text/plain")
    assert (answer.status_code, answer.get_json()["code"]) == (415, "media_type_unsupported")


def test_payload_that_was_never_announced_is_not_found(office: Office, case: build.Case) -> None:
    answer = office.send_payload(case.id, CLAIMANT, "cd" * 16, DATA)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_body_damaged_on_the_way_completes_nothing_and_may_be_sent_again(
    office: Office, case: build.Case
) -> None:
    damaged = b"x" + DATA[1:]
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, damaged, Content_Digest=digest_of(DATA))
    assert (answer.status_code, answer.get_json()["code"]) == (503, "payload_damaged")
    assert not upload_of(office, case)["completed"]
    again = office.send_payload(case.id, CLAIMANT, UPLOAD, DATA, Content_Digest=digest_of(DATA))
    assert again.get_json()["sha256"] == SHA256


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha-256=",
        f"sha-256=:{SHA256}:",
        "sha-256=:AAAA:",
        f"sha-512={digest_of(DATA)[8:]}",
        f"{digest_of(DATA)}, {digest_of(DATA)}",
        digest_of(DATA).replace("=:", "==:"),
    ],
)
def test_digest_that_is_none_is_refused_and_nothing_is_taken(
    office: Office, case: build.Case, header: str
) -> None:
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, DATA, Content_Digest=header)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "digest_malformed")
    assert "put_payload" not in office.store.calls


def test_body_that_breaks_off_keeps_its_whole_parts_and_the_rest_may_follow(
    office: Office, case: build.Case
) -> None:
    """As gunicorn hands it over: the body ends, and nobody says that it should have been longer."""
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}/payload",
        data=DATA[: 5 * MIB + 7],
        headers=office.bearer(CLAIMANT) | {"Content-Type": "application/octet-stream"},
        environ_overrides={"CONTENT_LENGTH": str(len(DATA))},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (400, "part_cut_short")
    found = upload_of(office, case)
    assert (found["completed"], [part["number"] for part in found["parts"]]) == (False, [1])
    assert office.send_part(case.id, CLAIMANT, UPLOAD, 2, DATA[5 * MIB :]).status_code == 200
    payload = Payload(sha256=SHA256, length=len(DATA), upload=UPLOAD)
    case.deposit("record", payload=payload)


def test_completed_payload_takes_no_other_body(office: Office, case: build.Case) -> None:
    assert office.send_payload(case.id, CLAIMANT, UPLOAD, DATA).status_code == 200
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, bytes(len(DATA)))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "upload_completed")


def test_payload_that_another_body_completed_meanwhile_is_not_answered_as_ones_own(
    office: Office, case: build.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(name: str, *_: Any, **__: Any) -> StoredPayload:
        return StoredPayload(length=len(DATA), sha256=hashlib.sha256(bytes(len(DATA))).hexdigest())

    monkeypatch.setattr(office.store, "put_payload", overtaken)
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, DATA, Content_Digest=digest_of(DATA))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "upload_completed")


def test_payload_where_no_place_is_left_for_long_transfers_is_told_to_wait(
    office: Office, case: build.Case
) -> None:
    transfers = office.app.extensions[TRANSFERS]
    for _ in range(office.settings.threads - SPARE_THREADS):
        transfers.take()
    answer = office.send_payload(case.id, CLAIMANT, UPLOAD, DATA)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "service_busy")
    assert "put_payload" not in office.store.calls


def test_addresses_where_the_service_takes_every_part_itself_are_refused(
    office: Office, case: build.Case
) -> None:
    answer = office.get(f"/v1/cases/{case.id}/uploads/{UPLOAD}/addresses", CLAIMANT)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "addresses_not_offered")
    assert office.get("/v1/service").get_json()["uploads"] == ["parts", "payload"]


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=101", "more=1"])
def test_page_of_addresses_that_cannot_be_meant_is_refused(
    office: Office, case: build.Case, query: str
) -> None:
    answer = office.get(f"/v1/cases/{case.id}/uploads/{UPLOAD}/addresses?{query}", CLAIMANT)
    assert answer.status_code == 400
