"""Deposits that are interrupted, and envelopes that are bad."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cli.desk import Table
from client.honest import DRAFT, URL, HonestCourier
from support.build import party

from escrow.client import Courier
from escrow.crypto.envelope import enclose, seat_context
from escrow.crypto.identity import Identity
from escrow.crypto.sealing import seal_path
from escrow.crypto.transcript import Label
from escrow.errors import UnavailableError
from escrow.model import sealing as sealing_room


@dataclass
class CutLine(HonestCourier):
    """A line that breaks when the first part goes up."""

    def put_part(self, case: str, upload: str, number: int, data: bytes) -> Any:
        raise UnavailableError("service_unreachable", url=self.url)


def test_an_interrupted_deposit_is_finished_with_send_pending(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "We agree.")
    honest = claimant.courier

    def cut(url: str, identity: Identity | None) -> Courier:
        return CutLine(claimant.service, identity, url)

    claimant.courier = cut  # type: ignore[method-assign]
    result = claimant.type("deposit", case, "settlement.txt", "--path", "settlement", status=7)
    assert "escrow send --pending" in result.stderr

    claimant.courier = honest  # type: ignore[method-assign]
    record = claimant.out("send", "--pending")
    assert [one["record"] for one in claimant.json("case", "show", case)["records"]] == [record]
    assert claimant.out("send", "--pending") == ""


def test_a_deposit_interrupted_while_it_is_sealed_promises_nothing_to_go_on_with(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "We agree.")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sealing_room, "seal_path", interrupted)
    result = claimant.type("deposit", case, "settlement.txt", "--path", "settlement", status=130)
    assert "send --pending" not in result.stderr
    assert "Nothing was sent" in result.stderr
    assert claimant.out("send", "--pending") == ""


@pytest.fixture
def spoil_envelope(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the depositor's program put something else into one seat's envelope."""

    def spoil(victim: str) -> None:
        def spoiled(c: bytes, commitment: bytes, K: bytes, shape: Any, public: Any) -> Any:
            sealed, secrets = seal_path(c, commitment, K, shape, public)
            envelopes = tuple(
                enclose(bytes(32), seat.kem_key, Label.ENVELOPE, seat_context(c, seat.seat))
                if seat.seat == victim
                else envelope
                for seat, envelope in zip(public, sealed.envelopes, strict=True)
            )
            return replace(sealed, envelopes=envelopes), secrets

        monkeypatch.setattr(sealing_room, "seal_path", spoiled)

    return spoil


def test_a_bad_envelope_is_found_reported_once_and_shown_to_all(
    table: Table, spoil_envelope: Callable[[str], None]
) -> None:
    case = table.accepted()
    spoil_envelope("mediator")
    table.deposited()
    mediator = table.person("mediator")
    assert "report a bad envelope" in mediator.out("inbox")
    assert "1 reported now" in mediator.type("report", case, "--yes", status=5).stdout
    again = mediator.type("report", case, status=5)
    assert "reported already" in again.stderr
    assert "mediator reports a bad envelope" in table.person("respondent").out("case", "show", case)


def test_reporting_asks_before_it_accuses(table: Table, spoil_envelope: Callable[[str], None]) -> None:
    case = table.accepted()
    spoil_envelope("mediator")
    table.deposited()
    entries = len(table.service.chains[case].entries)
    assert table.person("mediator").refused("report", case, status=8) == "nobody_to_ask"
    assert len(table.service.chains[case].entries) == entries


def test_what_the_charter_has_fixed_of_a_path_is_to_be_left_out(table: Table) -> None:
    convenor, claimant = table.person("institution"), table.person("claimant")
    cards = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
    fixed = (
        DRAFT.format(**cards)
        .replace('"at-deposit"', "2027-01-01T00:00:00Z")
        .replace('audience = "named"', f'audience = "named"\nreaders = ["{cards["mediator"]}"]')
    )
    convenor.write("charter.toml", fixed)
    case = convenor.out("--service", URL, "case", "open", "charter.toml")
    for seat in cards:
        table.person(seat).write("i", convenor.out("case", "invite", case, seat))
        table.person(seat).type("case", "accept", "i", "--yes")
    claimant.write("a.txt", "x")
    said = claimant.type("deposit", case, "a.txt", "--path", "memo:2027-06-01", status=4).stderr
    assert "The charter has fixed the date of the path memo: 2027-01-01T00:00:00.000Z." in said
    assert "Leave the date out." in said
    claimant.type("deposit", case, "a.txt", "--path", "memo:2027-01-01")
    reader = ("--reader", f"settlement:{cards['claimant']}")
    said = claimant.type("deposit", case, "a.txt", "--path", "settlement", *reader, status=4).stderr
    assert "Leave them out." in said


# Nothing in it


@pytest.mark.parametrize("verb", [("deposit",), ("drop-off", "send"), ("drop-off", "order")], ids="-".join)
def test_empty_file_is_asked_about_with_its_size_before_anything_is_sealed(
    table: Table, verb: tuple[str, ...]
) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "")
    entries, out = len(table.service.chains[case].entries), ["--out", "o.json"] if "order" in verb else []
    args = (*verb, case, "settlement.txt", "--path", "settlement", *out)
    asked = claimant.type(*args, status=1, stdin="n\n", terminal=True).stderr
    assert "settlement.txt is empty (0 bytes). Deposit it all the same?" in asked
    assert len(table.service.chains[case].entries) == entries
    assert not list(claimant.folder.glob("o.json"))


def test_empty_file_of_a_program_is_deposited_and_said_to_be_empty(table: Table) -> None:
    case = table.accepted()
    claimant = table.person("claimant")
    claimant.write("settlement.txt", "")
    said = claimant.type("deposit", case, "settlement.txt", "--path", "settlement").stderr
    assert "settlement.txt is empty (0 bytes)." in said
    assert len(claimant.json("case", "show", case)["records"]) == 1
    claimant.type("deposit", case, "settlement.txt", "--path", "settlement", stdin="y\n", terminal=True)
    claimant.write("full.txt", "x")
    said = claimant.type("deposit", case, "full.txt", "--path", "settlement", terminal=True).stderr
    assert "empty" not in said
