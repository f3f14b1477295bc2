"""Forks and false pins: what one program of a party has seen binds all its others; lies leave no trace."""

from dataclasses import replace
from typing import Any

import pytest
from client.honest import URL, HonestCourier, LyingCourier, Service, World, courier_of, draft
from client.test_client_lies import fork
from support.build import CASE_KEY, Case, MemoryChain, charter, opening, party
from support.refusals import refuses

from escrow.client import Memory, Posting, Session
from escrow.client.courier import EntriesPage
from escrow.errors import ForgedError, NotFoundError, RefusedError
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service as ServiceAddress


def files(session: Session) -> set[str]:
    """Everything in the session's home, locks aside."""
    home = session.memory.home
    return {
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


def test_fork_that_was_refused_is_not_believed_the_second_time(world: World) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    claimant.case(case)
    people["respondent"].note(case, "true entry 4")
    world.session("claimant").case(case)  # another program of the same home
    honest = world.service.chains[case]
    world.service.chains[case] = fork(world, case, at=4)
    for _ in range(3):
        with refuses(ForgedError, "ledger_forked", n=4):
            claimant.case(case)
        with refuses(ForgedError, "ledger_forked", n=4):
            claimant.prepare_note(case, "I act on the fork")
    assert claimant.memory.entries(case) == honest.entries
    world.service.chains[case] = honest
    assert claimant.case(case).head.n == 4


def test_chain_cut_back_to_what_this_program_saw_is_refused_when_its_twin_saw_more(world: World) -> None:
    case, people = world.accepted()
    claimant = people["claimant"]
    claimant.case(case)
    people["respondent"].note(case, "entry 4")
    world.session("claimant").case(case)
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back", n=4):
        claimant.case(case)


@pytest.mark.parametrize("behind", [1, 3])
def test_fork_shown_while_another_program_writes_the_truth_is_not_spliced_into_memory(
    world: World, behind: int
) -> None:
    case, people = world.accepted()
    claimant, twin = people["claimant"], world.session("claimant")
    claimant.case(case)
    for number in range(behind):
        people["respondent"].note(case, f"true {number}")
    honest = world.service.chains[case]
    forged = fork(world, case, at=3 + behind).entries

    def lie(page: EntriesPage, *_: Any, after: int) -> EntriesPage:
        twin.case(case)
        return EntriesPage(entries=tuple(forged[after + 1 :]), more=False)

    courier_of(claimant).lies["entries"] = lie
    with refuses(ForgedError, "ledger_forked", n=3 + behind):
        claimant.case(case)
    assert claimant.memory.entries(case) == honest.entries
    courier_of(claimant).lies.clear()
    assert claimant.case(case).head == twin.case(case).head


# Pins


def impostor_case(url: str) -> tuple[Service, str]:
    """A service of somebody else's, with a case whose charter names `url` and that somebody's card."""
    impostor = party("impostor")
    words = replace(charter(service=impostor.card), service=ServiceAddress(url=url, card=impostor.card))
    service = Service(identity=impostor)
    made = Case(chain=MemoryChain(clock=service.clock, service=impostor)).open(words)
    service.chains[made.id] = made.chain  # type: ignore[assignment]
    return service, made.id


def test_case_that_names_another_url_than_the_one_spoken_to_leaves_no_trace(world: World) -> None:
    service, case = impostor_case("https://bank.example")
    me = party("claimant")
    session = Session(me, HonestCourier(service, me), Memory(world.folder / "home"), clock=service.clock)
    with refuses(ForgedError, "service_url_differs", expected=URL, found="https://bank.example"):
        session.case(case)
    assert [(one.case, one.code) for one in session.inbox().troubles] == [(case, "service_url_differs")]
    assert files(session) == set()


def test_case_with_another_card_than_the_pinned_one_leaves_no_trace(world: World) -> None:
    world.session("claimant").service()
    service, case = impostor_case(URL)
    me = party("claimant")
    session = Session(me, HonestCourier(service, me), Memory(world.folder / "claimant"), clock=service.clock)
    before = files(session)
    with refuses(ForgedError, "service_card_differs", found=party("impostor").card.fingerprint):
        session.case(case)
    assert files(session) == before


@pytest.mark.parametrize(
    ("changed", "kind", "code"),
    [
        ({"case_key": CaseKey(raw=bytes(32))}, ForgedError, "case_key_not_of_charter"),
        ({"seat": "respondent"}, RefusedError, "invitation_for_another_card"),
        ({"proposal": "0" * 64}, ForgedError, "invitation_not_of_case"),
        (
            {"service": ServiceAddress(url=URL, card=party("impostor").card)},
            ForgedError,
            "invitation_not_of_case",
        ),
    ],
)
def test_invitation_that_is_refused_pins_and_remembers_nothing(
    world: World, changed: dict[str, Any], kind: Any, code: str
) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    invitation = replace(convenor.invitations(case)["claimant"], **changed)
    claimant = world.session("claimant")
    with refuses(kind, code):
        claimant.join(invitation)
    assert files(claimant) == set()


def test_one_bad_file_of_a_remembered_service_hides_no_other(world: World) -> None:
    memory = Memory(world.folder / "home")
    good = ServiceAddress(url=URL, card=party("service").card)
    memory.pin_service(good, asked=URL)
    folder = memory.home / "services"
    (folder / "0").write_text("nonsense")
    (folder / ("0" * 64)).write_text(next(folder.glob("[1-9a-f]*")).read_text())  # under another's name
    plain = ServiceAddress(url="http://nowhere.example", card=good.card)
    memory.pin_service(plain, asked=plain.url)  # as an older version did
    assert memory.services() == (good,)


def test_opening_that_names_another_url_is_not_sent(world: World) -> None:
    claim = ServiceAddress(url="https://bank.example", card=party("impostor").card)
    words = draft().charter(service=claim, convenor=party("institution").card, case_key=CASE_KEY)
    session = world.session("respondent")
    sent: list[object] = []
    courier = courier_of(session)
    assert isinstance(courier, LyingCourier)
    courier.lies["post"] = lambda *_: sent.append(1)
    with refuses(ForgedError, "service_url_differs"):
        session.send(Posting.of(opening(words, convenor=party("institution"))))
    assert sent == []


def test_honest_service_that_knows_a_lapsed_outsider_no_more_is_not_called_a_liar(world: World) -> None:
    case, people = world.accepted()
    words = draft()
    proposed = replace(words, seats={**words.seats, "observer": party("outsider").card})
    people["claimant"].amend(case, proposed)
    outsider = world.session("outsider")
    outsider.join(people["claimant"].invitations(case)["observer"])
    world.service.clock.tick()
    agreed = people["respondent"].amend(case, replace(draft(), rules="Other rules.")).statement
    for seat in ("claimant", "respondent", "mediator"):
        people[seat].accept(case, agreed)
    with refuses(NotFoundError, "not_found"):
        outsider.case(case)


def test_case_that_is_denied_to_a_seat_of_a_charter_that_was_in_force_was_rolled_back(world: World) -> None:
    case, people = world.accepted()
    mediator = people["mediator"]
    mediator.case(case)

    def deny(*_: object, **__: object) -> None:
        raise NotFoundError("not_found")

    courier_of(mediator).lies["entries"] = deny
    with refuses(ForgedError, "ledger_rolled_back", n=3):
        mediator.case(case)
