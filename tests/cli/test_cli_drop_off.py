"""Drop-offs on the command line: what people are told before they allow one, and both ways of sending one."""

from pathlib import Path

import pytest
from cli.desk import Person, Table
from client.honest import DRAFT, URL
from support.build import party

from escrow.errors import UnavailableError

SEATS = ("claimant", "respondent", "mediator")
ALLOWED = DRAFT.replace("\n[seats]", "drop_off = true\n\n[seats]", 1)
PATH = ("--path", "memo:2026-12-02")


def opened(table: Table) -> tuple[Person, dict[str, Person]]:
    """A case whose charter allows drop-offs, invitations written."""
    convenor = table.person("institution")
    convenor.write("charter.toml", ALLOWED.format(**{seat: party(seat).card for seat in SEATS}))
    table.case = convenor.out("--service", URL, "case", "open", "charter.toml")
    people = {seat: table.person(seat) for seat in SEATS}
    for seat, person in people.items():
        person.write("invitation.json", convenor.out("case", "invite", table.case, seat))
    return convenor, people


@pytest.fixture
def claimant(table: Table) -> Person:
    _, people = opened(table)
    for person in people.values():
        person.type("case", "accept", "invitation.json", "--yes")
    found = people["claimant"]
    found.type("case", "show", table.case)
    found.write("offer.txt", "We agree on 4,000,000.")
    return found


def test_who_is_asked_to_accept_is_told_that_the_service_sees_such_files(table: Table) -> None:
    _, people = opened(table)
    shown = people["claimant"].type("case", "accept", "invitation.json", "--yes").stderr
    assert "[procedural] Drop-offs are allowed" in shown
    assert "The service can read that file while it seals it" in shown
    assert "[cryptographic] What a seat seals on its own machine, the service cannot read." in shown
    assert people["claimant"].json("case", "show", table.case)["charter"]["drop_off"] is True


def test_policy_explain_says_so_of_a_charter_and_not_of_one_without(table: Table) -> None:
    convenor, _ = opened(table)
    assert "[procedural] Drop-offs are allowed" in convenor.out(
        "policy", "explain", "--charter", "charter.toml"
    )
    convenor.write("other.toml", DRAFT.format(**{seat: party(seat).card for seat in SEATS}))
    assert "rop-off" not in convenor.out("policy", "explain", "--charter", "other.toml")
    assert convenor.json("policy", "explain", "--charter", "other.toml")["drop_off"] is False


def test_drop_off_in_a_case_that_does_not_allow_it_is_refused(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("offer.txt", "x")
    assert claimant.refused("drop-off", "send", case, "offer.txt", *PATH, status=4) == "drop_off_not_allowed"


def test_send_drops_a_file_off_and_everybody_sees_that_the_service_saw_it(
    table: Table, claimant: Person
) -> None:
    result = claimant.type("drop-off", "send", table.case, "offer.txt", *PATH, "--label", "Offer")
    record = result.stdout.strip()
    assert "The service sees the file while it seals it." in result.stderr
    shown = claimant.type("case", "show", table.case).stdout
    assert "dropped off: the service saw it" in shown
    assert claimant.json("case", "show", table.case)["records"][0]["dropped_off"] is True
    assert "1 dropped off: the service saw" in claimant.out("audit", table.case)
    request = claimant.out("request", table.case, record, "--path", "memo", "--purpose", "To show it")
    review = claimant.type("signoff", table.case, request, "--yes", status=4).stderr
    assert "The service sealed this record by a drop-off order, and saw the file." in review


def test_order_is_written_and_posted_later_with_its_file(table: Table, claimant: Person) -> None:
    made = claimant.json("drop-off", "order", table.case, "offer.txt", *PATH, "--out", "order.json")
    assert (claimant.folder / "order.json").stat().st_mode & 0o777 == 0o600
    told = claimant.json("inspect", "order.json")
    assert (told["kind"], told["facts"]["record"]) == ("order", made["record"])
    assert claimant.json("drop-off", "post", "order.json", "offer.txt")["record"] == made["record"]


def test_order_without_the_service_goes_by_what_was_last_seen(table: Table, claimant: Person) -> None:
    line = claimant.courier

    class Silent:
        def __init__(self, url: str) -> None:
            self.url = url

        def __getattr__(self, name: str) -> object:
            def unreachable(*_: object, **__: object) -> None:
                raise UnavailableError("service_unreachable")

            return unreachable

    claimant.courier = lambda url, _: Silent(url)  # type: ignore[assignment,method-assign,return-value]
    result = claimant.type("drop-off", "order", table.case, "offer.txt", *PATH, "--out", "order.json")
    assert "as it was last seen here" in result.stderr
    claimant.courier = line  # type: ignore[method-assign]
    claimant.type("drop-off", "post", "order.json", "offer.txt")


def test_changed_file_is_not_posted_with_an_order_of_before(table: Table, claimant: Person) -> None:
    claimant.type("drop-off", "order", table.case, "offer.txt", *PATH, "--out", "order.json")
    claimant.write("offer.txt", "We agree on 5,000,000 and more.")
    assert (
        claimant.refused("drop-off", "post", "order.json", "offer.txt", status=3) == "drop_off_file_differs"
    )


def test_order_that_is_there_is_not_overwritten(table: Table, claimant: Person) -> None:
    claimant.write("order.json", "mine")
    code = claimant.refused(
        "drop-off", "order", table.case, "offer.txt", *PATH, "--out", "order.json", status=8
    )
    assert code == "file_exists"
    assert Path(claimant.folder / "order.json").read_text() == "mine"


def test_printed_curl_line_quotes_what_curl_would_misread(table: Table, claimant: Person) -> None:
    claimant.write("a;b, c.txt", "x")
    said = claimant.type("drop-off", "order", table.case, "a;b, c.txt", *PATH, "--out", "order.json").stderr
    assert """-F 'order=@"order.json"' -F 'document=@"a;b, c.txt"'""" in said


def test_order_and_file_in_the_wrong_order_are_told_apart(table: Table, claimant: Person) -> None:
    claimant.type("drop-off", "order", table.case, "offer.txt", *PATH, "--out", "offer.order")
    said = claimant.type("drop-off", "post", "offer.txt", "offer.order", status=3).stderr
    assert "offer.order is the order, and offer.txt stands in its place" in said
    whole = (claimant.folder / "offer.order").read_text()
    claimant.write("cut.order", whole[: len(whole) // 2])
    said = claimant.type("drop-off", "post", "cut.order", "offer.txt", status=3).stderr
    assert "cut.order is not a drop-off order that is whole" in said
