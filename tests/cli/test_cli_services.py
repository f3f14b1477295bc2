"""Several services in one home: one that is down, lies or is misspelt keeps no other from its turn."""

from datetime import timedelta
from pathlib import Path

import pytest
from cli.desk import Person, Table
from client.honest import DRAFT, URL, HonestCourier, Service
from support.build import party

from escrow.client import Courier, Identity
from escrow.errors import EscrowError, ForgedError, SetupError, UnavailableError
from escrow.words import WORDS, describe

OTHER = "https://other.example"
TROUBLES = [
    UnavailableError("service_unreachable", url=OTHER),
    ForgedError("service_card_differs", expected="a", found="b", url=OTHER),
    SetupError("plain_http_refused", url=OTHER),
    ValueError("a fault that its answer provokes"),
]


class Lines:
    """A person's lines to two services; `trouble` is what comes of speaking to the other one."""

    def __init__(self, person: Person, other: Service) -> None:
        self.person, self.other = person, other
        self.trouble: Exception | None = None
        person.courier = self.courier  # type: ignore[method-assign]

    def courier(self, url: str, identity: Identity | None) -> Courier:
        if url != OTHER:
            return HonestCourier(self.person.service, identity, url)
        if self.trouble is not None:
            raise self.trouble
        return HonestCourier(self.other, identity, url)


@pytest.fixture
def lines(table: Table) -> Lines:
    """The respondent convenes a case of its own at another service, and has a part in the table's."""
    other = Service(clock=table.service.clock, identity=party("other service"))
    respondent = table.person("respondent")
    made = Lines(respondent, other)
    cards = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
    respondent.write("charter.toml", DRAFT.format(**cards))
    respondent.out("--service", OTHER, "case", "open", "charter.toml")
    table.open()
    return made


def _due(table: Table) -> str:
    """A request to the public whose date has come; the respondent has not signed off."""
    for seat in ("claimant", "respondent", "mediator"):
        table.person(seat).type("case", "accept", "invitation.json", "--yes")
    date = table.service.clock() + timedelta(hours=1)
    record = table.deposited(f"memo:{date:%Y-%m-%dT%H:%M:%SZ}")
    request = table.person("claimant").out("request", table.case, record)
    table.service.clock.tick(2 * 3600)
    return request


def test_cases_of_two_services_are_listed_once_and_accuse_nobody(table: Table, lines: Lines) -> None:
    respondent = lines.person
    respondent.type("case", "join", "invitation.json")
    told = respondent.json("case", "list")
    assert [one["trouble"] for one in told["cases"]] == [None, None]
    assert len({one["case"] for one in told["cases"]}) == 2
    assert respondent.json("inbox")["troubles"] == []


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
def test_one_bad_service_hides_nothing_of_the_others(table: Table, lines: Lines, trouble: Exception) -> None:
    respondent = lines.person
    respondent.type("case", "join", "invitation.json")
    lines.trouble = trouble
    code = trouble.code if isinstance(trouble, EscrowError) else "program_fault"
    for args, key in ((("inbox",), "items"), (("case", "list"), "cases")):
        result = respondent.type(*args, status=_status(trouble))
        assert table.case[:12] in result.stdout
        assert OTHER in result.stderr
        told = respondent.told("--json", *args, status=_status(trouble))
        assert any(one["case"] == table.case for one in told[key])
        assert told["failed"] == [{"service": OTHER, "subject": None, "code": code}]


def test_case_that_the_service_forged_is_told_in_words_and_hides_no_other(table: Table) -> None:
    respondent = table.person("respondent")
    forged = table.open()
    respondent.type("case", "join", "invitation.json")
    other = table.open()
    respondent.type("case", "join", "invitation.json")
    table.service.chains[forged] = table.service.chains[other]
    result = respondent.type("inbox", status=5)
    assert other[:12] in result.stdout
    assert f"Case {forged[:12]} cannot be shown: " in result.stderr
    code = respondent.told("--json", "inbox", status=5)["troubles"][0]["code"]
    assert f"{describe(ForgedError(code)).remedy}" in result.stderr
    listed = respondent.type("case", "list")
    assert WORDS[code].title in listed.stdout
    assert code not in listed.stdout
    assert "escrow inbox" in listed.stderr


def test_case_in_which_a_reader_has_no_seat_is_no_fault(table: Table) -> None:
    """A service lists a case for those whom a request names, too, and shows its history to seats alone."""
    table.accepted()
    request = table.requested(table.deposited())
    arbitrator = table.person("arbitrator")
    arbitrator.out("--service", URL, "inbox")
    result = arbitrator.type("--service", URL, "inbox")
    assert f"Case {table.case[:12]} shows itself to its seats" in result.stderr
    assert "escrow open URL" in result.stderr
    assert "not_found" not in result.stderr
    assert request not in result.stdout


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
def test_one_bad_service_starves_no_other_of_its_timekeeper(
    table: Table, lines: Lines, trouble: Exception
) -> None:
    request = _due(table)
    lines.trouble = trouble
    told = lines.person.told("--json", "timekeeper", "--once", status=_status(trouble))
    assert [one["request"] for one in told["signed_off"]] == [request]
    assert [one["service"] for one in told["failed"]] == [OTHER]


def test_one_request_that_fails_keeps_no_other_from_its_turn(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.open()
    first = _due(table)
    second = table.person("claimant").out("request", table.case, _record(table), "--purpose", "Again")
    from escrow.client import Session

    honest = Session.sign_off

    def fail_first(self: Session, case: str, request: str, seat: str | None = None) -> object:
        if request == first:
            raise OverflowError("a date that no calendar has")
        return honest(self, case, request, seat)

    monkeypatch.setattr(Session, "sign_off", fail_first)
    told = table.person("respondent").told("--json", "timekeeper", "--once", status=1)
    assert [one["request"] for one in told["signed_off"]] == [second]
    assert [(one["subject"], one["code"]) for one in told["failed"]] == [(first, "program_fault")]


def test_where_the_only_service_fails_it_is_an_error_as_ever(table: Table) -> None:
    table.accepted()
    claimant = table.person("claimant")

    def courier(url: str, identity: Identity | None) -> Courier:
        raise UnavailableError("service_unreachable", url=url)

    claimant.courier = courier  # type: ignore[method-assign]
    assert claimant.refused("inbox", status=7) == "service_unreachable"
    assert claimant.refused("case", "list", status=7) == "service_unreachable"


def test_a_spoilt_file_of_one_case_hides_no_other_case(table: Table, lines: Lines) -> None:
    respondent = lines.person
    respondent.type("case", "join", "invitation.json")
    cases = respondent.home / "cases"
    mine = next(path for path in cases.iterdir() if path.name != table.case)
    _spoil(mine / "entries" / f"{0:09d}")
    told = respondent.json("case", "list")
    assert [one["case"] for one in told["cases"] if one["trouble"] is None] == [table.case]


def _spoil(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"spoilt")


def _record(table: Table) -> str:
    return str(table.person("claimant").json("case", "show", table.case)["records"][0]["record"])


def _status(trouble: Exception) -> int:
    return {UnavailableError: 7, ForgedError: 5, SetupError: 8, ValueError: 1}[type(trouble)]
