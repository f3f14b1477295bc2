"""`inspect` knows every kind of file, shows no secret, and believes no signature that it has not checked."""

import json
from pathlib import Path

import pytest
from cli.desk import Table
from client.honest import URL

from escrow.cli import inspecting, kinds
from escrow.client import Posting
from escrow.ledger.entry import Entry


def _files(table: Table) -> dict[str, Path]:
    case = table.accepted()
    record = table.deposited()
    table.requested(record)
    claimant = table.person("claimant")
    claimant.write("mine.card", claimant.out("card"))
    claimant.type("note", case, "Hello", "--out", "note.json")
    claimant.type("deposit", case, "settlement.txt", "--path", "settlement", "--out", "deposit.json")
    claimant.write("charter.toml", (table.person("institution").folder / "charter.toml").read_text())
    claimant.write("introduction.json", (table.person("arbitrator").folder / "introduction.json").read_text())
    entry = table.service.chains[case].entries[0]
    claimant.write("receipt.jws", entry)
    return {
        "card": Path("mine.card"),
        "identity": claimant.key_file,
        "invitation": Path("invitation.json"),
        "introduction": Path("introduction.json"),
        "ticket": Path("arbitrator.ticket"),
        "posting": Path("deposit.json"),
        "receipt": Path("receipt.jws"),
        "charter": Path("charter.toml"),
    }


def test_every_kind_of_file_is_known_and_shows_no_secret(table: Table) -> None:
    files = _files(table)
    claimant = table.person("claimant")
    key = json.loads((claimant.folder / "invitation.json").read_text())["case_key"]
    for kind, file in files.items():
        told = claimant.json("inspect", str(file))
        assert told["kind"] == kind
        shown = claimant.out("inspect", str(file))
        assert key not in shown
        assert "ESCROW-SECRET" not in shown


def test_a_deposit_is_told_with_its_paths_and_its_payload(table: Table) -> None:
    _files(table)
    told = table.person("claimant").json("inspect", "deposit.json")
    assert "2 of (claimant, respondent, mediator)" in told["facts"]["path settlement"]
    assert "SHA-256" in told["facts"]["payload"]


def test_who_signed_is_called_a_claim_where_it_cannot_be_checked(table: Table) -> None:
    _files(table)
    assert "says it is by" in table.person("claimant").json("inspect", "note.json")["facts"]


def test_a_ticket_with_another_signature_is_refused(table: Table) -> None:
    _files(table)
    claimant = table.person("claimant")
    ticket = (claimant.folder / "arbitrator.ticket").read_text().strip()
    words, _, signature = ticket.rpartition(".")
    spoilt = ("B" if signature[0] == "A" else "A") + signature[1:]
    claimant.write("spoilt.ticket", f"{words}.{spoilt}")
    assert claimant.refused("inspect", "spoilt.ticket", status=5) == "signature_false"


def test_an_opening_by_another_hand_is_refused(table: Table) -> None:
    _files(table)
    claimant = table.person("claimant")
    entry = table.service.chains[table.case].entries[0]
    raw = Entry.read_opening(entry).statement_raw
    words, _, signature = raw.rpartition(".")
    spoilt = ("B" if signature[0] == "A" else "A") + signature[1:]
    claimant.write("opening.json", Posting(case=None, statement=f"{words}.{spoilt}").dump().decode())
    assert claimant.refused("inspect", "opening.json", status=5) == "signature_false"


@pytest.mark.parametrize(
    "content", ["", "hello", "{}", "eyJ", '{"format": "escrow.other.v9"}', "[seats]", "\x00\xff"]
)
def test_a_strange_file_is_refused_as_malformed(table: Table, content: str) -> None:
    table.person("claimant").write("strange", content)
    table.person("claimant").type("inspect", "strange", status=3)


def test_the_kinds_that_are_told_apart_are_those_that_are_explained() -> None:
    assert set(kinds.NAMES) == {*inspecting.READERS, "charter"}


def test_a_fetched_release_is_explained_by_its_folder(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    for seat in ("claimant", "mediator"):
        table.person(seat).type("signoff", case, request, "--yes")
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", f"{URL}/v1/cases/{case}/requests/{request}", "--out", "kept")
    told = arbitrator.json("inspect", "kept")
    assert told["kind"] == "release"
    assert (told["facts"]["case"], told["facts"]["request"]) == (case, request)
    assert {"entries", "shares", "payload"} <= set(told["facts"])
    (arbitrator.folder / "kept" / "bundle.json").unlink()
    assert "kept/bundle.json cannot be read" in arbitrator.type("inspect", "kept", status=8).stderr


def test_a_folder_that_nobody_fetched_is_called_a_folder(table: Table) -> None:
    claimant = table.person("claimant")
    (claimant.folder / "letters").mkdir()
    said = claimant.type("inspect", "letters", status=3).stderr
    assert "letters is a folder that `escrow fetch` did not write" in said
    assert "permissions" not in said
