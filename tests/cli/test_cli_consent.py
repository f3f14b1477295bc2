"""What is shown before somebody consents, whom it names, and what is left of a consent that went astray."""

import json
from collections.abc import Callable

import pytest
from cli.desk import Person, Table
from client.honest import DRAFT, URL, LyingCourier
from support.build import SERVICE, party

from escrow.client import Courier, Identity, texts
from escrow.errors import UnavailableError
from escrow.model.case_key import CaseKey

# Who can open alone


ALONE = DRAFT.replace(
    'audience = "named"', 'audience = "named"\nalone = "The neutral keeps both\\nchairs."', 1
)


def _one_party_in_two_seats(table: Table) -> Person:
    """A charter in which the mediator sits in the respondent's chair too; the claimant is invited."""
    cards = {"claimant": "claimant", "respondent": "mediator", "mediator": "mediator"}
    convenor = table.person("institution")
    convenor.write("charter.toml", ALONE.format(**{seat: party(who).card for seat, who in cards.items()}))
    table.case = convenor.out("--service", URL, "case", "open", "charter.toml")
    claimant = table.person("claimant")
    claimant.write("invitation.json", convenor.out("case", "invite", table.case, "claimant"))
    return claimant


def test_a_party_that_can_open_alone_is_named_with_its_seats_and_the_charters_words(table: Table) -> None:
    claimant = _one_party_in_two_seats(table)
    groups = party("mediator").card.groups
    for args in (("case", "join", "invitation.json"), ("case", "accept", "invitation.json", "--yes")):
        result = claimant.type(*args)
        shown = (result.stdout + result.stderr).splitlines()
        at = shown.index(
            f"    ! respondent, mediator  {groups}  CAN OPEN THIS ALONE, whatever all others say."
        )
        assert shown[at + 2 : at + 4] == ["      | The neutral keeps both", "      | chairs."]
    paths = claimant.json("case", "show", table.case)["charter"]["paths"]
    alone = {path["name"]: [one["fingerprint"] for one in path["can_open_alone"]] for path in paths}
    assert alone["settlement"] == [party("mediator").card.fingerprint]
    assert alone["exchange"] == []


def under_another_key(seal: Callable[..., bytes]) -> Callable[..., bytes]:
    """A convenor's program that seals what only looks like a text of the case."""
    return lambda _, *args, **named: seal(CaseKey.generate(), *args, **named)


def test_words_that_nobody_can_read_are_said_loudly_and_not_accepted(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "seal_alone", under_another_key(texts.seal_alone))
    claimant = _one_party_in_two_seats(table)
    shown = claimant.type("case", "join", "invitation.json").stdout
    assert "CAN OPEN THIS ALONE" in shown
    assert "| (NOT READABLE" in shown
    claimant.type("case", "accept", "invitation.json", "--yes", status=4)


def test_rules_that_nobody_can_read_are_said_loudly(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "seal_prose", under_another_key(texts.seal_prose))
    table.open()
    shown = table.person("claimant").type("case", "join", "invitation.json").stdout
    assert "  rules\n    | (NOT READABLE" in shown


def test_a_service_that_nobody_vouched_for_is_shown_with_the_fingerprint_that_is_pinned(table: Table) -> None:
    convenor = table.person("institution")
    cards = {name: party(name).card for name in ("claimant", "respondent", "mediator")}
    convenor.write("charter.toml", DRAFT.format(**cards))
    opened = convenor.type("--service", URL, "case", "open", "charter.toml")
    assert SERVICE.card.groups in opened.stderr


# Blame


def test_a_share_object_that_the_service_leaves_out_blames_no_seat(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    for seat in ("claimant", "respondent", "mediator"):
        table.person(seat).type("signoff", case, request, "--yes")
    arbitrator = table.person("arbitrator")
    honest = arbitrator.courier

    def thin(raw: bytes, *_: str) -> bytes:
        body = json.loads(raw)
        return json.dumps({**body, "shares": body["shares"][1:]}).encode()

    def courier(url: str, identity: Identity | None) -> Courier:
        made = LyingCourier(honest(url, identity))
        made.lies["bundle"] = thin
        return made

    arbitrator.courier = courier  # type: ignore[method-assign]
    result = arbitrator.type("open", f"{URL}/v1/cases/{case}/requests/{request}")
    assert "false" not in result.stderr
    assert "What claimant handed over did not come (share_object_missing)" in result.stderr


# A sign-off on its way


def test_a_sign_off_that_never_arrived_is_taken_back_and_refused_when_it_comes(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    claimant = table.person("claimant")
    late = claimant.out("signoff", case, request, "--yes", "--out", "late.json")
    claimant.type("withdraw", case, request, "--sign-off", late, "--out", "back.json")
    claimant.type("send", "back.json")
    assert claimant.refused("send", "late.json", status=4) == "sign_off_withdrawn"
    assert claimant.json("case", "show", case)["requests"][0]["signed_off"] == []


def test_a_sign_off_lost_on_its_way_says_how_to_take_it_back(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    claimant = table.person("claimant")
    honest = claimant.courier

    def courier(url: str, identity: Identity | None) -> Courier:
        made = LyingCourier(honest(url, identity))
        made.lies["post"] = lose
        return made

    def lose(*_: object) -> None:
        raise UnavailableError("service_unreachable", url=URL)

    claimant.courier = courier  # type: ignore[method-assign]
    said = claimant.type("signoff", case, request, "--yes", status=7).stderr
    line = next(line for line in said.splitlines() if "escrow withdraw" in line)
    claimant.courier = honest  # type: ignore[method-assign]
    assert claimant.json("case", "show", case)["requests"][0]["signed_off"] == ["claimant"]
    claimant.type(*line.split()[1:])
    assert claimant.json("case", "show", case)["requests"][0]["signed_off"] == []
