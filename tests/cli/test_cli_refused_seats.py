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
