"""References: whose they are, who may give them, and that one that was given stays."""

from pathlib import Path

import pytest
from support import build
from support.office import Office, tree
from werkzeug.test import TestResponse

from escrow.crypto.identity import Identity
from escrow.model.ids import CaseId
from escrow.service.references import MOST_OF_A_CASE
from escrow.store import names

CONVENOR, CLAIMANT, STRANGER = build.CONVENOR, build.SEATS["claimant"], build.party("stranger")
ONE, TWO, PROOF = "1" * 64, "2" * 64, "a" * 64


def give(
    office: Office, who: Identity | None, case: CaseId, reference: str = ONE, proof: str = PROOF
) -> TestResponse:
    body = {"case": case, "proof": proof}
    return office.client.put(f"/v1/references/{reference}", json=body, headers=office.bearer(who))


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_reference_needs_a_token(office: Office) -> None:
    assert said(give(office, None, "0" * 64)) == (401, "token_missing")
    assert said(office.get(f"/v1/references/{ONE}")) == (401, "token_missing")


@pytest.mark.parametrize(
    "body",
    [{}, {"case": ONE}, {"case": "x", "proof": PROOF}, {"case": ONE, "proof": PROOF + "0"},
     {"case": ONE, "proof": PROOF, "more": 1}, {"case": 1, "proof": PROOF}],
)  # fmt: skip
def test_body_that_is_none_is_refused(office: Office, body: dict[str, object]) -> None:
    answer = office.client.put(f"/v1/references/{ONE}", json=body, headers=office.bearer(CONVENOR))
    assert answer.status_code == 400


def test_stranger_to_a_case_is_told_that_there_is_none(office: Office) -> None:
    case = office.accepted()
    before = tree(office.folder / "store")
    answers = [give(office, STRANGER, one) for one in (case.id, "0" * 64)]
    first, second = (one.get_json() | {"request_id": ""} for one in answers)
    assert first == second
    assert said(answers[0]) == (404, "not_found")
    assert tree(office.folder / "store") == before


def test_seat_that_did_not_open_the_case_may_not_give_it_a_reference(office: Office) -> None:
    case = office.accepted()
    before = tree(office.folder / "store")
    assert said(give(office, CLAIMANT, case.id)) == (403, "reference_not_yours")
    assert tree(office.folder / "store") == before


def test_reference_is_given_once_and_the_same_again_changes_nothing(office: Office) -> None:
    case = office.accepted()
    assert give(office, CONVENOR, case.id).status_code == 201
    before = tree(office.folder / "store")
    assert give(office, CONVENOR, case.id).status_code == 200
    assert tree(office.folder / "store") == before
    assert office.get(f"/v1/references/{ONE}", CONVENOR).get_json() == {"case": case.id, "proof": PROOF}


def test_taken_reference_is_refused_for_another_case_and_stays(office: Office) -> None:
    first, second = office.accepted(), office.accepted()
    give(office, CONVENOR, first.id)
    answer = give(office, CONVENOR, second.id)
    assert said(answer) == (409, "reference_taken")
    assert answer.get_json()["fields"] == {"case": first.id}
    assert office.get(f"/v1/references/{ONE}", CONVENOR).get_json()["case"] == first.id
    assert give(office, CONVENOR, second.id, TWO).status_code == 201


def test_references_of_a_case_have_an_end(office: Office) -> None:
    """Each is an object in a locked bucket, which nobody can remove."""
    first, second = office.accepted(), office.accepted()
    texts = [f"{n:064x}" for n in range(MOST_OF_A_CASE + 1)]
    *within, beyond = (give(office, CONVENOR, first.id, text) for text in texts)
    assert [answer.status_code for answer in within] == [201] * MOST_OF_A_CASE
    assert said(beyond) == (409, "references_full")
    assert beyond.get_json()["fields"] == {"limit": MOST_OF_A_CASE}
    before = tree(office.folder / "store")
    assert said(give(office, CONVENOR, first.id, TWO)) == (409, "references_full")
    assert give(office, CONVENOR, first.id, texts[3]).status_code == 200
    assert tree(office.folder / "store") == before
    assert give(office, CONVENOR, second.id, texts[-1]).status_code == 201


def test_refused_reference_takes_nothing_of_what_a_case_may_have(office: Office) -> None:
    first, second = office.accepted(), office.accepted()
    give(office, CONVENOR, first.id)
    for _ in range(MOST_OF_A_CASE):
        assert said(give(office, CONVENOR, second.id)) == (409, "reference_taken")
    assert give(office, CONVENOR, second.id, TWO).status_code == 201


def test_reference_whose_giving_was_broken_off_is_given_without_another_place(tmp_path: Path) -> None:
    office = Office(tmp_path)
    case = office.accepted()
    for _ in range(MOST_OF_A_CASE):
        assert give(office, CONVENOR, case.id).status_code == 201
        (tmp_path / "store/ledger" / names.reference(CONVENOR.card.fingerprint, ONE)).unlink()
    assert give(office, CONVENOR, case.id, TWO).status_code == 201


def test_reference_of_another_looks_as_if_it_did_not_exist(office: Office) -> None:
    give(office, CONVENOR, office.accepted().id)
    answers = []
    for who, reference in ((CLAIMANT, ONE), (CLAIMANT, TWO), (STRANGER, ONE), (CONVENOR, TWO)):
        office.store.calls.clear()
        answer = office.get(f"/v1/references/{reference}", who)
        told = answer.get_json() | {"request_id": ""}
        answers.append((answer.status_code, told, list(office.store.calls)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 404


@pytest.mark.parametrize("raw", [b"", b"x", b'{"case":"1"}', b"{}" + b" " * 300])
def test_damaged_reference_is_said_to_be_damaged_and_not_to_be_free(tmp_path: Path, raw: bytes) -> None:
    office = Office(tmp_path)
    case = office.accepted()
    give(office, CONVENOR, case.id)
    (tmp_path / "store/ledger" / names.reference(CONVENOR.card.fingerprint, ONE)).write_bytes(raw)
    assert said(office.get(f"/v1/references/{ONE}", CONVENOR)) == (503, "stored_object_differs")
    assert said(give(office, CONVENOR, case.id)) == (503, "stored_object_differs")
