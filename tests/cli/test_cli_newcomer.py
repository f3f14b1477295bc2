"""What a newcomer stumbles over: every command that is told works, and every refusal says what to do next."""

from pathlib import Path

import pytest
from cli.desk import Table
from client.honest import DRAFT, URL
from support.build import party

from escrow.cli.checking import fault_lines
from escrow.ledger.audit import AuditReport, Fault


def second_charter(table: Table) -> tuple[str, str]:
    """Two charters wait: the case's own, nobody having accepted it, and another."""
    case = table.open()
    convenor = table.person("institution")
    cards = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
    convenor.write("second.toml", DRAFT.format(**cards).replace("365", "730"))
    return case, convenor.out("case", "amend", case, "second.toml")


def test_where_two_charters_wait_the_commands_told_name_one(table: Table) -> None:
    case, second = second_charter(table)
    claimant = table.person("claimant")
    claimant.type("case", "join", "invitation.json")
    command = f"escrow case accept {case[:12]} --proposal {second[:12]}"
    assert command in claimant.out("inbox")
    refused = claimant.type("case", "accept", case[:12], "--yes", status=4)
    assert f"  {command}\n" in refused.stderr
    claimant.type(*command.split()[1:], "--yes")


def test_an_invitation_to_one_of_two_charters_is_named_by_its_first_digits(table: Table) -> None:
    case, second = second_charter(table)
    convenor = table.person("institution")
    assert "--proposal" in convenor.type("case", "invite", case[:12], "claimant", status=4).stderr
    assert second in convenor.out("case", "invite", case[:12], "claimant", "--proposal", second[:12])
    assert convenor.refused("case", "invite", case, "claimant", "--proposal", "00" * 6, status=4)


def test_a_seat_that_was_not_invited_yet_is_sent_to_the_convenor(table: Table) -> None:
    case = table.open()
    told = "the convenor for your invitation; then: "
    claimant = table.person("claimant")
    assert told in claimant.out("--service", URL, "inbox")
    assert told in claimant.type("--service", URL, "case", "accept", case, "--yes", status=8).stderr


def test_a_seat_that_is_not_there_is_told_which_are(table: Table) -> None:
    case = table.open()
    refused = table.person("claimant").type("case", "accept", "invitation.json", "--seat", "z", status=4)
    assert "claimant, respondent, mediator" in refused.stderr
    assert case in refused.stderr


def test_without_a_folder_serve_says_how_to_make_one(table: Table) -> None:
    refused = table.person("operator").type("serve", "nosuch", status=8)
    assert "escrow service init nosuch" in refused.stderr


def test_a_client_without_server_is_sent_to_no_package_index(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escrow.cli.serving.find_spec", lambda _: None)
    refused = table.person("operator").type("service", "init", "here", status=8)
    assert "from this program's source folder: pip install '.[server]'" in refused.stderr


def test_a_request_without_tickets_mentions_oneself(table: Table) -> None:
    case = table.accepted()
    record = table.deposited("exchange")
    refused = table.person("claimant").type("request", case, record, status=4)
    assert "--me" in refused.stderr
    assert f"escrow introduce {case[:12]} {record[:12]}" in refused.stderr


def test_an_introduction_in_place_of_a_ticket_is_called_one(table: Table) -> None:
    case = table.accepted()
    record, claimant = table.deposited(), table.person("claimant")
    claimant.write("introduction.json", claimant.out("introduce", case, record))
    refused = claimant.type("request", case, record, "--ticket", "introduction.json", status=4)
    assert "escrow ticket introduction.json" in refused.stderr


def test_somebody_elses_ticket_opens_nothing_and_says_whose_it_is(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    ticket = Path(table.person("claimant").folder / "arbitrator.ticket")
    refused = table.person("claimant").type("open", case, request, "--ticket", str(ticket), status=4)
    assert party("arbitrator").card.groups in refused.stderr


def test_that_a_deposit_names_the_date_is_labelled_procedural(table: Table) -> None:
    assert "[procedural] Each deposit names its own date." in table.person("institution").out(
        "case", "show", table.open()
    )


def test_verify_says_what_it_did_not_look_at(table: Table) -> None:
    case = table.accepted()
    told = table.person("claimant").out("verify", case)
    assert told.endswith(f"payloads not fetched (escrow audit {case[:12]} does)")
    assert "not fetched" not in table.person("claimant").out("audit", case)


def test_a_fault_is_told_as_a_sentence_with_who_is_at_fault() -> None:
    fault = Fault(code="payload_changed", n=3, party="ab" * 32, fields={"record": "cd" * 16})
    report = AuditReport(case=None, head=None, entries=4, records=1, faults=(fault,), warnings=())
    (line,) = fault_lines(report)
    assert line.startswith("Entry 3: The stored payload")
    assert "At fault: abab abab" in line


def test_signing_off_twice_is_said_before_it_is_asked(table: Table) -> None:
    case = table.accepted()
    request, claimant = table.requested(table.deposited()), table.person("claimant")
    claimant.type("signoff", case, request, "--yes")
    asked = claimant.type("signoff", case, request, status=1, stdin="n\n", terminal=True).stderr
    assert "You signed off this request already as claimant (entry " in asked
    table.person("mediator").type("signoff", case, request, "--yes")
    refused = claimant.type("signoff", case, request, status=4, stdin="y\n", terminal=True).stderr
    assert "nothing is needed from you." in refused


def test_a_folder_that_is_no_store_is_told_so(table: Table) -> None:
    operator = table.person("operator")
    (operator.folder / "service" / "store").mkdir(parents=True)
    assert "service is not a store; service/store is." in operator.type("audit", "service", status=8).stderr
    assert operator.refused("audit", "service/store", status=8) == "store_folder_empty"
    assert operator.refused("audit", "service/nosuch", status=8) == "store_folder_missing"


def test_anybody_carries_a_statement_without_an_identity(table: Table) -> None:
    case = table.accepted()
    table.person("claimant").type("note", case, "Hello", "--out", "note.json")
    posting = table.person("claimant").folder / "note.json"
    carrier = table.person("carrier", keyless=True)
    assert carrier.out("--service", URL, "send", str(posting))
    assert not carrier.key_file.exists()


def test_a_note_is_shown_with_the_seat_of_its_author(table: Table) -> None:
    case = table.accepted()
    table.person("claimant").type("note", case, "Hello")
    assert f"claimant  {party('claimant').card.groups}\n    | Hello" in table.person("mediator").out(
        "case", "show", case
    )


def test_whoever_accepts_is_shown_the_title(table: Table) -> None:
    table.open()
    shown = table.person("claimant").type("case", "accept", "invitation.json", "--yes").stderr
    assert '"Keller and Nordwind, mediation"' in shown
