"""A service that changes its key: by which key each process signs, and what it refuses. Refusals first."""

from collections.abc import Callable

import pytest
from support import build
from support.office import HttpChain, Office, PostedError, tree
from support.refusals import refuses

from escrow.admin.service_keys import count_cases
from escrow.crypto.card import Card
from escrow.errors import RefusedError, SetupError, UnavailableError
from escrow.ledger.signer import read_any
from escrow.model.deeds import Note
from escrow.service.new_key import change_service_key, replace_lost_key
from escrow.service.open_case import open_case
from escrow.service.post import post
from escrow.store import names
from escrow.store.folder import FolderStore

ANYBODY, MEDIATOR = build.party("anybody"), build.SEATS["mediator"]


def changed(office: Office) -> Card:
    """The key file and the store after `escrow service new-key`; processes go on as they are."""
    office.desk.require_own_store()
    return change_service_key(office.settings.service_identity, FolderStore(office.folder / "store"))


def restarted(office: Office) -> Office:
    """Another process, which starts with the keys that lie there now."""
    found = Office(office.folder)
    found.desk.require_own_store()
    return found


def seen_by(office: Office, case: build.Case) -> build.Case:
    """The same case, its statements posted to this process."""
    chain = HttpChain(office)
    chain.case, chain.shares = case.id, case.shares
    return build.Case(chain=chain, shares=case.shares)


def code_of(work: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(PostedError) as caught:
        work()
    return caught.value.problem["code"], caught.value.problem["status"]


# What a process refuses


def test_process_without_the_key_of_a_moved_case_signs_nothing_there_and_says_that_another_may(
    office: Office,
) -> None:
    old, case = office, office.accepted()
    new = changed(old)
    moved = seen_by(restarted(old), case)
    moved.accept_all(moved.propose(build.charter(service=new)))
    before = tree(old.folder)
    assert code_of(case.note) == ("service_key_not_held", 503)
    assert case.state.service == new  # it can be read
    assert tree(old.folder) == before
    moved.note()
    assert case.state.head == moved.state.head


def test_process_that_has_not_got_the_new_key_yet_neither_opens_under_it_nor_lets_it_be_proposed(
    office: Office,
) -> None:
    case = office.accepted()
    new = changed(office)
    with refuses(UnavailableError, "service_key_not_held", card=new.fingerprint):
        open_case(office.desk, build.opening(build.charter(service=new)))
    assert code_of(lambda: case.propose(build.charter(service=new)))[0] == "service_key_not_held"


def test_card_of_nobody_here_is_not_let_into_a_charter_where_the_case_would_stand_still(
    office: Office,
) -> None:
    case = office.accepted()
    assert code_of(lambda: case.propose(build.charter(service=ANYBODY.card)))[0] == "service_card_not_ours"
    case.note()


def test_case_is_not_opened_or_moved_back_under_a_former_key(office: Office) -> None:
    case = office.accepted()
    new = changed(office)
    after = restarted(office)
    opening = build.opening(build.charter(public_notice="another"))
    with refuses(RefusedError, "service_card_not_ours", expected=new.fingerprint):
        open_case(after.desk, opening)
    moved = seen_by(after, case)
    moved.accept_all(moved.propose(build.charter(service=new)))
    assert code_of(lambda: moved.propose(build.charter()))[0] == "service_card_not_ours"


def test_opening_posted_again_after_the_change_has_its_first_receipt(office: Office) -> None:
    raw = build.opening()
    first = open_case(office.desk, raw)
    changed(office)
    again = open_case(restarted(office).desk, raw)
    assert (again.entry, again.created) == (first.entry, False)


def test_yes_that_was_kept_back_moves_no_case_to_a_key_that_was_stolen_and_changed_since(
    office: Office,
) -> None:
    case = office.accepted()
    stolen = changed(office)
    one = restarted(office)
    moving = seen_by(one, case)
    proposal = moving.propose(build.charter(service=stolen))
    yes = moving.statement(MEDIATOR, build.acceptance(case.id, proposal, "mediator", MEDIATOR))
    for seat in ("claimant", "respondent"):
        moving.accept(seat, proposal=proposal)
    current = changed(one)
    later = seen_by(restarted(one), case)
    before = tree(one.folder)
    assert code_of(lambda: later.send(yes)) == ("proposal_card_not_current", 409)
    assert tree(one.folder) == before
    assert later.state.service == build.SERVICE.card
    later.accept_all(later.propose(build.charter(service=current)))
    assert later.state.service == current


# What it goes on with


def test_old_case_goes_on_under_the_former_key_and_new_ones_are_under_the_new(office: Office) -> None:
    case = office.accepted()
    raw = case.statement(build.CONVENOR, Note(text=build.SEALED))
    receipt = post(office.desk, case.id, raw, None)
    new = changed(office)
    after = restarted(office)
    seen_by(after, case).note()
    assert read_any(case.state, office.desk.journal.entries(case.id, after=-1, limit=99)[-1]).signer == (
        build.SERVICE.card
    )
    assert after.get("/v1/service").get_json()["card"] == str(new)
    opened = open_case(after.desk, build.opening(build.charter(service=new)))
    assert after.state(opened.statement).service == new
    assert post(after.desk, case.id, raw, None).entry == receipt.entry


def test_moved_case_is_served_without_the_former_key_by_a_process_that_starts(office: Office) -> None:
    case = office.accepted()
    new = changed(office)
    moved = seen_by(restarted(office), case)
    moved.accept_all(moved.propose(build.charter(service=new)))
    (former,) = (office.folder / "former").iterdir()
    former.unlink()
    fresh = seen_by(restarted(office), case)
    fresh.note()
    assert fresh.state.signer_of(fresh.state.head.n) == new


def test_key_that_a_proposal_alone_names_is_counted_for_no_case_and_its_removal_stops_none(
    office: Office,
) -> None:
    """One slow seat: the key is changed again, and the one that waits for its yes is moved away."""
    case = office.accepted()
    between = changed(office)
    one = restarted(office)
    proposal = seen_by(one, case).propose(build.charter(service=between))
    new = changed(one)
    assert count_cases(FolderStore(office.folder / "store")).cases == {build.SERVICE.card: 1}
    (office.folder / "former" / between.fingerprint).unlink()
    later = seen_by(restarted(one), case)
    assert code_of(lambda: later.accept_all(proposal)) == ("service_key_not_held", 503)
    later.note()
    assert later.state.service == build.SERVICE.card
    later.accept_all(later.propose(build.charter(service=new)))
    later.note()
    assert later.state.service == new


def test_case_whose_key_is_lost_takes_nothing_but_the_move_and_then_goes_on(office: Office) -> None:
    office.desk.require_own_store()
    case = office.accepted()
    office.settings.service_identity.unlink()
    store = FolderStore(office.folder / "store")
    with refuses(SetupError, "service_identity_of_another_store"):
        replace_lost_key(office.settings.service_identity, store, ANYBODY.card)
    new = replace_lost_key(office.settings.service_identity, store, build.SERVICE.card)
    later = seen_by(restarted(office), case)
    assert code_of(later.note) == ("service_key_not_held", 503)
    later.accept_all(later.propose(build.charter(service=new)))
    later.note()
    assert later.state.service == new


def test_case_under_a_card_that_the_store_does_not_know_is_answered_for_nobody(office: Office) -> None:
    office.desk.require_own_store()
    case = office.accepted()
    office.settings.service_identity.write_text(ANYBODY.dump())
    (office.folder / "store/ledger" / names.SERVICE).write_text(f"{ANYBODY.card.fingerprint}\n")
    answer = restarted(office).get(f"/v1/cases/{case.id}", build.CONVENOR)
    assert answer.get_json()["code"] == "ledger_damaged"
