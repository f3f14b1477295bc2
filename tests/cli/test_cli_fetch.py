"""What was fetched opens for ever, without its service; and a service shows its readers no second chain."""

import json
from pathlib import Path

import pytest
from cli.desk import Person, Table
from client.honest import URL
from support.build import MemoryChain

from escrow.client import Courier, Identity
from escrow.errors import UnavailableError

TEXT = "We agree on 4,000,000."


def _released(table: Table) -> str:
    """The URL of a request of which the arbitrator is the reader."""
    case = table.accepted()
    request = table.requested(table.deposited())
    for seat in ("claimant", "mediator"):
        table.person(seat).type("signoff", case, request, "--yes")
    return f"{URL}/v1/cases/{case}/requests/{request}"


def cut_off(person: Person) -> None:
    """No service answers this person any more."""

    def courier(url: str, identity: Identity | None) -> Courier:
        raise UnavailableError("service_unreachable", url=url)

    person.courier = courier  # type: ignore[method-assign]


def test_what_was_fetched_opens_without_its_service(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    assert arbitrator.out("fetch", url, "--out", "kept") == "kept"
    cut_off(arbitrator)
    opened = arbitrator.type("open", "kept")
    assert opened.stdout.strip() == "settlement.txt"
    assert table.case in opened.stderr
    assert (arbitrator.folder / "settlement.txt").read_text() == TEXT


def test_a_seat_fetches_and_carries_what_only_its_reader_opens(table: Table) -> None:
    url = _released(table)
    _, _, _, _, _, case, _, request = url.split("/")
    claimant, arbitrator = table.person("claimant"), table.person("arbitrator")
    told = claimant.json("fetch", case, request[:8])
    assert told["folder"] == f"release-{request[:12]}"
    assert claimant.refused("open", told["folder"], status=4) == "reader_not_named"
    for name in ("bundle", "payload"):
        (arbitrator.folder / name).write_bytes((claimant.folder / told[name]).read_bytes())
    cut_off(arbitrator)
    files = ("--bundle", "bundle", "--payload", "payload")
    arbitrator.type("open", case, request, *files, "--out", "one.txt")
    arbitrator.type("open", url, *files, "--out", "two.txt")
    assert (arbitrator.folder / "one.txt").read_text() == (arbitrator.folder / "two.txt").read_text() == TEXT


def test_fetching_again_changes_nothing(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", url, "--out", "kept")
    before = {path.name: path.read_bytes() for path in (arbitrator.folder / "kept").iterdir()}
    arbitrator.type("fetch", url, "--out", "kept")
    assert {path.name: path.read_bytes() for path in (arbitrator.folder / "kept").iterdir()} == before
    assert set(before) == {"bundle.json", "payload", "release.json"}
    assert arbitrator.json("inspect", "kept/release.json")["kind"] == "release"


def test_a_folder_labelled_as_of_another_case_is_refused(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", url, "--out", "kept")
    label = arbitrator.folder / "kept" / "release.json"
    label.write_text(json.dumps({**json.loads(label.read_text()), "case": "0" * 64}))
    assert arbitrator.refused("open", "kept", status=5) == "bundle_of_other_case"


def test_a_fetched_payload_that_was_changed_is_refused(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", url, "--out", "kept")
    path = arbitrator.folder / "kept" / "payload"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    arbitrator.type("open", "kept", status=5)
    assert not (arbitrator.folder / "settlement.txt").exists()


def test_a_fetched_payload_that_lacks_its_end_is_named(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", url, "--out", "kept")
    path = arbitrator.folder / "kept" / "payload"
    path.write_bytes(path.read_bytes()[:-40])
    assert "escrow: error: kept/payload: It ends after " in arbitrator.type("open", "kept", status=5).stderr


def test_a_fetched_bundle_that_lacks_its_end_is_named(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", url, "--out", "kept")
    path = arbitrator.folder / "kept" / "bundle.json"
    path.write_bytes(path.read_bytes()[:-40])
    said = arbitrator.type("open", "kept", status=3).stderr
    assert "kept/bundle.json is not the bundle of a release that is whole: it seems cut off" in said


def test_a_fetched_bundle_that_was_changed_is_refused(table: Table) -> None:
    url = _released(table)
    arbitrator = table.person("arbitrator")
    arbitrator.type("fetch", url, "--out", "kept")
    path = arbitrator.folder / "kept" / "bundle.json"
    body = json.loads(path.read_text())
    words, _, signature = body["entries"][-1].rpartition(".")
    body["entries"][-1] = f"{words}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    path.write_text(json.dumps(body))
    assert arbitrator.refused("open", "kept", status=5) == "signature_false"


@pytest.mark.parametrize("verb", ["open", "fetch"])
def test_what_is_not_released_yet_is_explained(table: Table, verb: str) -> None:
    case = table.accepted()
    request = table.requested(table.deposited())
    url = f"{URL}/v1/cases/{case}/requests/{request}"
    assert "0 of 2 sign-offs" in table.person("arbitrator").type(verb, url, status=4).stderr
    assert table.person("arbitrator").refused(verb, url, status=4) == "not_released"
    anybody = table.person("anybody", keyless=True)
    assert "Not released yet" in anybody.type(verb, url, status=6).stderr
    assert anybody.refused(verb, url, status=6) == "not_found"
    assert not list(table.person("arbitrator").folder.glob("release-*"))


def test_a_folder_that_nobody_fetched_is_refused(table: Table) -> None:
    anybody = table.person("anybody", keyless=True)
    (anybody.folder / "empty").mkdir()
    assert anybody.refused("open", "empty", status=8) == "file_unreadable"
    anybody.type("open", "empty", "--bundle", "x", status=2)


# A second chain


def _fork(table: Table) -> str:
    """On the chain that everybody sees the claimant withdraws; operator and mediator go on without that."""
    case = table.accepted()
    record = table.deposited()
    claimant, respondent = table.person("claimant"), table.person("respondent")
    claimant.write("introduction.json", claimant.out("introduce", case, record))
    intro = (claimant.folder / "introduction.json").read_text()
    respondent.write("introduction.json", intro)
    claimant.write("r.ticket", respondent.out("ticket", "introduction.json"))
    request = claimant.out("request", case, record, "--ticket", "r.ticket")
    claimant.type("signoff", case, request, "--yes")
    before = list(table.service.chains[case].entries)
    claimant.type("withdraw", case, request)
    respondent.type("case", "show", case)

    second = MemoryChain(clock=table.service.clock)
    for entry in before:
        second.take(entry)
    table.service.chains[case] = second
    table.person("mediator").type("signoff", case, request, "--yes")
    return f"{URL}/v1/cases/{case}/requests/{request}"


@pytest.mark.parametrize("flags", [(), ("--anyone",)])
def test_a_second_chain_is_refused_by_a_home_that_knows_the_first(
    table: Table, flags: tuple[str, ...]
) -> None:
    url = _fork(table)
    respondent = table.person("respondent")
    assert respondent.refused("open", url, *flags, status=5) in ("ledger_forked", "ledger_rolled_back")
    assert not (respondent.folder / "settlement.txt").exists()


def test_a_fetched_second_chain_is_refused_by_a_home_that_knows_the_first(table: Table) -> None:
    url = _fork(table)
    table.person("mediator").type("fetch", url, "--out", "kept")
    kept: Path = table.person("mediator").folder / "kept"
    respondent = table.person("respondent")
    cut_off(respondent)
    assert respondent.refused("open", str(kept), status=5) == "ledger_forked"
