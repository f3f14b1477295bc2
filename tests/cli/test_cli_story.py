"""The main job as people type it, and what each verb shows them."""

from datetime import timedelta

from cli.desk import Table
from client.honest import URL


def test_the_six_lines_open_a_secret_settlement_for_one_named_reader(table: Table) -> None:
    case = table.accepted()
    record = table.deposited()
    request = table.requested(record)
    table.person("claimant").type("signoff", case, request, "--yes")
    table.person("mediator").type("signoff", case, request, "--yes")

    url = f"{URL}/v1/cases/{case}/requests/{request}"
    opened = table.person("arbitrator").type("open", url)

    assert opened.stdout.strip() == "settlement.txt"
    assert (table.person("arbitrator").folder / "settlement.txt").read_text() == "We agree on 4,000,000."


def test_a_public_record_opens_without_an_identity_once_its_date_has_come(table: Table) -> None:
    case = table.accepted()
    date = table.service.clock() + timedelta(hours=1)
    record = table.deposited(f"memo:{date:%Y-%m-%dT%H:%M:%SZ}")
    request = table.person("claimant").out("request", case, record)
    assert table.person("claimant").refused("signoff", case, request, "--yes", status=4) == "too_early"

    table.service.clock.tick(2 * 3600)
    for seat in ("claimant", "respondent"):
        table.person(seat).type("signoff", case, request, "--yes")

    anybody = table.person("anybody", keyless=True)
    anybody.type("open", f"{URL}/v1/cases/{case}/requests/{request}")
    assert (anybody.folder / "settlement.txt").read_text() == "We agree on 4,000,000."


def test_one_sign_off_of_two_opens_nothing(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    table.person("claimant").type("signoff", case, request, "--yes")
    url = f"{URL}/v1/cases/{case}/requests/{request}"
    assert table.person("arbitrator").refused("open", url, status=4) == "not_released"
    assert not (table.person("arbitrator").folder / "settlement.txt").exists()


def test_a_withdrawn_sign_off_no_longer_counts(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    claimant = table.person("claimant")
    claimant.type("signoff", case, request, "--yes")
    claimant.type("withdraw", case, request, "--reason", "He has paid.")
    table.person("mediator").type("signoff", case, request, "--yes")
    assert claimant.json("case", "show", case)["requests"][0]["signed_off"] == ["mediator"]


def test_the_review_shows_everything_before_it_asks(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    shown = table.person("mediator").type("signoff", case, request, "--yes").stderr
    arbitrator = table.person("arbitrator").identity
    assert arbitrator is not None
    for part in ("Settlement", "claimant", arbitrator.card.groups, "Enforcement", "[cryptographic]",
                 "[procedural]", "cannot be recalled", "path settlement"):  # fmt: skip
        assert part in shown


def test_the_inbox_says_what_to_type_and_is_empty_afterwards(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    mediator = table.person("mediator")
    assert f"escrow signoff {case[:12]} {request[:12]}" in mediator.out("inbox")
    mediator.type("signoff", case[:6], request[:6], "--yes")
    assert mediator.json("inbox") == {"items": [], "troubles": [], "failed": []}
    assert mediator.type("inbox").stdout == ""


def test_notes_labels_and_rules_are_shown_to_seats(table: Table) -> None:
    case = table.accepted()
    table.deposited()
    table.person("claimant").type("note", case, "We meet on Monday.")
    shown = table.person("respondent").out("case", "show", case)
    for part in ("We meet on Monday.", "Settlement", "Nothing said here is used elsewhere.", "in force"):
        assert part in shown
    assert "Keller and Nordwind" in table.person("respondent").out("case", "list")


def test_an_amended_charter_waits_for_everybody_again(table: Table) -> None:
    case = table.accepted()
    convenor = table.person("institution")
    text = (convenor.folder / "charter.toml").read_text()
    convenor.write("second.toml", text.replace("retention_days = 365", "retention_days = 730"))
    proposal = convenor.out("case", "amend", case, "second.toml")
    for seat in ("claimant", "respondent", "mediator"):
        table.person(seat).type("case", "accept", case, "--proposal", proposal[:8], "--yes")
    told = table.person("claimant").json("case", "show", case)
    assert told["in_force"] == proposal
    assert told["charter"]["retention_days"] == 730


def test_a_whole_case_verifies_and_good_envelopes_are_reported_good(table: Table) -> None:
    case = table.accepted()
    table.deposited()
    assert table.person("respondent").json("verify", case)["cases"][0]["sound"] is True
    assert table.person("respondent").json("audit", case)["cases"][0]["records"] == 1
    assert table.person("respondent").json("report", case) == {"bad": [], "receipts": []}


def test_a_record_that_replaces_another_is_shown_as_such(table: Table) -> None:
    case = table.accepted()
    first = table.deposited()
    claimant = table.person("claimant")
    second = claimant.out("deposit", case, "settlement.txt", "--path", "exchange", "--replaces", first[:8])
    records = {one["record"]: one for one in claimant.json("case", "show", case)["records"]}
    assert records[second]["replaces"] == first
    assert records[first]["replaced_by"] == [second]


def test_a_seat_that_is_a_reader_adds_its_own_ticket(table: Table) -> None:
    case = table.accepted()
    record = table.deposited("exchange")
    claimant = table.person("claimant")
    request = claimant.out("request", case, record, "--me")
    claimant.type("signoff", case, request, "--yes")
    table.person("mediator").type("signoff", case, request, "--yes")
    claimant.type("open", case, request[:8], "--out", "opened.txt")
    assert (claimant.folder / "opened.txt").read_text() == "We agree on 4,000,000."
