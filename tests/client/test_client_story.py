"""The story that the SDK is for: open, accept, deposit, request, sign off, open."""

from client.honest import HonestCourier, World, draft
from support.build import START, party

from escrow.client import Fault, PathChoice, make_ticket, open_release
from escrow.model.handover import Introduction, Invitation


def test_one_named_arbitrator_without_a_seat_opens_the_settlement(world: World) -> None:
    case, people = world.accepted()
    record = people["claimant"].deposit(
        case,
        world.document(),
        [PathChoice(name="settlement")],
        title="Settlement",
        label="Settlement of 3 May",
    )
    shown = people["respondent"].records(case)[0]
    assert (shown.label, shown.author) == ("Settlement of 3 May", party("claimant").card)

    introduction = people["respondent"].introduce(case, shown.record, "settlement")
    arbitrator = party("arbitrator")
    ticket = make_ticket(arbitrator, Introduction.load(introduction.dump()))
    request = (
        people["respondent"].request(case, shown.record, "settlement", [ticket], "to enforce it").statement
    )
    people["claimant"].sign_off(case, request)
    assert people["mediator"].requests(case)[0].verdict.missing == ("respondent", "mediator")
    people["mediator"].sign_off(case, request)

    opened = open_release(
        HonestCourier(world.service, arbitrator), case, request, world.folder, identity=arbitrator,
        ticket=ticket, overwrite=True,
    )  # fmt: skip
    assert opened.path.read_bytes() == b"We agree on 4,000,000."
    assert (opened.metadata.title, opened.path.name) == ("Settlement", "settlement.txt")
    assert (opened.depositor, opened.faults) == (party("claimant").card, ())
    assert record.statement in world.service.chains[case].state.statements


def test_anybody_opens_the_memo_with_no_identity(world: World) -> None:
    case, people = world.accepted()
    memo = PathChoice(name="memo", not_before=START, purpose="the public shall know")
    people["respondent"].deposit(case, world.document(b"memo"), [memo], title="Memo", label="Memo")
    record = people["claimant"].records(case)[0].record
    request = people["claimant"].request(case, record, "memo").statement
    people["claimant"].sign_off(case, request)
    people["respondent"].sign_off(case, request)
    out = world.folder / "public.txt"
    opened = open_release(HonestCourier(world.service), case, request, out)
    assert out.read_bytes() == b"memo"
    assert opened.faults == tuple[Fault, ...]()


def test_an_identity_alone_is_enough_after_the_memory_is_lost(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].note(case, "We meet on Friday.")
    fresh = world.session("mediator", home="another machine")
    assert [note.text for note in fresh.case(case).notes] == ["We meet on Friday."]
    convenor = world.session("institution", home="and another")
    assert convenor.case(case).charter.title == "Keller and Nordwind, mediation"


def test_invitation_survives_its_file(world: World) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    for invitation in convenor.invitations(case).values():
        again = Invitation.load(invitation.dump())
        assert again == invitation
        assert again.case_key.encode().hex() not in repr(again)
