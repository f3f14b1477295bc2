"""A service whose key changes: which card a party believes, for which case. Lies first."""

from dataclasses import replace
from typing import Any

import pytest
from client.honest import URL, World, courier_of, draft
from client.test_client_fork import files
from support.build import SERVICE, party
from support.refusals import refuses

from escrow.client import Posting, Session
from escrow.errors import ForgedError, RefusedError, SetupError, UnavailableError
from escrow.ledger import entry
from escrow.model.charter import Service

NEW, THIEF = party("new service key"), party("thief")
KNOWN = Service(url=URL, card=SERVICE.card)


def moved(world: World, *, lost: bool = False) -> tuple[str, dict[str, Session]]:
    """A case that everybody has moved to the new key."""
    case, people = world.accepted()
    world.service.new_key(NEW, lost=lost)
    proposal = people["institution"].move(case, NEW.card).statement
    for seat in ("claimant", "respondent", "mediator"):
        people[seat].accept(case, proposal)
    return case, people


def by(signer: Any) -> Any:
    """A lie: the same receipt, signed by another key."""

    def lie(said: Any, posting: Posting) -> Any:
        real = entry.UnverifiedEntry.parse(said.entry).verify(NEW.card)
        return replace(
            said,
            entry=entry.compose(
                signer, case=real.case, n=real.n, prev=real.prev, received_at=real.received_at,
                statement=real.statement_raw,
            ),
        )  # fmt: skip

    return lie


def test_new_card_is_not_believed_for_new_cases_before_the_party_was_told_it(world: World) -> None:
    me = world.session("institution")
    me.service()
    world.service.new_key(NEW)
    before = files(me)
    with refuses(ForgedError, "service_card_differs", expected=SERVICE.card.fingerprint):
        me.open_case(draft())
    with refuses(ForgedError, "service_card_not_as_told", expected=THIEF.card.fingerprint):
        me.open_case(draft(), service_card=THIEF.card)
    assert files(me) == before
    opened = me.open_case(draft(), service_card=NEW.card)
    assert me.case(opened.case).service.card == NEW.card


def test_case_that_moved_is_no_reason_to_open_others_under_its_card(world: World) -> None:
    case, people = moved(world)
    claimant = people["claimant"]
    assert claimant.case(case).service.card == NEW.card
    with refuses(ForgedError, "service_card_differs", found=NEW.card.fingerprint):
        claimant.open_case(draft())


@pytest.mark.parametrize("signer", [SERVICE, THIEF])
def test_receipt_by_the_old_key_or_a_thief_s_is_not_believed_after_the_move(
    world: World, signer: Any
) -> None:
    case, people = moved(world)
    claimant = people["claimant"]
    claimant.case(case)
    courier_of(claimant).lies["post"] = by(signer)
    code = "entry_signer_not_in_force" if signer == SERVICE else "signature_false"
    with refuses(ForgedError, code):
        claimant.note(case, "said to nobody")


def test_chain_that_the_old_key_goes_on_with_is_not_believed(world: World) -> None:
    case, people = moved(world)
    chain = world.service.chains[case]
    people["claimant"].note(case, "true")
    real = chain.entries.pop()
    true = entry.UnverifiedEntry.parse(real).verify(NEW.card)
    chain.entries.append(
        entry.compose(
            SERVICE, case=case, n=true.n, prev=true.prev, received_at=true.received_at,
            statement=true.statement_raw,
        )
    )  # fmt: skip
    with refuses(ForgedError, "entry_signer_not_in_force", author=SERVICE.card.fingerprint):
        people["mediator"].case(case)
    assert len(people["mediator"].memory.entries(case)) == true.n


def test_card_that_a_case_proposes_is_not_taken_from_the_service_but_compared(world: World) -> None:
    case, people = world.accepted()
    world.service.new_key(NEW)
    with refuses(ForgedError, "service_card_not_as_told", found=NEW.card.fingerprint):
        people["institution"].prepare_move(case, THIEF.card)
    with refuses(RefusedError, "charter_unchanged"):
        people["institution"].prepare_move(case, SERVICE.card)


def test_old_case_is_refused_to_who_knows_the_new_card_alone_until_told(world: World) -> None:
    case, people = world.accepted()
    world.service.new_key(NEW)
    newcomer = world.session("claimant", home="another machine")
    newcomer.service()
    before = files(newcomer)
    invitation = people["institution"].invitations(case)["claimant"]
    with refuses(ForgedError, "service_card_differs", found=SERVICE.card.fingerprint):
        newcomer.join(invitation)
    with refuses(ForgedError, "service_card_not_as_told"):
        newcomer.trust(invitation.service, told=THIEF.card)
    assert files(newcomer) == before
    newcomer.trust(invitation.service, told=SERVICE.card)
    assert newcomer.join(invitation).service == KNOWN
    assert newcomer.service().card == NEW.card


def test_case_that_moved_is_taken_by_who_knows_the_new_card_alone(world: World) -> None:
    case, people = moved(world)
    newcomer = world.session("claimant", home="another machine")
    newcomer.service()
    assert newcomer.join(people["institution"].invitations(case)["claimant"]).service.card == NEW.card
    assert len(newcomer.memory.entries(case)) == people["claimant"].case(case).head.n + 1


def test_who_sends_while_the_others_move_the_case_believes_the_new_receipt(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "composed before")
    world.service.new_key(NEW)
    proposal = people["institution"].move(case, NEW.card).statement
    for seat in ("claimant", "respondent", "mediator"):
        world.session(seat).accept(case, proposal)
    receipt = world.session("claimant").send(posting)
    assert entry.UnverifiedEntry.parse(receipt.entry).kid == NEW.card.fingerprint
    assert people["claimant"].send(posting).n == receipt.n


def test_who_carries_a_statement_and_knows_the_new_card_alone_accuses_nobody(world: World) -> None:
    """The case has not moved: the service signs its receipt by the card that the carrier never saw."""
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "carried by somebody")
    world.service.new_key(NEW)
    carrier = world.session("somebody")
    with refuses(SetupError, "receipt_unchecked", author=SERVICE.card.fingerprint, case=case):
        carrier.send(posting)
    assert carrier.memory.receipts(case) == {}
    assert [note.text for note in people["respondent"].case(case).notes] == ["carried by somebody"]


def test_who_carries_a_statement_and_knows_the_old_card_alone_believes_its_receipt(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "carried by somebody")
    carrier = world.session("somebody")
    carrier.service()
    world.service.new_key(NEW)
    assert carrier.send(posting).case == case


def test_receipt_in_the_name_of_a_known_card_that_it_did_not_sign_is_false_for_a_carrier_too(
    world: World,
) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "carried by somebody")
    carrier = world.session("somebody")

    def unsigned(said: Any, *_: Any) -> Any:
        return replace(said, entry=said.entry.rpartition(".")[0] + "." + 86 * "A")

    courier_of(carrier).lies["post"] = unsigned
    with refuses(ForgedError, "signature_false", author=SERVICE.card.fingerprint):
        carrier.send(posting)


@pytest.mark.parametrize("lost", [False, True])
def test_everybody_goes_on_in_a_moved_case_and_audits_it(world: World, *, lost: bool) -> None:
    case, people = moved(world, lost=lost)
    receipt = people["respondent"].note(case, "under the new key")
    for session in people.values():
        assert session.case(case).head.n == receipt.n
        assert session.audit(case).faults == ()
    assert world.session("mediator").case(case).service.card == NEW.card


def test_reference_of_a_case_that_moved_leads_to_it_and_its_first_receipt(world: World) -> None:
    convenor = world.session("institution")
    first = convenor.open_case(draft(), reference="ADR-1")
    for seat, invitation in convenor.invitations(first.case).items():
        world.session(seat).join(invitation)
        world.session(seat).accept(first.case, invitation.proposal)
    world.service.new_key(NEW)
    proposal = convenor.move(first.case, NEW.card).statement
    for seat in ("claimant", "respondent", "mediator"):
        world.session(seat).accept(first.case, proposal)
    again = convenor.open_case(draft(), reference="ADR-1")
    assert (again.entry, again.created) == (first.entry, False)


def test_opening_that_waits_since_before_the_change_does_not_wait_for_ever(world: World) -> None:
    convenor = world.session("institution")

    def dies(*_: object) -> Any:
        raise UnavailableError("service_unreachable")

    convenor.service()
    courier_of(convenor).lies["post"] = dies
    with pytest.raises(UnavailableError):
        convenor.open_case(draft(), reference="ADR-1")
    del courier_of(convenor).lies["post"]
    world.service.new_key(NEW)
    with refuses(ForgedError, "service_card_differs"):
        convenor.open_case(draft(), reference="ADR-1")
    receipt = convenor.open_case(draft(), reference="ADR-1", service_card=NEW.card)
    assert convenor.case_of("ADR-1") == receipt.case
