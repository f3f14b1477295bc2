"""Somebody whom one seat put into a proposal, and whom nobody else wanted."""

from support import build
from support.office import Office

from escrow.model.deeds import Note

OUTSIDER = build.party("outsider")


def test_outsider_of_a_proposal_that_lapsed_reads_nothing_and_is_told_nothing(office: Office) -> None:
    case = office.accepted()
    record = office.deposited(case)
    case.propose(build.charter(seats={**build.SEATS, "observer": OUTSIDER}), author=build.SEATS["claimant"])
    places = ("", "/entries", "/records", f"/records/{record}/payload")
    before = [office.get(f"/v1/cases/{case.id}{place}", OUTSIDER).status_code for place in places]
    assert before == [200] * len(places)  # while it may accept
    agreed = case.propose(build.charter(public_notice="new"), author=build.SEATS["respondent"])
    case.accept_all(agreed)
    for place in places:
        answer = office.get(f"/v1/cases/{case.id}{place}", OUTSIDER)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert office.get("/v1/cases", OUTSIDER).get_json()["cases"] == []
    posted = office.post(case.id, case.statement(OUTSIDER, Note(text=build.SEALED)))
    assert (posted.status_code, posted.get_json()["code"]) == (404, "not_found")
