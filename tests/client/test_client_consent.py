"""What the SDK signs only after it was shown, could be read, and is due by this machine's own clock."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from client.honest import World, courier_of, draft
from client.test_client_lies import note, smuggle
from support.build import CASE_KEY, Case, MemoryChain, audience, charter, party
from support.refusals import refuses

from escrow.client import PathChoice, Posting, Session
from escrow.client.texts import seal_alone, seal_prose
from escrow.errors import RefusedError
from escrow.model.case_key import CaseKey
from escrow.model.path import PathTemplate
from escrow.model.wire import to_base64
from escrow.policy.text import parse

# Dates


def dated_request(world: World, people: dict[str, Session], case: str, days: int) -> str:
    date = world.service.clock() + timedelta(days=days)
    path = PathChoice(name="memo", not_before=date)
    people["claimant"].deposit(case, world.document(), [path], title="Memo", label="Memo")
    record = people["claimant"].records(case)[0].record
    return people["claimant"].request(case, record, "memo").statement


def test_entry_dated_into_the_future_draws_no_sign_off_out_early(world: World) -> None:
    case, people = world.accepted()
    request = dated_request(world, people, case, days=3650)
    smuggle(
        world,
        case,
        note(world, case, "mediator"),
        received_at=world.service.clock() + timedelta(days=3650),
    )
    respondent = people["respondent"]
    assert respondent.case(case).received_at > respondent.clock()
    with refuses(RefusedError, "too_early", path="memo"):
        respondent.prepare_sign_off(case, request)
    assert respondent.inbox().items == ()


def test_own_clock_past_the_date_still_signs(world: World) -> None:
    case, people = world.accepted()
    request = dated_request(world, people, case, days=2)
    world.service.clock.now += timedelta(days=2)
    assert [item.subject for item in people["respondent"].inbox().items] == [request]
    assert people["respondent"].sign_off(case, request).created


# Accepting


def concocted(world: World, *, prose: bytes, alone: bytes) -> tuple[Session, str]:
    """A case in which one party holds two of three seats, with these texts; and the claimant's session."""
    mallory = party("mallory")
    seats = {"claimant": party("claimant"), "respondent": mallory, "mediator": mallory}
    path = PathTemplate(
        name="settlement",
        policy=parse("2 of (claimant, respondent, mediator)"),
        audience=audience(),
        alone=alone,
    )
    words = replace(charter(seats=seats, convenor=mallory, paths=(path,)), prose=prose)
    made = Case(chain=MemoryChain(clock=world.service.clock), seats=seats, convenor=mallory).open(words)
    world.service.chains[made.id] = made.chain  # type: ignore[assignment]
    session = world.session("claimant")
    session.memory.remember_case_key(made.id, CASE_KEY)
    return session, made.id


PROSE = seal_prose(CASE_KEY, title="Mediation", rules="None.")
ALONE = seal_alone(CASE_KEY, "settlement", "Mallory may open this alone.")
GARBAGE = seal_prose(CaseKey(raw=bytes(32)), title="x", rules="y")


def test_charter_whose_rules_nobody_can_read_is_not_accepted(world: World) -> None:
    session, case = concocted(world, prose=GARBAGE, alone=ALONE)
    with refuses(RefusedError, "prose_unreadable"):
        session.prepare_accept(case, case)


def test_path_whose_warning_nobody_can_read_is_not_accepted(world: World) -> None:
    session, case = concocted(world, prose=PROSE, alone=GARBAGE)
    with refuses(RefusedError, "alone_unreadable", path="settlement"):
        session.prepare_accept(case, case)


def test_party_that_can_open_alone_is_named_whatever_its_words_say(world: World) -> None:
    session, case = concocted(world, prose=PROSE, alone=ALONE)
    (path,) = session.case(case).charter.paths
    assert path.can_open_alone == (party("mallory").card,)
    assert session.accept(case, case).created


def test_path_that_needs_two_parties_names_none_that_can_open_alone(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].deposit(case, world.document(), [PathChoice(name="settlement")], title="t", label="l")
    shown = people["claimant"].records(case)[0].paths + people["claimant"].case(case).charter.paths
    assert [path.can_open_alone for path in shown] == [()] * 4


def test_charter_that_was_never_shown_is_not_accepted_in_place_of_the_one_that_was(world: World) -> None:
    case, people = world.accepted()
    convenor, newcomer = people["institution"], world.session("newcomer")
    with_observer = draft()
    seats = {**with_observer.seats, "observer": party("newcomer").card}
    mild = convenor.amend(case, replace(with_observer, seats=seats, rules="Mild rules."))
    shown = newcomer.join(convenor.invitations(case)["observer"])
    assert [one.rules for one in shown.proposals] == ["Mild rules."]
    world.service.clock.tick()
    other = convenor.amend(case, replace(draft(), rules="Other rules."))
    for seat in ("claimant", "respondent", "mediator"):
        people[seat].accept(case, other.statement)  # the mild one lapses
    world.service.clock.tick()
    convenor.amend(case, replace(with_observer, seats=seats, rules="Harsh rules."))
    with refuses(RefusedError, "nothing_to_accept"):
        newcomer.accept(case, mild.statement)


@pytest.mark.parametrize("shown", ["0" * 64, "", None], ids=["another", "empty", "none"])
def test_proposal_that_does_not_exist_is_not_accepted(world: World, shown: Any) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    claimant = world.session("claimant")
    claimant.join(convenor.invitations(case)["claimant"])
    sent: list[Posting] = []
    courier_of(claimant).lies["post"] = lambda _, posting: sent.append(posting)
    with refuses(RefusedError, "nothing_to_accept"):
        claimant.accept(case, shown)
    assert sent == []


# Postings


def test_share_object_does_not_show_when_a_posting_is_printed(world: World) -> None:
    case, people = world.accepted()
    request = dated_request(world, people, case, days=0)
    posting = people["respondent"].prepare_sign_off(case, request)
    assert posting.attachment is not None
    for spelling in (repr(posting.attachment), to_base64(posting.attachment)):
        assert spelling not in repr(posting)
