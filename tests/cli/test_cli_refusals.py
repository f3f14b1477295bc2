"""What the command line refuses, with which exit code, and what it never does while refusing."""

import json

import pytest
from cli.desk import Table
from client.honest import URL, HonestCourier, LyingCourier
from support.build import party

from escrow.cli import endings
from escrow.client import answers
from escrow.errors import (
    ConflictError,
    EscrowError,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
)
from escrow.model.wire import encode_json


@pytest.mark.parametrize(
    ("family", "status"),
    [
        (MalformedError, 3), (TooLargeError, 3), (RefusedError, 4), (ForgedError, 5), (NotFoundError, 6),
        (UnauthorizedError, 6), (UnavailableError, 7), (ConflictError, 7), (SetupError, 8),
    ],
)  # fmt: skip
def test_every_family_of_errors_has_its_exit_code(family: type[EscrowError], status: int) -> None:
    assert endings.exit_code(family("any_code")) == status


def _said(code: str, status: int, **fields: str) -> EscrowError:
    """What a service answers, as the courier tells it."""
    body = encode_json({"code": code, "fields": fields})
    return answers.problem(status, "application/problem+json", body, "")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 422, 429, 503])
@pytest.mark.parametrize("code", ["signature_false", "ledger_forked", "ledger_damaged"])
def test_a_service_that_says_that_something_is_false_proves_nothing(status: int, code: str) -> None:
    told = endings.tell(_said(code, status, author="cd", n="3"))
    assert told.status != endings.FORGED
    assert told.words.startswith("The service says: ")
    assert "vidence" not in told.hint
    assert "Do not rely" not in told.hint


def test_a_service_cannot_make_this_program_accuse_a_party(table: Table) -> None:
    table.accepted()
    claimant = table.person("claimant")
    blamed = party("respondent").card
    line = LyingCourier(HonestCourier(table.service, claimant.identity, URL))

    def accuse(*_: object, **__: object) -> None:
        raise _said("signature_false", 422, author=blamed.fingerprint)

    line.lies["entries"] = accuse
    claimant.courier = lambda url, identity: line  # type: ignore[method-assign]
    error, hint = claimant.type("case", "show", table.case, status=4).stderr.splitlines()
    assert error == f"escrow: error: The service says: It is not signed by the card {blamed.groups}."
    assert "not checked" in hint


def test_an_error_is_two_lines_for_people_and_nothing_on_stdout(table: Table) -> None:
    result = table.person("claimant").type("policy", "explain", "4 of (a, b)", status=3)
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    assert error.startswith("escrow: error: ")
    assert hint.startswith("escrow: hint: ")


def test_wrong_usage_ends_with_2_and_says_how_to_use_it(table: Table) -> None:
    result = table.person("claimant").type("deposit", "--nonsense", status=2)
    assert "escrow: error:" in result.stderr
    assert "escrow deposit" in result.stderr


@pytest.mark.parametrize("args", [(), ("case",), ("service",)])
def test_a_verb_left_out_shows_the_help_on_stderr(table: Table, args: tuple[str, ...]) -> None:
    result = table.person("claimant").type(*args, status=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: escrow")


def test_an_unknown_verb_is_wrong_usage(table: Table) -> None:
    table.person("claimant").type("unlock", status=2)


def test_a_fault_of_the_program_shows_no_traceback(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("ESCROW-SECRET1 in a message")

    monkeypatch.setattr("escrow.cli.policy.parse", fail)
    result = table.person("claimant").type("policy", "explain", "any of (a, b)", status=1)
    assert "ValueError" in result.stderr
    assert "ESCROW-SECRET1" not in result.stderr
    assert "Traceback" not in result.stderr


def test_without_an_identity_it_says_how_to_make_one(table: Table) -> None:
    assert table.person("anybody", keyless=True).refused("card", status=8) == "identity_missing"


def test_an_identity_that_others_can_read_is_refused(table: Table) -> None:
    table.person("claimant").key_file.chmod(0o644)
    assert table.person("claimant").refused("card", status=8) == "identity_exposed"


def test_a_passphrase_is_never_taken_where_there_is_no_terminal(table: Table) -> None:
    claimant = table.person("claimant")
    assert claimant.identity is not None
    claimant.key_file.write_text(claimant.identity.dump("correct horse"))
    result = claimant.type("--json", "card", status=8, stdin="correct horse\n")
    assert json.loads(result.stderr)["error"]["code"] == "passphrase_needed"


def test_keygen_never_replaces_an_identity(table: Table) -> None:
    claimant = table.person("claimant")
    before = claimant.key_file.read_text()
    assert claimant.refused("keygen", status=8) == "identity_exists"
    assert claimant.key_file.read_text() == before


def test_no_service_named_and_none_known_is_refused(table: Table) -> None:
    table.person("claimant").write("charter.toml", "")
    assert table.person("claimant").refused("inbox", status=8) == "service_missing"


@pytest.mark.parametrize(
    ("short", "status", "code"),
    [
        ("abc", 3, "short_name_malformed"),
        ("NOTHEX", 3, "short_name_malformed"),
        ("000000", 6, "short_name_unknown"),
    ],
)
def test_a_short_name_that_means_no_case_is_refused(table: Table, short: str, status: int, code: str) -> None:
    table.accepted()
    assert table.person("claimant").refused("case", "show", short, status=status) == code


def test_a_record_of_another_case_is_refused(table: Table) -> None:
    case = table.accepted()
    table.deposited()
    assert table.person("claimant").refused("request", case, "0" * 32, status=4) == "record_unknown"


def test_nothing_is_signed_where_nobody_can_be_asked(table: Table) -> None:
    table.open()
    entries = len(table.service.chains[table.case].entries)
    claimant = table.person("claimant")
    assert claimant.refused("case", "accept", "invitation.json", status=8) == "nobody_to_ask"
    assert len(table.service.chains[table.case].entries) == entries


def test_a_person_who_says_no_signs_nothing(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    entries = len(table.service.chains[case].entries)
    result = table.person("mediator").type("signoff", case, request, status=1, stdin="n\n", terminal=True)
    assert "nothing was sent" in result.stderr
    assert len(table.service.chains[case].entries) == entries


def test_a_person_who_says_yes_signs_off(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    table.person("mediator").type("signoff", case, request, stdin="y\n", terminal=True)
    assert table.person("mediator").json("case", "show", case)["requests"][0]["signed_off"] == ["mediator"]


def test_a_document_is_not_written_over_another(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    for seat in ("claimant", "mediator"):
        table.person(seat).type("signoff", case, request, "--yes")
    arbitrator = table.person("arbitrator")
    arbitrator.write("settlement.txt", "mine")
    url = f"{URL}/v1/cases/{case}/requests/{request}"
    arbitrator.refused("open", url, status=4)
    assert (arbitrator.folder / "settlement.txt").read_text() == "mine"
    arbitrator.type("open", url, "--force")
    assert (arbitrator.folder / "settlement.txt").read_text() == "We agree on 4,000,000."


def test_a_seat_that_is_no_reader_cannot_open(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    for seat in ("claimant", "mediator"):
        table.person(seat).type("signoff", case, request, "--yes")
    assert table.person("respondent").refused("open", case, request, status=4) == "reader_not_named"


def test_an_invitation_to_another_seat_is_refused(table: Table) -> None:
    table.open()
    stolen = (table.person("claimant").folder / "invitation.json").read_text()
    table.person("respondent").write("invitation.json", stolen)
    code = table.person("respondent").refused("case", "accept", "invitation.json", "--yes", status=4)
    assert code == "invitation_for_another_card"


@pytest.mark.parametrize("file", ["invitation.jsn", "~/inv", "claimant.invitation"])
def test_an_invitation_whose_file_is_not_there_is_called_a_file(table: Table, file: str) -> None:
    assert table.person("claimant").refused("case", "accept", file, "--yes", status=8) == "no_such_invitation"
    assert table.person("claimant").refused("case", "accept", "abc", "--yes", status=3) == (
        "short_name_malformed"
    )


def test_a_date_without_a_zone_is_refused(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "x")
    said = claimant.type(
        "deposit", case, "settlement.txt", "--path", "memo:2027-01-01T09:00", status=2
    ).stderr
    assert "2027-01-01T09:30+01:00" in said


def test_a_reader_for_a_path_that_was_not_chosen_is_refused(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "x")
    card = claimant.out("card")
    code = claimant.refused(
        "deposit", case, "settlement.txt", "--path", "settlement", "--reader", f"memo:{card}", status=3
    )
    assert code == "path_not_chosen"


def test_without_the_servers_packages_serve_says_what_to_install(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escrow.cli.serving.find_spec", lambda name: None)
    result = table.person("operator").type("serve", "folder", status=8)
    assert "pip install '.[server]'" in result.stderr


def test_secrets_are_in_no_argument_and_no_output(table: Table) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    claimant = table.person("claimant")
    assert claimant.identity is not None
    printed = ""
    for args in (
        ("card",),
        ("case", "show", case),
        ("signoff", case, request, "--yes", "--again"),
        ("inbox",),
        ("verify", case),
    ):
        for flags in ((), ("--json",)):
            result = claimant.type(*flags, *args)
            printed += result.stdout + result.stderr
    key = json.loads((claimant.folder / "invitation.json").read_text())["case_key"]
    for secret in ("ESCROW-SECRET", claimant.identity.encode().hex(), key):
        assert secret not in printed
