"""One damaged case does not hide the others; a store of another service is not served at all."""

from pathlib import Path

import pytest
from store.faulty import NEVER, FaultyStore, Mode
from support import build
from support.office import Office, office_settings

from escrow.api.server import serve
from escrow.errors import SetupError
from escrow.model.ids import CaseId
from escrow.service.desk import Desk
from escrow.store import names
from escrow.store.folder import FolderStore

CLAIMANT, STRANGER = build.SEATS["claimant"], build.party("stranger")


def two_cases(office: Office, damaged_entry: int) -> tuple[Office, CaseId, CaseId]:
    """A sound case and one with a damaged entry, seen by a process that has neither in memory."""
    sound, spoilt = office.case().open(), office.case().open(build.charter(public_notice="spoilt"))
    spoilt.accept("claimant")
    entry = office.folder / "store" / "ledger" / names.entry(spoilt.id, damaged_entry)
    entry.write_bytes(entry.read_bytes()[:-3])
    return office.over(office.store), sound.id, spoilt.id


@pytest.mark.parametrize("n", [0, 1])
def test_damaged_case_is_listed_as_damaged_beside_the_sound_one(office: Office, n: int) -> None:
    fresh, sound, spoilt = two_cases(office, n)
    answer = fresh.get("/v1/cases", CLAIMANT)
    assert answer.status_code == 200
    found = {each["case"]: (each["status"], each["head"]) for each in answer.get_json()["cases"]}
    assert found[spoilt] == ("damaged", None)
    assert found[sound][0] == "pending"
    assert found[sound][1]["n"] == 0


@pytest.mark.parametrize("n", [0, 1])
def test_damaged_case_is_an_item_and_hides_no_other(office: Office, n: int) -> None:
    fresh, sound, spoilt = two_cases(office, n)
    items = fresh.get("/v1/inbox", CLAIMANT).get_json()["items"]
    assert {(each["kind"], each["case"]) for each in items} == {("accept", sound), ("damaged", spoilt)}


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/inbox"])
def test_storage_that_fails_is_not_told_as_damage(office: Office, path: str) -> None:
    """Wherever it strikes in a look at a case that is not in memory."""
    office.case().open()
    counted = FaultyStore(office.store, kill_at=NEVER)
    assert office.over(counted).get(path, CLAIMANT).status_code == 200
    told = []
    for n in range(1, len(counted.calls) + 1):
        faulty = FaultyStore(office.store, kill_at=n, mode=Mode.UNAVAILABLE)
        told.append(office.over(faulty).get(path, CLAIMANT))
    failed = [answer.get_json()["code"] for answer in told if answer.status_code == 503]
    assert failed
    assert set(failed) == {"storage_failed"}
    assert not any(b"damaged" in answer.data for answer in told if answer.status_code == 200)


def test_inbox_read_item_by_item_says_once_that_a_case_is_damaged(office: Office) -> None:
    fresh, sound, spoilt = two_cases(office, 0)
    seen, cursor = [], ""
    while True:
        page = fresh.get(f"/v1/inbox?limit=1{cursor}", CLAIMANT).get_json()
        seen += [(each["kind"], each["case"]) for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert sorted(seen) == sorted([("accept", sound), ("damaged", spoilt)])


def test_damaged_case_is_no_concern_of_a_stranger(office: Office) -> None:
    fresh, _, spoilt = two_cases(office, 0)
    assert fresh.get("/v1/cases", STRANGER).get_json()["cases"] == []
    assert fresh.get("/v1/inbox", STRANGER).get_json()["items"] == []
    assert fresh.get(f"/v1/cases/{spoilt}", STRANGER).status_code == 404


def test_damaged_case_itself_is_answered_for_nobody(office: Office) -> None:
    fresh, _, spoilt = two_cases(office, 1)
    answer = fresh.get(f"/v1/cases/{spoilt}", CLAIMANT)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "ledger_damaged")


def test_service_with_another_identity_does_not_start_on_a_store(tmp_path: Path) -> None:
    settings = office_settings(tmp_path, bind="127.0.0.1:0")
    store = FolderStore(settings.store)
    for _ in range(2):
        Desk.set_up(settings, store, build.Clock()).require_own_store()
    settings.service_identity.write_text(build.party("another service").dump())
    with pytest.raises(SetupError) as caught:
        serve(settings, store=store, announce=lambda: pytest.fail("it serves"))
    assert caught.value.code == "service_identity_of_another_store"
    assert caught.value.fields["expected"] == build.SERVICE.card.fingerprint
