"""Limits of use: who asks too much is told when to go on, and takes nothing away from anybody else."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support import build
from support.office import Office
from werkzeug.test import TestResponse

from escrow.api import limiting
from escrow.api.app import create_app
from escrow.api.limiting import Rooms
from escrow.api.watching import Limited
from escrow.crypto.identity import Identity
from escrow.errors import TooManyError
from escrow.ledger import jws
from escrow.model.deeds import Note, SignedOff

CLAIMANT, RESPONDENT = build.SEATS["claimant"], build.SEATS["respondent"]
STRANGER = build.party("mallory")
QUOTA = 10
"""At once: one a second, ten seconds' worth."""
NOTE = "escrow.note.v1"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, requests_per_s_per_card=1.0, posts_per_s_per_case=1.0)


@pytest.fixture
def case(office: Office) -> build.Case:
    made = office.accepted()
    office.clock.tick(60)
    return made


def post(office: Office, case: str, raw: str, who: Identity | None = None) -> TestResponse:
    return office.client.post(
        f"/v1/cases/{case}/statements", json={"statement": raw}, headers=office.bearer(who)
    )


def junk(office: Office, case: str, typ: str = NOTE, who: Identity | None = None) -> TestResponse:
    """A statement signed by a card that has no part in the case."""
    return post(office, case, jws.sign(STRANGER, typ, {}), who)


def require_too_much(answer: TestResponse, room: str) -> None:
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (429, "too_many_requests")
    assert problem["fields"] == {"room": room, "retry_after": 1}
    assert answer.headers["Retry-After"] == "1"


def use_up_card(office: Office, who: Identity) -> None:
    for _ in range(QUOTA):
        assert office.get("/v1/cases", who).status_code == 200
    require_too_much(office.get("/v1/cases", who), "card")


def use_up_case(office: Office, case: str, typ: str = NOTE) -> None:
    for _ in range(QUOTA if typ == NOTE else 2 * QUOTA):
        assert junk(office, case, typ).status_code == 404
    require_too_much(junk(office, case, typ), "case")


def test_card_that_asks_too_much_is_told_when_to_go_on_and_does(office: Office) -> None:
    use_up_card(office, CLAIMANT)
    office.clock.tick(1)
    assert office.get("/v1/cases", CLAIMANT).status_code == 200
    require_too_much(office.get("/v1/cases", CLAIMANT), "card")


def test_every_route_that_takes_a_token_counts_it(office: Office, case: build.Case) -> None:
    use_up_card(office, CLAIMANT)
    there = f"/v1/cases/{case.id}"
    hash_, id_ = "1" * 64, "2" * 32
    for path in (
        "/v1/inbox", there, f"{there}/entries", f"{there}/records", f"{there}/records/{id_}",
        f"{there}/records/{id_}/payload", f"{there}/requests", f"{there}/requests/{hash_}",
        f"{there}/requests/{hash_}/bundle", f"{there}/shares/{hash_}", f"{there}/uploads/{id_}",
        f"{there}/uploads/{id_}/addresses",
    ):  # fmt: skip
        require_too_much(office.get(path, CLAIMANT), "card")
    require_too_much(office.begin(case.id, CLAIMANT, id_, 10), "card")
    require_too_much(office.send_part(case.id, CLAIMANT, id_, 1, b"x"), "card")
    require_too_much(office.send_payload(case.id, CLAIMANT, id_, b"x"), "card")


def test_seat_that_floods_leaves_every_other_seat_its_room(office: Office, case: build.Case) -> None:
    use_up_card(office, CLAIMANT)
    for _ in range(QUOTA):
        assert office.get(f"/v1/cases/{case.id}", RESPONDENT).status_code == 200


def test_postings_without_a_token_that_flood_a_case_keep_no_card_from_posting(
    office: Office, case: build.Case
) -> None:
    use_up_case(office, case.id)
    note = case.statement(RESPONDENT, Note(text=build.sealed("a note")))
    require_too_much(post(office, case.id, note), "case")
    assert post(office, case.id, note, RESPONDENT).status_code == 201


def test_flooded_case_leaves_other_cases_their_room(office: Office, case: build.Case) -> None:
    use_up_case(office, case.id)
    assert junk(office, "0" * 64).status_code == 404


def test_case_that_is_unknown_is_limited_like_one_that_is_there(office: Office, case: build.Case) -> None:
    for each in (case.id, "0" * 64):
        use_up_case(office, each)


def test_case_flooded_by_postings_still_takes_a_sign_off(office: Office, case: build.Case) -> None:
    record = office.deposited(case)
    request = case.request(record, "memo")
    office.clock.tick(60)
    use_up_case(office, case.id)
    case.sign_off(request, "claimant", "respondent")  # without a token
    assert office.state(case.id).requests[request].released_at is not None


def test_card_that_used_up_its_room_still_signs_off(office: Office, case: build.Case) -> None:
    use_up_card(office, CLAIMANT)
    answer = junk(office, case.id, SignedOff.TYP, CLAIMANT)
    assert answer.status_code == 404, "it was looked at"
    require_too_much(junk(office, case.id, NOTE, CLAIMANT), "card")


def test_room_of_sign_offs_floods_no_further_than_twice_a_room(office: Office, case: build.Case) -> None:
    use_up_case(office, case.id, SignedOff.TYP)


def test_openings_without_a_token_have_one_room_and_those_with_have_their_own(office: Office) -> None:
    for _ in range(QUOTA):
        assert office.post(None, "rubbish").status_code == 400
    require_too_much(office.post(None, "rubbish"), "case")
    answer = office.client.post("/v1/cases", json={"statement": "rubbish"}, headers=office.bearer(CLAIMANT))
    assert answer.status_code == 400


def test_refusal_loads_nothing_of_the_case(office: Office, case: build.Case) -> None:
    use_up_case(office, case.id)
    other = office.over(office.store)  # a process that has not loaded it
    for _ in range(QUOTA):
        junk(other, "1" * 64)
    office.store.calls.clear()
    require_too_much(junk(other, "1" * 64), "case")
    assert office.store.calls == []


def test_token_that_is_no_good_is_refused_also_where_none_is_needed(office: Office, case: build.Case) -> None:
    answer = office.client.post(
        f"/v1/cases/{case.id}/statements",
        json={"statement": "rubbish"},
        headers={"Authorization": "Bearer rubbish"},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_malformed")


def test_address_of_who_asks_changes_nothing(office: Office) -> None:
    use_up_card(office, CLAIMANT)
    answer = office.client.get(
        "/v1/cases",
        headers=office.bearer(CLAIMANT) | {"X-Forwarded-For": "192.0.2.1"},
        environ_base={"REMOTE_ADDR": "192.0.2.2"},
    )
    require_too_much(answer, "card")


def test_what_is_public_is_not_counted(office: Office) -> None:
    for _ in range(3 * QUOTA):
        answer = office.get("/v1/service")
    assert answer.status_code == 200
    assert "RateLimit" not in answer.headers


def test_answers_say_what_is_left(office: Office) -> None:
    answer = office.get("/v1/cases", CLAIMANT)
    assert answer.headers["RateLimit-Policy"] == '"card";q=10;w=10'
    assert answer.headers["RateLimit"] == '"card";r=9;t=1'
    assert office.get("/v1/cases", CLAIMANT).headers["RateLimit"] == '"card";r=8;t=2'


def test_nought_is_no_limit(tmp_path: Path) -> None:
    office = Office(tmp_path, requests_per_s_per_card=0, posts_per_s_per_case=0)
    for _ in range(1000):
        assert limits_of(office).card("somebody") is None
        assert limits_of(office).case("some case", sign_off=True) is None
    assert "RateLimit" not in office.get("/v1/cases", CLAIMANT).headers


def limits_of(office: Office) -> limiting.Limits:
    found: limiting.Limits = office.app.extensions[limiting.LIMITS]
    return found


def test_limit_is_told_to_who_watches_and_logged_by_its_code(office: Office) -> None:
    seen: list[object] = []
    app = create_app(office.settings, office.store, office.clock, watch=seen.append, ticks=office.ticks)
    client = app.test_client()
    with capture_logs() as logs:
        for _ in range(QUOTA + 1):
            answer = client.get("/v1/inbox", headers=office.bearer(CLAIMANT))
    assert answer.status_code == 429
    assert [each for each in seen if isinstance(each, Limited)] == [Limited(room="card")]
    assert logs[-1]["status"] == 429


def test_rooms_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "MOST_ROOMS", 3)
    rooms = Rooms("card", 0.1, lambda: 0.0)
    rooms.take("first")
    with pytest.raises(TooManyError):
        rooms.take("first")
    for n in range(5):
        rooms.take(str(n))
    assert len(rooms._rooms) == 3
    rooms.take("first")  # forgotten, hence full: never refused for what others did


def test_clock_that_steps_back_empties_no_room() -> None:
    now = [100.0]
    rooms = Rooms("card", 1.0, lambda: now[0])
    rooms.take("card")
    now[0] = 0.0
    assert rooms.take("card").remaining == 8
