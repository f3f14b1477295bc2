"""Webhooks of a card: who may have some, how many, and that one that was taken or closed stays so."""

from pathlib import Path

import pytest
from support import build
from support.office import Office, tree
from werkzeug.test import TestResponse

from escrow.crypto.identity import Identity

CLAIMANT, MEDIATOR, STRANGER = build.SEATS["claimant"], build.SEATS["mediator"], build.party("stranger")
URL = "https://hooks.example/escrow"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, hooks_per_card=2)


def put(office: Office, who: Identity | None, n: int = 1, url: object = URL) -> TestResponse:
    return office.client.put(f"/v1/hooks/{n:032x}", json={"url": url}, headers=office.bearer(who))


def delete(office: Office, who: Identity | None, n: int = 1) -> TestResponse:
    return office.client.delete(f"/v1/hooks/{n:032x}", headers=office.bearer(who))


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_hooks_need_a_token(office: Office) -> None:
    for answer in (put(office, None), delete(office, None), office.get("/v1/hooks")):
        assert said(answer) == (401, "token_missing")


def test_service_whose_operator_offers_none_refuses_and_keeps_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path)
    before = tree(office.folder / "store")
    assert said(put(office, CLAIMANT)) == (403, "hooks_not_offered")
    assert tree(office.folder / "store") == before
    assert office.get("/v1/service").get_json()["limits"]["hooks_per_card"] == 0


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/", "hook_url_malformed"), ("https://127.0.0.1/", "hook_url_malformed"),
        ("https://me@hooks.example/", "hook_url_malformed"), ("https://hooks.example/#x",
        "hook_url_malformed"), ("https://hooks.example:8443/", "hook_port_refused"), ("https://a.example/"
        + "x" * 500, "field_refused"), ("", "field_refused"), (1, "field_refused"), (None, "field_refused"),
    ],
)  # fmt: skip
def test_url_that_may_not_be_told_is_refused(office: Office, url: object, code: str) -> None:
    assert said(put(office, CLAIMANT, url=url)) == (400, code)


def test_card_without_a_case_that_may_open_none_has_no_hook(tmp_path: Path) -> None:
    office = Office(tmp_path, hooks_per_card=2, convenors=(str(build.CONVENOR.card),))
    assert put(office, build.CONVENOR).status_code == 201
    assert said(put(office, STRANGER)) == (403, "hook_needs_case")
    office.accepted()
    assert put(office, CLAIMANT).status_code == 201


def test_same_again_changes_nothing_and_another_url_is_refused(office: Office) -> None:
    first = put(office, CLAIMANT)
    before = tree(office.folder / "store")
    office.clock.now = office.clock.now.replace(year=office.clock.now.year + 1)
    again = put(office, CLAIMANT)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    assert said(put(office, CLAIMANT, url=URL + "/other")) == (409, "hook_taken")
    assert tree(office.folder / "store") == before


def test_hook_of_another_card_is_unknown(office: Office) -> None:
    put(office, CLAIMANT)
    assert said(delete(office, MEDIATOR)) == (404, "not_found")
    assert office.get("/v1/hooks", MEDIATOR).get_json() == {"hooks": []}
    assert office.get("/v1/hooks", CLAIMANT).get_json()["hooks"][0]["closed"] is None


def test_hook_that_was_closed_stays_closed(office: Office) -> None:
    put(office, CLAIMANT)
    first = delete(office, CLAIMANT)
    assert first.get_json()["closed"]["why"] == "removed"
    office.clock.now = office.clock.now.replace(year=office.clock.now.year + 1)
    assert delete(office, CLAIMANT).get_json() == first.get_json()
    assert said(put(office, CLAIMANT)) == (409, "hook_closed")


def test_hooks_beyond_the_limit_are_refused_and_a_removed_one_makes_room(office: Office) -> None:
    assert [put(office, CLAIMANT, n).status_code for n in (1, 2)] == [201, 201]
    assert said(put(office, CLAIMANT, 3)) == (409, "hooks_full")
    assert put(office, CLAIMANT, 2).status_code == 200
    assert put(office, MEDIATOR, 3).status_code == 201
    delete(office, CLAIMANT, 1)
    assert put(office, CLAIMANT, 3).status_code == 201


def test_damaged_hook_is_said_to_be_damaged(office: Office) -> None:
    put(office, CLAIMANT)
    (path,) = (office.folder / "store/records/hooks").rglob("opened")
    path.write_bytes(b"{}")
    assert said(delete(office, CLAIMANT)) == (503, "stored_object_differs")


def test_list_of_hooks_reads_no_outbox_of_those_that_are_closed(office: Office) -> None:
    """Each may hold ten thousand names, and a card may have many that it removed."""
    for n in range(5):
        assert put(office, CLAIMANT, n).status_code == 201
        if n:
            assert delete(office, CLAIMANT, n).status_code == 200
    office.store.calls.clear()
    found = office.get("/v1/hooks", CLAIMANT).get_json()["hooks"]
    assert [one["closed"] is None for one in found] == [True, False, False, False, False]
    assert office.store.calls.count("names outbox") == 1
    assert office.store.calls.count("get hooks") == 1 + 2 * 4
