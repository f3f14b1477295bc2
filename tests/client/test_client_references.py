"""One case for each reference, wherever the program dies; and what a service that lies about them gets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client.honest import World, courier_of, draft
from client.town import Town
from support.build import party
from support.refusals import refuses

from escrow.client import Memory, Session
from escrow.client.courier import UntrustedReference
from escrow.client.references import Reference
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError

NAME = "ADR-2026-0417"
COURIER = ("service", "reference", "post", "give_reference")
MEMORY = (
    "pin_service", "remember_case_key", "opening", "remember_opening", "remember_receipt",
    "case_called", "settle_reference", "forget_opening",
)  # fmt: skip


class Killed(BaseException):
    """The program is dead."""


def deadly(session: Session, at: int, *, after: bool) -> list[str]:
    """Let the program die at its n-th step, before or after the step took effect. The steps, as they come."""
    steps: list[str] = []

    def watch(thing: object, name: str) -> None:
        true: Callable[..., Any] = getattr(thing, name)

        def step(*args: Any, **named: Any) -> Any:
            steps.append(name)
            fatal = len(steps) == at
            if fatal and not after:
                raise Killed
            said = true(*args, **named)
            if fatal:
                raise Killed
            return said

        setattr(thing, name, step)

    for name in COURIER:
        watch(session.courier, name)
    for name in MEMORY:
        watch(session.memory, name)
    return steps


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_the_next_run_gives_the_same_case_and_there_is_one(
    tmp_path: Path, after: bool
) -> None:
    town = Town(tmp_path)
    at, opened = 0, 0
    while True:
        at += 1
        name = f"{NAME}/{at}"
        session = town.session("institution")
        steps = deadly(session, at, after=after)
        try:
            session.open_case(draft(), reference=name)
        except Killed:
            receipt = town.session("institution").open_case(draft(), reference=name)
        else:
            break
        opened += 1
        again = town.session("institution")
        assert again.open_case(draft(), reference=name).case == receipt.case == again.case_of(name)
        assert len(town.session("institution").courier.cases(after=None).cases) == min(opened, 50)
    assert set(steps) == {*COURIER, *MEMORY}
    assert not list((tmp_path / "homes").rglob("opening"))


def test_another_machine_finds_the_case_by_the_identity_alone(tmp_path: Path) -> None:
    town = Town(tmp_path)
    case = town.session("institution").open_case(draft(), reference=NAME).case
    other = Session(
        party("institution"), town.line("institution"), Memory(tmp_path / "other"), clock=town.office.clock
    )
    receipt = other.open_case(draft(), reference=NAME)
    assert (receipt.case, receipt.n, receipt.created) == (case, 0, False)
    assert set(other.invitations(case)) == {"claimant", "respondent", "mediator"}
    assert town.wires["institution"].asked.count("POST /v1/cases") == 0


def test_reference_is_nobody_elses_and_another_text_is_another_case(tmp_path: Path) -> None:
    town = Town(tmp_path)
    institution = town.session("institution")
    case = institution.open_case(draft(), reference=NAME).case
    assert institution.open_case(draft(), reference=NAME + "a").case != case
    with refuses(NotFoundError, "not_found"):
        town.session("claimant").case_of(NAME)
    with refuses(NotFoundError, "not_found"):
        institution.case_of("unknown")


def test_same_moment_on_two_machines_names_the_first_ones_case(tmp_path: Path) -> None:
    town = Town(tmp_path)
    first, second = (
        Session(
            party("institution"), town.line("institution"), Memory(tmp_path / name), clock=town.office.clock
        )
        for name in ("one", "two")
    )
    true = second.courier.reference

    def overtaken(reference: str) -> UntrustedReference:
        try:
            return true(reference)
        finally:
            first.open_case(draft(), reference=NAME)

    second.courier.reference = overtaken  # type: ignore[method-assign]
    with refuses(RefusedError, "reference_taken"):
        second.open_case(draft(), reference=NAME)
    second.courier.reference = true  # type: ignore[method-assign]
    assert second.open_case(draft(), reference=NAME).case == first.case_of(NAME)


def test_opening_that_the_service_refuses_does_not_wait_for_ever(tmp_path: Path) -> None:
    town = Town(tmp_path)
    object.__setattr__(town.office.desk, "convenors", frozenset({"0" * 64}))
    institution = town.session("institution")
    with refuses(RefusedError, "convenor_not_listed"):
        institution.open_case(draft(), reference=NAME)
    assert not list((tmp_path / "homes").rglob("opening"))
    object.__setattr__(town.office.desk, "convenors", None)
    assert institution.open_case(draft(), reference=NAME).created


@pytest.mark.parametrize("refuses_again", [False, True])
def test_reference_that_is_refused_after_the_opening_was_receipted_opens_no_second_case(
    world: World, refuses_again: bool
) -> None:
    session = world.session("institution")

    def no(*_: Any, **__: Any) -> Any:
        world.service.references.clear()
        raise RefusedError("case_full", request_id="0")

    courier_of(session).lies["give_reference"] = no
    with refuses(RefusedError, "case_full"):
        session.open_case(draft(), reference=NAME)
    courier_of(session).lies.clear()
    if refuses_again:
        courier_of(session).lies["post"] = no
        with refuses(RefusedError, "case_full"):
            session.open_case(draft(), reference=NAME)
        courier_of(session).lies.clear()
    (case,) = world.service.chains
    assert world.session("institution").open_case(draft(), reference=NAME).case == case
    assert list(world.service.chains) == [case]
    assert not list(session.memory.home.rglob("opening"))


@pytest.mark.parametrize("text", ["", " a", "a ", "a\nb", "a\0", "x" * 201, "\u202ea"])
def test_text_that_is_no_reference_is_refused_before_anything_is_asked(world: World, text: str) -> None:
    session = world.session("institution")
    with refuses(MalformedError, "reference_malformed"):
        session.open_case(draft(), reference=text)
    assert not world.service.chains


def test_ids_say_nothing_and_differ_by_party_service_and_text(world: World) -> None:
    one, two = party("institution"), party("claimant")
    made = [
        Reference.of(who, url, text).id
        for who in (one, two) for url in ("https://a.example", "https://b.example") for text in ("a", "b")
    ]  # fmt: skip
    assert len({*made}) == 8
    assert Reference.of(one, "u", "Caf\u00e9").id == Reference.of(one, "u", "Cafe\u0301").id
    assert "a.example" not in repr(Reference.of(one, "https://a.example", "a"))


def test_service_that_swaps_two_cases_is_not_believed(world: World) -> None:
    session = world.session("institution")
    session.open_case(draft(), reference="one")
    other = session.open_case(draft(), reference="two").case
    lost = world.session("institution", home="lost")
    (swapped,) = (one for one in world.service.references.values() if one.case == other)
    courier_of(lost).lies["reference"] = lambda said, *_: swapped
    with refuses(ForgedError, "reference_false", case=other):
        lost.case_of("one")
    with refuses(ForgedError, "reference_false"):
        lost.open_case(draft(), reference="one")
    assert len(world.service.chains) == 2


def test_what_was_settled_is_not_asked_again(world: World) -> None:
    session = world.session("institution")
    case = session.open_case(draft(), reference=NAME).case
    world.service.references.clear()
    assert world.session("institution").case_of(NAME) == case
    assert world.session("institution").open_case(draft(), reference=NAME).case == case
