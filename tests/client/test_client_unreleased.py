"""Opening: too early, by who has a part in it and who has none; and by a reader who has no seat."""

from datetime import timedelta

import pytest
from client.honest import HonestCourier, World, courier_of
from client.test_client_releases import asked, deposited
from support.build import START, party
from support.refusals import refuses

from escrow.client import PathChoice, fetch_release, open_release
from escrow.client.courier import UntrustedRequest
from escrow.errors import ForgedError, NotFoundError, RefusedError
from escrow.model.wire import to_time


@pytest.mark.parametrize("who", ["respondent", "arbitrator"])
def test_release_opened_too_early_says_what_is_missing_to_who_has_a_part_in_it(
    world: World, who: str
) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    people["claimant"].sign_off(case, request)
    with refuses(RefusedError, "not_released", have=1, need=2, missing=("respondent", "mediator")):
        world.session(who).open(case, request, world.folder)
    courier = HonestCourier(world.service, party(who))
    with refuses(RefusedError, "not_released", have=1, need=2, opens_at=None):
        open_release(courier, case, request, world.folder, identity=party(who))
    with refuses(RefusedError, "not_released", request=request):
        fetch_release(courier, case, request, world.folder / "kept")
    assert not (world.folder / "kept").exists()


def test_release_opened_before_its_date_says_the_date(world: World) -> None:
    case, people = world.accepted()
    date = START + timedelta(days=30)
    people["claimant"].deposit(
        case, world.document(), [PathChoice(name="memo", not_before=date)], title="t", label="l"
    )
    request = people["claimant"].request(case, people["claimant"].records(case)[0].record, "memo").statement
    with refuses(RefusedError, "not_released", opens_at=to_time(date)):
        people["respondent"].open(case, request, world.folder)


@pytest.mark.parametrize("who", ["outsider", None])
def test_who_has_no_part_in_a_request_is_told_nothing_of_it(world: World, who: str | None) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    identity = None if who is None else party(who)
    with refuses(NotFoundError, "not_found", have=None):
        open_release(HonestCourier(world.service, identity), case, request, world.folder, identity=identity)


def test_service_that_holds_a_released_bundle_back_is_not_excused(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))

    def held_back(*_: object) -> bytes:
        raise NotFoundError("not_found")

    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    courier_of(people["mediator"]).lies["bundle"] = held_back
    courier_of(people["mediator"]).lies["request"] = lambda *_: UntrustedRequest(
        have=2, need=2, missing=(), opens_at=None, released=True
    )
    with refuses(NotFoundError, "not_found"):
        people["mediator"].open(case, request, world.folder)


def test_session_of_a_named_reader_without_a_seat_opens_and_remembers_no_case(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    reader = world.session("arbitrator")
    assert (
        reader.open(case, request, world.folder / "read").path.read_bytes() == world.document().read_bytes()
    )
    assert reader.memory.cases() == ()


def test_reader_insists_on_the_ticket_that_it_made(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    with refuses(ForgedError, "request_without_ticket", request=request):
        world.session("arbitrator").open(case, request, world.folder / "read", ticket="another")


def test_case_that_a_member_opened_from_cannot_be_rolled_back_afterwards(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    with refuses(RefusedError, "reader_not_named"):
        world.session("mediator", home="new").open(case, request, world.folder / "read")
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back"):
        world.session("mediator", home="new").open(case, request, world.folder / "read")
