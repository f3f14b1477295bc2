"""What clients poll has an ETag: who has the answer is not sent it again, and who has another one is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import build
from support.office import Office

MEMBER = build.SEATS["claimant"]
STRANGER = build.party("mallory")


class World:
    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.case = self.office.accepted()
        self.record = self.office.deposited(self.case)
        self.request = self.case.request(self.record, "memo")

    def change(self) -> None:
        self.case.request(self.record, "settlement", build.party("reader"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


PATHS: dict[str, Callable[[World], str]] = {
    "cases": lambda world: "/v1/cases",
    "inbox": lambda world: "/v1/inbox",
    "case": lambda world: f"/v1/cases/{world.case.id}",
    "entries": lambda world: f"/v1/cases/{world.case.id}/entries",
    "records": lambda world: f"/v1/cases/{world.case.id}/records",
    "record": lambda world: f"/v1/cases/{world.case.id}/records/{world.record}",
    "requests": lambda world: f"/v1/cases/{world.case.id}/requests",
}
polled = pytest.mark.parametrize("what", PATHS)


@polled
def test_answer_that_the_caller_has_is_not_sent_again(world: World, what: str) -> None:
    path = PATHS[what](world)
    first = world.office.get(path, MEMBER)
    tag = first.headers["ETag"]
    again = world.office.get(path, MEMBER, If_None_Match=tag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, no-cache"
    elsewhere = world.office.over(world.office.store).get(path, MEMBER, If_None_Match=tag)
    assert elsewhere.status_code == 304, "another process gives the same tag"


@polled
def test_answer_that_changed_is_sent_whole(world: World, what: str) -> None:
    path = PATHS[what](world)
    before = world.office.get(path, MEMBER)
    world.change()
    after = world.office.get(path, MEMBER, If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert after.get_json() != before.get_json()
    assert after.headers["ETag"] != before.headers["ETag"]


@polled
@pytest.mark.parametrize("tag", ['"' + "0" * 64 + '"', "rubbish", ""])
def test_tag_of_something_else_is_answered_whole(world: World, what: str, tag: str) -> None:
    assert world.office.get(PATHS[what](world), MEMBER, If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("tag", ["*", None])
@pytest.mark.parametrize("what", ["case", "entries", "records", "record", "requests"])
def test_tag_opens_nothing_to_a_stranger(world: World, what: str, tag: str | None) -> None:
    path = PATHS[what](world)
    known = tag or world.office.get(path, MEMBER).headers["ETag"]
    answer = world.office.get(path, STRANGER, If_None_Match=known)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert "ETag" not in answer.headers


def test_request_that_was_signed_off_changes_its_tag(world: World) -> None:
    path = f"/v1/cases/{world.case.id}/requests/{world.request}"
    before = world.office.get(path, MEMBER).headers["ETag"]
    assert world.office.get(path, MEMBER, If_None_Match=before).status_code == 304
    world.case.sign_off(world.request, "claimant")
    assert world.office.get(path, MEMBER, If_None_Match=before).status_code == 200
