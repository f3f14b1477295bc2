"""`send --pending` with several deposits, or several services: each goes to its own, and stops no other."""

from typing import Any

import pytest
from cli.desk import Person, Table
from client.honest import URL, HonestCourier, LyingCourier, Service, WatchedCourier
from support.build import party

from escrow.client import Courier, Identity, Posting
from escrow.errors import RefusedError, UnavailableError

OTHER = "https://other.example"


def interrupted(table: Table, *names: str) -> list[str]:
    """Deposits of the claimant, sealed and not sent. Their records, in the order in which they wait."""
    claimant = table.person("claimant")
    line = LyingCourier(HonestCourier(table.service, claimant.identity, URL))

    def down(*_: Any, **__: Any) -> Any:
        raise UnavailableError("service_unreachable")

    line.lies["begin_upload"] = down
    claimant.courier = lambda url, identity: line  # type: ignore[method-assign]
    for name in names:
        claimant.write(name, f"the text of {name}")
        claimant.refused("deposit", table.case, name, "--path", "settlement", "--label", name, status=7)
    del claimant.courier
    return sorted(path.name for path in (claimant.home / "deposits").iterdir())


def stranger(person: Person) -> list[str]:
    """At the other address sits somebody who would take anything. What he is asked and told."""
    service = Service(clock=person.service.clock, identity=party("stranger"))
    line = WatchedCourier(HonestCourier(service, person.identity, OTHER))

    def courier(url: str, identity: Identity | None) -> Courier:
        if url == OTHER:
            return line
        return HonestCourier(person.service, identity, url)

    person.courier = courier  # type: ignore[method-assign]
    return line.heard


def test_pending_deposit_is_not_carried_to_a_service_that_does_not_keep_its_case(table: Table) -> None:
    table.accepted()
    (record,) = interrupted(table, "settlement.txt")
    claimant = table.person("claimant")
    heard = stranger(claimant)
    result = claimant.type("--service", OTHER, "send", "--pending")
    assert heard == []
    assert (result.stdout, record[:12] in result.stderr, URL in result.stderr) == ("", True, True)
    assert claimant.out("send", "--pending") == record


@pytest.mark.parametrize("verb", ["note", "deposit"])
def test_statement_of_a_known_case_is_not_carried_to_another_service(table: Table, verb: str) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "We agree.")
    if verb == "note":
        claimant.type("note", case, "Hello", "--out", "out.json")
    else:
        claimant.type("deposit", case, "settlement.txt", "--path", "settlement", "--out", "out.json")
    heard = stranger(claimant)
    assert claimant.refused("--service", OTHER, "send", "out.json", status=8) == "case_at_another_address"
    assert heard == []
    claimant.type("send", "out.json")


def test_who_names_another_service_for_a_known_case_is_told_which_is_right(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    heard = stranger(claimant)
    result = claimant.type("--service", OTHER, "case", "show", case, status=8)
    assert f"Name {URL}" in result.stderr
    assert heard == []


class Full(HonestCourier):
    """To a service that refuses these records."""

    refused: tuple[str, ...] = ()

    def post(self, posting: Posting) -> Any:
        body = posting.sealed_record()
        if body is not None and body.record in self.refused:
            raise RefusedError("case_full", request_id="0")
        return super().post(posting)


def refusing(person: Person, *records: str) -> None:
    def courier(url: str, identity: Identity | None) -> Courier:
        line = Full(person.service, identity, url)
        line.refused = records
        return line

    person.courier = courier  # type: ignore[method-assign]


def test_pending_deposit_that_is_refused_keeps_no_other_from_its_turn(table: Table) -> None:
    table.accepted()
    first, second = interrupted(table, "first.txt", "second.txt")
    claimant = table.person("claimant")
    refusing(claimant, first)
    told = claimant.told("--json", "send", "--pending", status=4)
    assert [one["record"] for one in told["receipts"]] == [second]
    assert told["failed"] == [{"service": URL, "subject": first, "code": "case_full"}]
    assert list(table.service.state(table.case).records) == [second]


def test_pending_deposits_that_are_all_refused_are_each_told_and_kept(table: Table) -> None:
    table.accepted()
    records = interrupted(table, "first.txt", "second.txt")
    claimant = table.person("claimant")
    refusing(claimant, *records)
    result = claimant.type("send", "--pending", status=4)
    assert result.stdout == ""
    assert all(f"{record[:12]} waits on: " in result.stderr for record in records)
    del claimant.courier
    assert claimant.out("send", "--pending").split() == records


def test_only_pending_deposit_that_is_refused_is_an_error_as_ever(table: Table) -> None:
    table.accepted()
    (record,) = interrupted(table, "settlement.txt")
    claimant = table.person("claimant")
    refusing(claimant, record)
    assert claimant.refused("send", "--pending", status=4) == "case_full"


def test_waiting_deposit_whose_case_is_spoilt_in_this_home_keeps_no_other_from_its_turn(table: Table) -> None:
    spoilt = table.accepted()
    (first,) = interrupted(table, "first.txt")
    table.accepted()
    second = next(one for one in interrupted(table, "second.txt") if one != first)
    claimant = table.person("claimant")
    (claimant.home / "cases" / spoilt / "entries" / f"{0:09d}").write_text("spoilt")
    told = claimant.told("--json", "send", "--pending", status=3)
    assert [one["record"] for one in told["receipts"]] == [second]
    assert [one["subject"] for one in told["failed"]] == [first]
