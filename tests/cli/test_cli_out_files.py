"""What `--out` writes, what `send` carries, and that neither writes over anything."""

import json
from pathlib import Path

import pytest
from cli.desk import Table

from escrow.cli.uploading import MAX_PART, curl_lines
from escrow.client import Posting


def test_a_posting_is_the_exact_body_and_its_url_is_told(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    entries = len(table.service.chains[case].entries)
    told = claimant.json("note", case, "Hello", "--out", "note.json")
    posting = Posting.load((claimant.folder / "note.json").read_bytes())
    assert told["sent"] is False
    assert told["statement"] == posting.hash
    assert told["url"] == f"https://escrow.example/v1/cases/{case}/statements"
    assert len(table.service.chains[case].entries) == entries


def test_the_curl_line_for_a_posting_goes_to_stderr(table: Table) -> None:
    case = table.accepted()
    result = table.person("claimant").type("note", case, "Hello", "--out", "note.json")
    assert "curl -H 'content-type: application/json' --data-binary @note.json https://escrow" in result.stderr
    assert "curl" not in result.stdout


def test_every_verb_that_writes_takes_out_and_send_carries_it(table: Table) -> None:
    case = table.open()
    for seat in ("claimant", "respondent", "mediator"):
        person = table.person(seat)
        person.type("case", "accept", "invitation.json", "--yes", "--out", "accept.json")
        person.type("send", "accept.json")
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "We agree.")
    record = claimant.out("deposit", case, "settlement.txt", "--path", "settlement", "--out", "deposit.json")
    assert claimant.json("case", "show", case)["records"] == []
    claimant.type("send", "deposit.json")
    assert [one["record"] for one in claimant.json("case", "show", case)["records"]] == [record]

    arbitrator = table.person("arbitrator")
    claimant.type("introduce", case, record, "--out", "introduction.json")
    arbitrator.write("introduction.json", (claimant.folder / "introduction.json").read_text())
    arbitrator.type("ticket", "introduction.json", "--out", "mine.ticket")
    claimant.write("theirs.ticket", (arbitrator.folder / "mine.ticket").read_text())
    request = claimant.out("request", case, record, "--ticket", "theirs.ticket", "--out", "request.json")
    claimant.type("send", "request.json")
    claimant.type("signoff", case, request, "--yes", "--out", "signoff.json")
    claimant.type("send", "signoff.json")
    claimant.type("withdraw", case, request, "--out", "withdraw.json")
    claimant.type("send", "withdraw.json")
    assert claimant.json("case", "show", case)["requests"][0]["signed_off"] == []


def test_sending_again_gives_the_first_receipt(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.type("note", case, "Hello", "--out", "note.json")
    first, again = claimant.json("send", "note.json"), claimant.json("send", "note.json")
    assert (first["created"], again["created"]) == (True, False)
    assert first["hash"] == again["hash"]


@pytest.mark.parametrize(
    "args",
    [
        ("note", "CASE", "Hello", "--out", "taken"),
        ("case", "accept", "invitation.json", "--yes", "--out", "taken"),
        ("case", "invite", "CASE", "claimant", "--out", "taken"),
        ("deposit", "CASE", "settlement.txt", "--path", "settlement", "--out", "taken"),
        ("keygen", "--out", "taken"),
    ],
)
def test_no_verb_writes_over_a_file(table: Table, args: tuple[str, ...]) -> None:
    case = table.open() if args[1] == "accept" else table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "x")
    claimant.write("taken", "precious")
    assert claimant.refused(*(case if arg == "CASE" else arg for arg in args), status=8) == "file_exists"
    assert (claimant.folder / "taken").read_text() == "precious"


def test_sealed_bytes_of_another_deposit_are_not_written_over(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "x")
    claimant.write("deposit.json.payload", "precious")
    args = ("deposit", case, "settlement.txt", "--path", "settlement", "--out", "deposit.json")
    assert claimant.refused(*args, status=8) == "file_exists"
    assert (claimant.folder / "deposit.json.payload").read_text() == "precious"
    assert not (claimant.folder / "deposit.json").exists()


def test_force_replaces_a_file_whole(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("note.json", "old")
    claimant.type("note", case, "Hello", "--out", "note.json", "--force")
    assert "statement" in json.loads((claimant.folder / "note.json").read_text())
    assert (claimant.folder / "note.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["invitation.json", "accept.json", ".escrow/identity"])
def test_files_that_hold_secrets_are_for_their_owner_only(table: Table, name: str) -> None:
    table.open()
    convenor, claimant = table.person("institution"), table.person("claimant")
    convenor.type("case", "invite", table.case, "claimant", "--out", "invitation.json")
    claimant.type("case", "accept", "invitation.json", "--yes", "--out", "accept.json")
    owner = convenor if name == "invitation.json" else claimant
    assert (owner.folder / name).stat().st_mode & 0o077 == 0


def test_a_deposit_without_its_sealed_bytes_is_not_sent(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "x")
    claimant.type("deposit", case, "settlement.txt", "--path", "settlement", "--out", "deposit.json")
    (claimant.folder / "deposit.json.payload").unlink()
    assert claimant.refused("send", "deposit.json", status=8) == "file_unreadable"
    assert claimant.json("case", "show", case)["records"] == []


def test_a_file_that_is_no_posting_is_not_sent(table: Table) -> None:
    table.accepted()
    table.person("claimant").write("strange.json", '{"hello": 1}')
    table.person("claimant").type("send", "strange.json", status=3)


def test_large_payloads_go_up_in_parts_that_a_service_takes() -> None:
    lines = "\n".join(curl_lines(Path("x.payload"), "https://e/u", 3 * MAX_PART - 1))
    assert f'"part_size": {MAX_PART}' in lines
    assert "seq 1 3" in lines
