"""A sign-off that was taken back: who did, when and why is told to all seats, and to who signs next."""

import pytest
from cli.desk import Table
from support.build import party

from escrow.client import texts
from escrow.model.case_key import CaseKey


def withdrawn(table: Table, *reason: str) -> tuple[str, str]:
    """A request that the claimant signed off, and then no more."""
    case = table.accepted()
    request = table.requested(table.deposited())
    for verb in (("signoff", case, request, "--yes"), ("withdraw", case, request, *reason)):
        table.person("claimant").type(*verb)
    return case, request


def test_reason_is_told_to_every_seat_with_who_gave_it(table: Table) -> None:
    case, request = withdrawn(table, "--reason", "He has paid.")
    shown = table.person("respondent").out("case", "show", case)
    assert f"withdrawn by claimant  {party('claimant').card.groups}, 2026-12-01" in shown
    assert "| He has paid." in shown
    (told,) = table.person("respondent").json("case", "show", case)["requests"][0]["withdrawals"]
    assert (told["seat"], told["reason"]) == ("claimant", "He has paid.")
    assert told["author"]["fingerprint"] == party("claimant").card.fingerprint
    asked = table.person("mediator").type("signoff", case, request, "--yes").stderr
    assert "withdrawn by claimant" in asked
    assert "| He has paid." in asked


def test_withdrawal_without_a_reason_says_that_none_was_given(table: Table) -> None:
    case, _ = withdrawn(table)
    assert "(none given)" in table.person("respondent").out("case", "show", case)
    (told,) = table.person("respondent").json("case", "show", case)["requests"][0]["withdrawals"]
    assert told["reason"] == ""


def test_reason_that_nobody_can_read_is_said_loudly(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = texts.seal_reason
    monkeypatch.setattr(texts, "seal_reason", lambda _, *args: seal(CaseKey.generate(), *args))
    case, _ = withdrawn(table, "--reason", "He has paid.")
    assert "| (NOT READABLE" in table.person("respondent").out("case", "show", case)
    (told,) = table.person("respondent").json("case", "show", case)["requests"][0]["withdrawals"]
    assert told["reason"] is None


def test_two_withdrawals_are_told_in_order_each_with_its_reason(table: Table) -> None:
    case, request = withdrawn(table, "--reason", "Once.")
    for verb in (("signoff", case, request, "--yes"), ("withdraw", case, request, "--reason", "Twice.")):
        table.person("claimant").type(*verb)
    told = table.person("mediator").json("signoff", case, request, "--yes")["review"]["request"]
    assert [one["reason"] for one in told["withdrawals"]] == ["Once.", "Twice."]


def test_reason_cannot_pass_for_our_own_words(table: Table) -> None:
    case, _ = withdrawn(table, "--reason", "x\n  withdrawn by respondent\x1b[2J")
    shown = table.person("respondent").out("case", "show", case)
    assert "\n  withdrawn by respondent" not in shown
    assert "\x1b" not in shown
