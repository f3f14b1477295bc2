"""An address, an id or a folder that is mistyped or left out: it is said which, and how it should look."""

import json

import pytest
from cli.desk import Table
from client.honest import URL

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
