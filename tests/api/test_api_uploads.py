"""Uploads and payloads over HTTP: parts that are wrong, who may send them, ranges and tags."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from support import build
from support.office import Office

from escrow.crypto.identity import Identity
from escrow.service.uploads import largest_part

CLAIMANT, MEDIATOR = build.SEATS["claimant"], build.SEATS["mediator"]
MIB = 1024 * 1024
UPLOAD = "ab" * 16


@pytest.fixture
def case(office: Office) -> build.Case:
    return office.accepted()


@pytest.mark.parametrize(
    "who", [build.CONVENOR, build.party("stranger"), None], ids=["convenor", "stranger", "nobody"]
)
def test_upload_by_who_holds_no_seat_is_not_found(
    office: Office, case: build.Case, who: Identity | None
) -> None:
    begun = office.begin(case.id, who, UPLOAD, 10)
    sent = office.send_part(case.id, who, UPLOAD, 1, bytes(10))
    assert (begun.status_code, sent.status_code) == (404, 404)


def test_payload_over_the_limit_is_refused(tmp_path: Path) -> None:
    office = Office(tmp_path, upload_bytes=1000)
    answer = office.begin(office.accepted().id, CLAIMANT, UPLOAD, 1001)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "upload_too_large")
    assert answer.get_json()["fields"]["limit"] == 1000


@pytest.mark.parametrize(
    ("length", "part_size"), [(0, 1), (-1, 1), (10 * MIB, MIB), (10 * MIB, 65 * MIB), (10, 0), (10, 1)]
)
def test_plan_that_no_store_takes_is_refused(
    office: Office, case: build.Case, length: int, part_size: int
) -> None:
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}",
        json={"length": length, "part_size": part_size},
        headers=office.bearer(CLAIMANT),
    )
    assert answer.status_code == 400


def plan(office: Office, case: build.Case, length: int, part_size: int) -> tuple[int, Any]:
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}",
        json={"length": length, "part_size": part_size},
        headers=office.bearer(CLAIMANT),
    )
    return answer.status_code, answer.get_json()


def test_parts_that_a_worker_could_not_hold_for_everybody_are_refused_when_they_are_announced(
    office: Office, case: build.Case
) -> None:
    status, problem = plan(office, case, 64 * MIB, 64 * MIB)
    assert (status, problem["code"], problem["fields"]["most"]) == (400, "part_size_out_of_range", 8 * MIB)
    assert office.get(f"/v1/cases/{case.id}/uploads/{UPLOAD}", CLAIMANT).status_code == 404
    assert plan(office, case, 64 * MIB, 8 * MIB)[0] == 200


def test_parts_may_be_as_large_as_the_operator_says_and_as_a_long_payload_needs(tmp_path: Path) -> None:
    length = 10_000 * 20 * MIB
    office = Office(tmp_path, part_bytes=16 * MIB, upload_bytes=2 * length, staged_bytes_per_card=2 * length)
    case = office.accepted()
    status, problem = plan(office, case, length, 20 * MIB + 1)
    assert (status, problem["fields"]["most"]) == (400, 20 * MIB)
    assert plan(office, case, length, 20 * MIB)[0] == 200
    assert largest_part(office.desk.settings, MIB) == 16 * MIB


@pytest.mark.parametrize("value", ["10", 10.5, True, None, [10]])
def test_length_that_is_no_integer_is_refused(office: Office, case: build.Case, value: object) -> None:
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}",
        json={"length": value, "part_size": 10},
        headers=office.bearer(CLAIMANT),
    )
    assert answer.status_code == 400


def test_other_plan_under_the_same_id_is_refused(office: Office, case: build.Case) -> None:
    assert office.begin(case.id, CLAIMANT, UPLOAD, 10).status_code == 200
    answer = office.begin(case.id, CLAIMANT, UPLOAD, 11)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "upload_plan_differs")


@pytest.mark.parametrize(
    ("number", "data", "code"),
    [
        (1, bytes(9), "part_cut_short"),
        (1, bytes(11), "part_too_long"),
        (2, bytes(10), "part_number_out_of_range"),
        (99999, bytes(10), "part_number_out_of_range"),
    ],
)
def test_part_other_than_planned_is_refused_and_does_not_count(
    office: Office, case: build.Case, number: int, data: bytes, code: str
) -> None:
    office.begin(case.id, CLAIMANT, UPLOAD, 10)
    answer = office.send_part(case.id, CLAIMANT, UPLOAD, number, data)
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert office.begin(case.id, CLAIMANT, UPLOAD, 10).get_json()["parts"] == []


@pytest.mark.parametrize("number", ["0", "-1", "x", "01", "100000", "1.0"])
def test_part_without_a_number_is_not_found(office: Office, case: build.Case, number: str) -> None:
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}/parts/{number}", data=b"x", headers=office.bearer(CLAIMANT)
    )
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_part_of_another_media_type_is_refused(office: Office, case: build.Case) -> None:
    office.begin(case.id, CLAIMANT, UPLOAD, 10)
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}/parts/1", json={"x": 1}, headers=office.bearer(CLAIMANT)
    )
    assert (answer.status_code, answer.get_json()["code"]) == (415, "media_type_unsupported")


def test_part_cut_short_by_the_peer_does_not_count(office: Office, case: build.Case) -> None:
    """As gunicorn hands it over: the body ends, and nobody says that it should have been longer."""
    office.begin(case.id, CLAIMANT, UPLOAD, 10)
    answer = office.client.put(
        f"/v1/cases/{case.id}/uploads/{UPLOAD}/parts/1",
        data=bytes(6),
        headers=office.bearer(CLAIMANT) | {"Content-Type": "application/octet-stream"},
        environ_overrides={"CONTENT_LENGTH": "10"},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (400, "part_cut_short")
    assert office.begin(case.id, CLAIMANT, UPLOAD, 10).get_json()["parts"] == []


def test_json_body_cut_short_by_the_peer_is_refused(office: Office, case: build.Case) -> None:
    raw = b'{"statement":"x"}'
    answer = office.client.post(
        f"/v1/cases/{case.id}/statements",
        data=raw,
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(len(raw) + 1)},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (400, "body_cut_short")


def test_upload_resumes_from_the_parts_that_are_there(office: Office, case: build.Case) -> None:
    data = bytes(range(256)) * (6 * 4096)
    office.begin(case.id, CLAIMANT, UPLOAD, len(data), 5 * MIB)
    office.send_part(case.id, CLAIMANT, UPLOAD, 2, data[5 * MIB :])
    found = office.get(f"/v1/cases/{case.id}/uploads/{UPLOAD}", CLAIMANT).get_json()
    part = {"number": 2, "length": MIB, "sha256": hashlib.sha256(data[5 * MIB :]).hexdigest()}
    assert found == {
        "upload": UPLOAD, "length": len(data), "part_size": 5 * MIB, "completed": False, "parts": [part],
    }  # fmt: skip


def test_completed_upload_says_so_and_takes_no_more_parts(office: Office, case: build.Case) -> None:
    payload = office.stored(case.id)
    case.deposit("record", payload=payload)
    found = office.begin(case.id, CLAIMANT, payload.upload, payload.length).get_json()
    assert (found["completed"], found["parts"]) == (True, [])
    answer = office.send_part(case.id, CLAIMANT, payload.upload, 1, bytes(payload.length))
    assert (answer.status_code, answer.get_json()["code"]) == (409, "upload_completed")


DATA = bytes(range(200))


@pytest.fixture
def payload_path(office: Office, case: build.Case) -> str:
    record = case.deposit("record", payload=office.stored(case.id, data=DATA))
    return f"/v1/cases/{case.id}/records/{record}/payload"


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        (None, 200, DATA),
        ("bytes=0-9", 206, DATA[:10]),
        ("bytes=190-", 206, DATA[190:]),
        ("bytes=-5", 206, DATA[-5:]),
        ("bytes=-200", 200, DATA),
        ("bytes=-99999999999999999999", 200, DATA),
        ("bytes=150-900", 206, DATA[150:]),
        ("bytes=0-1,5-6", 200, DATA),
        ("records=0-1", 200, DATA),
        ("rubbish", 200, DATA),
    ],
)
def test_payload_comes_whole_or_by_one_range(
    office: Office, payload_path: str, asked: str | None, status: int, body: bytes
) -> None:
    answer = office.get(payload_path, CLAIMANT, **({} if asked is None else {"Range": asked}))
    assert (answer.status_code, answer.data) == (status, body)
    assert answer.headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("asked", ["bytes=200-", "bytes=500-600"])
def test_range_beyond_the_end_is_refused(office: Office, payload_path: str, asked: str) -> None:
    answer = office.get(payload_path, CLAIMANT, Range=asked)
    assert (answer.status_code, answer.get_json()["code"]) == (416, "range_out_of_bounds")
    assert answer.headers["Content-Range"] == "bytes */200"


def test_payload_that_was_cut_in_storage_answers_503(
    office: Office, payload_path: str, tmp_path: Path
) -> None:
    (stored,) = (tmp_path / "store").rglob("payloads/*/*")
    stored.chmod(0o600)
    stored.write_bytes(DATA[:100])
    answer = office.get(payload_path, CLAIMANT)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "payload_missing")


def test_tag_of_a_payload_is_its_digest(office: Office, payload_path: str) -> None:
    tag = f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert office.get(payload_path, CLAIMANT).headers["ETag"] == tag
    assert office.get(payload_path, CLAIMANT, If_None_Match=tag).status_code == 304
    assert office.get(payload_path, CLAIMANT, Range="bytes=0-1", If_Range='"other"').status_code == 200
    assert office.get(payload_path, CLAIMANT, Range="bytes=0-1", If_Range=tag).status_code == 206
