"""An address, an id or a folder that is mistyped or left out: it is said which, and how it should look."""

import json

import pytest
from cli.desk import Table
from client.honest import URL
from support.build import party

from escrow.client import Courier
from escrow.crypto.identity import Identity
from escrow.errors import UnavailableError

LOOK_AT_THE_ADDRESS = (
    "service_unreachable",
    "service_certificate_refused",
    "service_speaks_no_tls",
    "answer_malformed",
)


@pytest.mark.parametrize("code", LOOK_AT_THE_ADDRESS)
@pytest.mark.parametrize(
    "command", ["inbox", "case list", "case show CASE", "open URL/v1/cases/CASE/requests/CASE"]
)
def test_service_that_does_not_answer_is_named(table: Table, command: str, code: str) -> None:
    case = table.accepted()
    claimant = table.person("claimant")

    def silent(url: str, identity: Identity | None) -> Courier:
        raise UnavailableError(code, field="answer")

    claimant.courier = silent  # type: ignore[method-assign]
    args = command.replace("CASE", case).replace("URL", URL).split()
    assert f"escrow: error: {URL}: " in claimant.type(*args, status=7).stderr
    told = json.loads(claimant.type("--json", *args, status=7).stderr)["error"]
    assert told["code"] == code


@pytest.mark.parametrize("command", ["inbox", "case list", "case accept CASE", "case show CASE"])
def test_service_left_out_by_whoever_has_an_invitation(table: Table, command: str) -> None:
    table.open()
    claimant = table.person("claimant")
    said = claimant.type(*command.replace("CASE", table.case).split(), status=8).stderr
    assert said.index("escrow case join FILE") < said.index("--service URL")


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "escrow.example", "ftp://escrow.example", "https://"])
def test_address_without_its_beginning_is_told_how_it_looks(
    table: Table, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    claimant = table.person("claimant")
    for said in (
        claimant.type("--service", url, "inbox", status=2).stderr,
        claimant.type("inbox", "--service", url, status=2).stderr,
    ):
        assert "--service" in said
        assert url in said
        assert "https://escrow.example.org" in said
    monkeypatch.setenv("ESCROW_SERVICE", url)
    assert "ESCROW_SERVICE" in claimant.type("inbox", status=2).stderr


def _released(table: Table) -> tuple[str, str, str]:
    """A case, its record and its request."""
    case = table.accepted()
    record = table.deposited()
    return case, record, table.requested(record)


def test_digits_in_capitals_mean_the_same(table: Table) -> None:
    case, record, request = _released(table)
    claimant = table.person("claimant")
    for shown in (case[:12].upper(), case.upper()):
        assert claimant.json("case", "show", shown)["case"] == case
        assert claimant.refused("open", shown, request[:12].upper(), status=4) == "not_released"
    assert record in claimant.out("introduce", case, record[:8].upper())
    assert record in claimant.out("introduce", case, record.upper())


def test_id_that_is_not_known_is_looked_up_with_a_command_that_works(table: Table) -> None:
    case, _, _ = _released(table)
    claimant = table.person("claimant")
    assert "escrow case list" in claimant.type("case", "show", "000000", status=6).stderr
    for verb in ("signoff", "open"):
        said = claimant.type(verb, case, "000000", status=6).stderr
        assert "escrow case show CASE" in said


@pytest.mark.parametrize("digits", [12, 32])
@pytest.mark.parametrize("verb", ["signoff", "withdraw", "open", "fetch"])
def test_records_id_where_a_requests_is_needed_is_called_one(table: Table, verb: str, digits: int) -> None:
    case, record, _ = _released(table)
    said = table.person("claimant").type(verb, case, record[:digits], status=6).stderr
    assert "That is the id of a record, and a request's is needed" in said


@pytest.mark.parametrize("digits", [12, 64])
def test_requests_id_where_a_records_is_needed_is_called_one(table: Table, digits: int) -> None:
    case, _, request = _released(table)
    said = table.person("claimant").type("introduce", case, request[:digits], status=6).stderr
    assert "That is the id of a request, and a record's is needed" in said


@pytest.mark.parametrize("verb", ["open", "fetch"])
def test_address_of_a_release_that_is_cut_short_is_called_cut(table: Table, verb: str) -> None:
    case, _, request = _released(table)
    whole = f"{URL}/v1/cases/{case}/requests/{request}"
    for cut in (whole[:-1], whole[: len(URL) + 30], URL):
        said = table.person("claimant").type(verb, cut, status=2).stderr
        assert "That URL is cut off or changed" in said


def test_folder_that_is_not_there_is_told_so(table: Table) -> None:
    claimant = table.person("claimant")
    for name in ("kept", "here/kept", "release-0a1b2c"):
        assert f"There is no folder {name}" in claimant.type("open", name, status=2).stderr
    assert "REQUEST" in claimant.type("open", "0a1b2c", status=2).stderr


def test_path_that_the_record_has_not_is_told_with_those_that_it_has(table: Table) -> None:
    case, record, _ = _released(table)
    for verb in (("request", "--me"), ("introduce",)):
        said = table.person("claimant").type(*verb, case, record, "--path", "offer", status=4).stderr
        assert "The record has no path called offer." in said
        assert "Take one of: settlement." in said


def test_outsider_on_a_path_that_names_its_readers_is_not_introduced_in_silence(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    record = table.deposited("exchange")
    said = claimant.type("introduce", case, record).stderr
    assert "The path exchange names its readers itself: whoever holds the seat claimant or respondent" in said
    claimant.write("listed.txt", "x")
    card = party("arbitrator").card
    record = claimant.out(
        "deposit", case, "listed.txt", "--path", "settlement", "--reader", f"settlement:{card}"
    )
    said = claimant.type("introduce", case, record).stderr
    assert f"The path settlement names its readers itself: the card {card.groups}" in said
    record = table.deposited()
    assert "itself" not in claimant.type("introduce", case, record).stderr
