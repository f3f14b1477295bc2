"""What the auditor of a party sees beyond the chain's own rules, and a service that never comes to an end."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from client.honest import URL, LyingCourier, World, courier_of
from client.test_client_lies import fork, released
from client.test_client_releases import deposited, spoil_envelopes
from support.build import SERVICE, party
from support.refusals import refuses

from escrow.client import auditing, downloading
from escrow.client.courier import CasesPage, EntriesPage, PayloadStream
from escrow.client.downloading import PayloadReader
from escrow.errors import ForgedError, UnavailableError
from escrow.model.charter import Service

# Receipts


def test_entry_that_was_receipted_and_dropped_is_a_fault_of_the_audit(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    receipt = people["claimant"].note(case, "kept?")
    world.service.chains[case].entries.pop()
    (fault,) = world.session("claimant").audit(case).faults
    assert (fault.code, fault.n, fault.party) == ("ledger_rolled_back", receipt.n, "")


def test_entry_that_was_receipted_and_replaced_is_the_services_fault(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    receipt = people["claimant"].note(case, "kept?")
    world.service.chains[case] = fork(world, case, at=receipt.n)
    (fault,) = world.session("claimant").audit(case).faults
    assert (fault.code, fault.n, fault.party) == ("ledger_forked", receipt.n, SERVICE.card.fingerprint)


def test_receipt_that_the_chain_bears_out_is_no_fault(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].note(case, "kept")
    assert list(people["claimant"].memory.receipts(case)) != []
    assert people["claimant"].audit(case).faults == ()


# Envelopes


def test_bad_envelope_of_ones_own_is_a_fault_that_names_the_depositor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, people = world.accepted()
    spoil_envelopes(monkeypatch, "mediator")
    record = deposited(world, people, case)
    assert people["respondent"].audit(case).faults == ()
    (fault,) = people["mediator"].audit(case).faults
    assert (fault.code, fault.party) == ("envelope_false", party("claimant").card.fingerprint)
    assert fault.fields == {"record": record, "path": "settlement", "seat": "mediator"}


# What an audit leaves behind


def test_chain_that_was_audited_cannot_be_rolled_back_afterwards(world: World) -> None:
    case, people = world.accepted()
    people["respondent"].note(case, "seen?")
    auditor = world.session("claimant", home="another home")
    report = auditor.audit(case)
    assert (report.faults, report.remembered_head) == ((), None)
    assert report.head == world.service.state(case).head
    again = world.session("claimant", home="another home").audit(case)
    assert (again.faults, again.remembered_head) == ((), report.head)
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back", n=report.entries - 1):
        world.session("claimant", home="another home").case(case)


def test_chain_with_a_fault_is_not_remembered_by_its_audit(world: World) -> None:
    case, _ = world.accepted()
    auditor = world.session("claimant", home="another home")
    good = EntriesPage(entries=(*world.service.chains[case].entries, "junk"), more=False)
    courier_of(auditor).lies["entries"] = lambda *_, **__: good
    assert auditor.audit(case).faults != ()
    assert auditor.memory.cases() == ()


def test_sound_chain_under_another_card_than_the_pinned_one_is_refused_by_the_audit(world: World) -> None:
    case, _ = world.accepted()
    auditor = world.session("claimant", home="another home")
    auditor.memory.pin_service(Service(url=URL, card=party("impostor").card), asked=URL)
    with refuses(ForgedError, "service_card_differs", found=SERVICE.card.fingerprint):
        auditor.audit(case)
    assert auditor.memory.cases() == ()


# A service without end


class AskedTooOftenError(Exception):
    """The client still asks."""


def endless(answer: Any, *, first: Any = None) -> Any:
    calls: list[int] = []

    def lie(*_: object, **__: object) -> Any:
        calls.append(1)
        if len(calls) > 50:
            raise AskedTooOftenError
        return first if first is not None and len(calls) == 1 else answer

    return lie


@pytest.mark.parametrize("full", [False, True], ids=["empty pages", "the same page"])
def test_list_of_cases_that_makes_no_way_comes_to_an_end(world: World, full: bool) -> None:
    case, people = world.accepted()
    cases = ("1" * 64,) if full else ()
    courier_of(people["claimant"]).lies["cases"] = endless(CasesPage(cases=cases, next="x"))
    assert people["claimant"].case_ids() == (case, *cases)


def test_list_of_the_same_cases_under_ever_new_cursors_comes_to_an_end(world: World) -> None:
    case, people = world.accepted()
    asked = count()

    def turn(*_: object, **__: object) -> CasesPage:
        number = next(asked)
        if number > 50:
            raise AskedTooOftenError
        return CasesPage(cases=("1" * 64, case), next=str(number))

    courier_of(people["claimant"]).lies["cases"] = turn
    assert people["claimant"].case_ids() == (case, "1" * 64)


def test_list_of_cases_that_grows_for_ever_comes_to_an_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from escrow.client import desk

    monkeypatch.setattr(desk, "MAX_CASES", 20)
    _, people = world.accepted()
    pages = iter(range(1000))

    def grow(*_: object, **__: object) -> CasesPage:
        number = next(pages)
        return CasesPage(cases=(f"{number:064x}",), next=str(number))

    courier_of(people["claimant"]).lies["cases"] = grow
    assert len(people["claimant"].case_ids()) == 21


def test_payload_without_end_ends_the_audit_and_is_a_fault(world: World) -> None:
    case, _, _ = released(world)
    claimant = world.session("claimant")
    given = count()

    def without_end() -> Iterator[bytes]:
        while next(given) < 1000:
            yield b"x" * 65536
        raise AssertionError("more was read than was signed for")

    @contextmanager
    def lie(said: Any, *_: Any, **__: Any) -> Iterator[PayloadStream]:
        with said as stream:
            yield PayloadStream(total=stream.total, chunks=without_end())

    courier_of(claimant).lies["payload"] = lie
    (fault,) = claimant.audit(case, payloads=True).faults
    assert fault.code == "payload_length_differs"


def test_payload_whose_line_breaks_after_every_byte_ends(world: World) -> None:
    case, _, courier = released(world)
    record = world.service.chains[case].state.records
    broken: list[int] = []

    @contextmanager
    def lie(said: Any, *_: Any, start: int) -> Iterator[PayloadStream]:
        def a_byte() -> Iterator[bytes]:
            yield b"x"
            broken.append(start)
            raise UnavailableError("service_unreachable")

        with said as stream:
            yield PayloadStream(total=stream.total, chunks=a_byte())

    lying = LyingCourier(courier)
    lying.lies["payload"] = lie
    (held,) = record.values()
    length = held.body.payload.length
    refused = refuses(UnavailableError, "service_unreachable")
    with refused, PayloadReader(lying, case, held.body.record, length) as reader:
        while reader.read(1024):
            pass
    assert broken == list(range(downloading.RESUMES))


def test_endless_junk_instead_of_a_case_ends_the_audit(world: World) -> None:
    case, people = world.accepted()
    junk = EntriesPage(entries=("junk",) * 100, more=True)
    courier_of(people["claimant"]).lies["entries"] = endless(junk)
    report = people["claimant"].audit(case)
    assert report.case is None
    assert report.faults[-1].code == "audit_without_anchor"


def test_endless_junk_after_a_case_ends_the_audit_and_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "MAX_REFUSED", 250)
    case, people = world.accepted()
    people["claimant"].case(case)
    good = EntriesPage(entries=tuple(world.service.chains[case].entries), more=True)
    junk = EntriesPage(entries=("junk",) * 100, more=True)
    courier_of(people["claimant"]).lies["entries"] = endless(junk, first=good)
    report = people["claimant"].audit(case)
    assert (report.entries, len(report.faults)) == (len(good.entries) + 250, 251)
    assert report.faults[-1].code == "audit_cut_short"
