"""Signing off, withdrawing and accepting where that is not this seat's to do, or done already."""

import re

import pytest
from cli.desk import Table


def on_memo(table: Table) -> tuple[str, str]:
    """A request by the path memo, which claimant and respondent open, and the mediator has no part in."""
    case = table.accepted()
    record = table.deposited("memo:2026-12-01")
    return case, table.person("claimant").out("request", case, record)


def told_command_works(table: Table, who: str, refused: str) -> None:
    """The command in the hint, as printed."""
    (hint,) = (line for line in refused.splitlines() if line.startswith("escrow: hint: "))
    command = re.findall("`(escrow [^`]+)`", hint)[-1]
    table.person(who).type(*command.split()[1:])


@pytest.mark.parametrize("verb", [("signoff", "--yes"), ("withdraw",)], ids=lambda verb: verb[0])
@pytest.mark.parametrize("seat", [(), ("--seat", "mediator")], ids=["seat left out", "seat named"])
def test_seat_of_which_the_path_asks_nothing_is_told_of_whom_it_does(
    table: Table, verb: tuple[str, ...], seat: tuple[str, ...]
) -> None:
    case, request = on_memo(table)
    refused = table.person("mediator").type(*verb, case, request, *seat, status=4).stderr
    assert "The path memo asks for no sign-off of mediator, only of claimant, respondent." in refused
    assert "Somebody else" not in refused
    told_command_works(table, "mediator", refused)


@pytest.mark.parametrize("verb", [("signoff", "--yes"), ("withdraw",)], ids=lambda verb: verb[0])
def test_convenor_without_a_seat_is_told_that_it_has_none(table: Table, verb: tuple[str, ...]) -> None:
    case, request = on_memo(table)
    assert table.person("institution").refused(*verb, case, request, status=4) == "not_a_seat"
    assert table.person("claimant").refused(*verb, case, request, "--seat", "nobody", status=4) == (
        "seat_not_in_path"
    )
    assert table.person("claimant").refused(*verb, case, request, "--seat", "respondent", status=4) == (
        "not_the_holder"
    )


# A second time


def signed(table: Table, *seats: str) -> tuple[str, str]:
    """A request that these have signed off."""
    case = table.accepted()
    request = table.requested(table.deposited())
    for seat in seats:
        table.person(seat).type("signoff", case, request, "--yes")
    return case, request


@pytest.mark.parametrize("seats", [("claimant",), ("claimant", "mediator")], ids=["waiting", "released"])
def test_second_sign_off_is_refused_though_nobody_is_asked(table: Table, seats: tuple[str, ...]) -> None:
    case, request = signed(table, *seats)
    entries = len(table.service.chains[case].entries)
    claimant = table.person("claimant")
    assert claimant.refused("signoff", case, request, "--yes", status=4) == "already_signed_off"
    said = claimant.type("signoff", case, request, "--yes", status=4).stderr
    assert "You signed off this request already as claimant (entry " in said
    assert len(table.service.chains[case].entries) == entries
    (command,) = re.findall("`escrow ([^`]+)`", said.splitlines()[-1])
    claimant.type(*command.split(), "--yes")
    assert len(table.service.chains[case].entries) == entries + 1


@pytest.mark.parametrize("seats", [("claimant",), ("claimant", "mediator")], ids=["waiting", "released"])
def test_second_sign_off_goes_where_the_first_ones_share_is_lost(
    table: Table, seats: tuple[str, ...]
) -> None:
    case, request = signed(table, *seats)
    table.service.shares.clear()
    said = table.person("claimant").type("signoff", case, request, "--yes").stderr
    assert "the service does not have its share any more" in said
    assert "nothing is needed" not in said


def test_share_that_came_back_changed_counts_as_lost(table: Table) -> None:
    case, request = signed(table, "claimant")
    table.service.shares = {name: raw + b" " for name, raw in table.service.shares.items()}
    table.person("claimant").type("signoff", case, request, "--yes")


def test_signing_off_anew_after_a_withdrawal_is_no_second_time(table: Table) -> None:
    case, request = signed(table, "claimant")
    claimant = table.person("claimant")
    claimant.type("withdraw", case, request)
    assert (
        "You signed off this request already" not in claimant.type("signoff", case, request, "--yes").stderr
    )


def test_withdrawing_twice_is_said_to_be_done(table: Table) -> None:
    case, request = signed(table, "claimant")
    claimant = table.person("claimant")
    claimant.type("withdraw", case, request)
    assert claimant.refused("withdraw", case, request, status=4) == "withdrawn_before"
    said = claimant.type("withdraw", case, request, status=4).stderr
    assert "claimant has withdrawn its sign-off of this request already." in said
    told_command_works(table, "claimant", said)


def test_withdrawing_what_was_never_signed_off_names_where_to_look(table: Table) -> None:
    case, request = signed(table)
    claimant = table.person("claimant")
    assert claimant.refused("withdraw", case, request, status=4) == "nothing_to_withdraw"
    told_command_works(table, "claimant", claimant.type("withdraw", case, request, status=4).stderr)


@pytest.mark.parametrize("seat", ["claimant", "mediator", "respondent"])
def test_withdrawing_after_the_release_says_that_it_is_released(table: Table, seat: str) -> None:
    case, request = signed(table, "respondent")
    table.person("respondent").type("withdraw", case, request)
    for other in ("claimant", "mediator"):
        table.person(other).type("signoff", case, request, "--yes")
    refused = table.person(seat).type("withdraw", case, request, status=4).stderr
    assert f"The request {request} is released." in refused


@pytest.mark.parametrize("what", ["case", "invitation", "proposal"])
def test_accepting_twice_says_so_and_who_is_still_missing(table: Table, what: str) -> None:
    case = table.open()
    claimant = table.person("claimant")
    claimant.type("case", "accept", "invitation.json", "--yes")
    args = {"case": [case[:12]], "invitation": ["invitation.json"], "proposal": [case, "--proposal", case]}
    assert claimant.refused("case", "accept", *args[what], "--yes", status=4) == "accepted_and_waiting"
    said = claimant.type("case", "accept", *args[what], "--yes", status=4).stderr
    assert "You have accepted for claimant already. Still missing: respondent, mediator." in said
    told_command_works(table, "claimant", said)


def test_accepting_what_is_in_force_says_so(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    for what in (case, "invitation.json"):
        assert claimant.refused("case", "accept", what, "--yes", status=4) == "accepted_by_all"
    said = claimant.type("case", "accept", case, "--yes", status=4).stderr
    assert "in force" in said.splitlines()[-2]
    told_command_works(table, "claimant", said)


def test_depositing_before_all_have_accepted_names_the_case_to_accept(table: Table) -> None:
    case = table.open()
    claimant = table.person("claimant")
    claimant.type("case", "join", "invitation.json")
    claimant.write("settlement.txt", "We agree.")
    refused = claimant.type("deposit", case, "settlement.txt", "--path", "settlement", status=4).stderr
    assert f"`escrow case accept {case}`" in refused
    claimant.type("case", "accept", case, "--yes")


def test_accepting_without_a_seat_names_where_to_look(table: Table) -> None:
    case = table.open()
    convenor = table.person("institution")
    assert convenor.refused("case", "accept", case, "--yes", status=4) == "nothing_to_accept"
    told_command_works(table, "institution", convenor.type("case", "accept", case, "--yes", status=4).stderr)
    assert convenor.refused("case", "accept", case, "--proposal", "0" * 64, "--yes", status=4) == (
        "nothing_to_accept"
    )
