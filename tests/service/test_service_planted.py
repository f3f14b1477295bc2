"""A member who writes to the storage puts in a proposal signed by a card of its own (L5), with a date."""

from datetime import timedelta

import pytest
from support import build
from support.office import Office, PostedError

from escrow.ledger.entry import compose
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket


def planted(office: Office, ahead: timedelta) -> build.Case:
    case, member, own = office.accepted(), build.SEATS["claimant"], build.party("mallory")
    state, at = case.state, office.clock.now + ahead
    words = case.statement(member, build.proposing(state, build.charter(service=own.card), member))
    n = state.head.n + 1
    made = compose(own, case=case.id, n=n, prev=state.head.hash, received_at=at, statement=words)
    FolderStore(office.folder / "store").create(Bucket.LEDGER, names.entry(case.id, n), made.encode())
    return case


def test_planted_proposal_of_a_far_day_does_not_lock_the_case(office: Office) -> None:
    planted(office, timedelta(days=365 * 50)).note()


def test_planted_proposal_does_not_misdate_what_the_service_signs_after_it(office: Office) -> None:
    case = planted(office, timedelta(minutes=9))
    case.note()
    assert case.state.received_at == office.clock.now


def test_planted_proposal_of_a_member_s_own_card_gets_no_yes_by_the_service(office: Office) -> None:
    case = planted(office, timedelta(0))
    (proposal,) = set(case.state.charters) - {case.id}
    with pytest.raises(PostedError, match="proposal_card_not_current"):
        case.accept_all(proposal)
    case.note()
    assert case.state.service == build.SERVICE.card
