"""Room in a case: whatever one member writes, everybody else can still consent, withdraw and write."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import build
from support.office import Office, PostedError

from escrow.crypto.identity import Identity
from escrow.model.ids import Hash

ARBITRATOR = build.party("arbitrator")
CLAIMANT, MEDIATOR, RESPONDENT = (build.SEATS[seat] for seat in ("claimant", "mediator", "respondent"))
PLENTY = 300
Deed = Callable[[], object]


def asked(office: Office) -> tuple[build.Case, str, Hash]:
    case = office.accepted()
    record = office.deposited(case)
    return case, record, case.request(record, "settlement", ARBITRATOR)


def post_all(deeds: Iterator[Deed]) -> None:
    for deed in deeds:
        deed()


def taken_of(case: build.Case, deeds: Iterator[Deed]) -> int:
    """Post these until the case is full for their author; how many it took."""
    before = case.state.head.n
    with pytest.raises(PostedError) as caught:
        post_all(deeds)
    assert caught.value.problem["code"] == "case_full"
    return case.state.head.n - before


def notes(case: build.Case, who: Identity) -> Iterator[Deed]:
    return (lambda: case.note(author=who) for _ in range(PLENTY))


def asking(case: build.Case, record: str, seat: str, count: int = PLENTY) -> Iterator[Deed]:
    return (
        lambda i=i: case.request(record, "settlement", build.party(f"r{i}"), seat=seat) for i in range(count)
    )


def test_one_seat_cannot_take_the_others_room_by_withdrawals_of_nothing(tmp_path: Path) -> None:
    case, record, request = asked(Office(tmp_path, entries_per_case=80))
    post_all(asking(case, record, "mediator", 3))
    requests = tuple(case.state.requests)
    nothing = (
        lambda each=each: case.withdraw(each, "mediator", secrets.token_hex(32))
        for each in requests
        for _ in range(8)
    )
    assert taken_of(case, nothing) == 4
    case.sign_off(request, "claimant", "respondent")
    assert case.state.requests[request].released_at is not None


def test_one_seat_cannot_take_the_others_room_by_signing_off_again_and_again(tmp_path: Path) -> None:
    case, record, good = asked(Office(tmp_path, entries_per_case=100))
    post_all(asking(case, record, "mediator", 3))
    own = tuple(case.state.requests)[1:]
    taken_of(case, notes(case, MEDIATOR))
    taken_of(case, (lambda each=each: case.sign_off(each, "mediator") for each in own for _ in range(8)))
    first, _ = case.sign_off(good, "claimant", "claimant")
    case.withdraw(good, "claimant", first)
    case.sign_off(good, "claimant", "respondent")
    assert case.state.requests[good].released_at is not None


def test_notes_of_one_member_leave_the_others_their_part(tmp_path: Path) -> None:
    case = Office(tmp_path, entries_per_case=50).accepted()
    assert taken_of(case, notes(case, MEDIATOR)) == 9
    assert taken_of(case, notes(case, CLAIMANT)) == 9


def test_notes_leave_their_author_room_to_withdraw(tmp_path: Path) -> None:
    case, _, request = asked(Office(tmp_path, entries_per_case=100))
    taken_of(case, notes(case, CLAIMANT))
    (sign_off,) = case.sign_off(request, "claimant")
    case.withdraw(request, "claimant", sign_off)
    case.sign_off(request, "claimant", "respondent")
    assert case.state.requests[request].released_at is not None


def test_requests_of_one_seat_cannot_use_up_the_room_in_which_another_signs_them_off(tmp_path: Path) -> None:
    """A timekeeper signs off whatever is due: whoever asks has paid for its first answer."""
    case, record, honest = asked(Office(tmp_path, entries_per_case=100))
    taken_of(case, notes(case, RESPONDENT))
    assert taken_of(case, asking(case, record, "mediator")) == 4
    for each in tuple(case.state.requests):
        case.sign_off(each, "respondent")
    case.sign_off(honest, "claimant")
    assert case.state.requests[honest].released_at is not None


def test_proposals_naming_strangers_leave_the_members_parts_as_they_are(tmp_path: Path) -> None:
    case, _, request = asked(Office(tmp_path, entries_per_case=200))
    strangers = {f"sock-{i}": build.party(f"sock {i}") for i in range(5)}
    flood = (
        lambda i=i: case.propose(
            build.charter(seats={**build.SEATS, **strangers}, public_notice=str(i)), author=MEDIATOR
        )
        for i in range(PLENTY)
    )
    taken_of(case, flood)
    assert taken_of(case, notes(case, RESPONDENT)) == 36
    case.sign_off(request, "claimant", "respondent")
    assert case.state.requests[request].released_at is not None


def test_stranger_in_a_proposal_accepts_at_the_proposers_cost(tmp_path: Path) -> None:
    case = Office(tmp_path, entries_per_case=100).accepted()
    expert = build.party("expert")
    proposal = case.propose(build.charter(seats={**build.SEATS, "expert": expert}))
    case.accept("expert", author=expert, proposal=proposal)
    assert case.state.charged[expert.card.fingerprint] == 0


def test_newcomer_of_a_charter_in_force_has_a_part_of_what_was_left(tmp_path: Path) -> None:
    case = Office(tmp_path, entries_per_case=100).accepted()
    expert = build.party("expert")
    case.seats = {**build.SEATS, "expert": expert}
    case.accept_all(case.propose(build.charter(seats=case.seats)))
    for who in (build.CONVENOR, *build.SEATS.values()):
        taken_of(case, notes(case, who))
    assert taken_of(case, notes(case, expert)) == 9
    assert case.state.head.n < sum(case.state.charged.values()) < 100


def test_records_of_one_seat_leave_the_others_their_part(tmp_path: Path) -> None:
    office = Office(tmp_path, records_per_case=10)
    case = office.accepted()
    office.deposited(case, "first")
    office.deposited(case, "second")
    with pytest.raises(PostedError) as caught:
        office.deposited(case, "third")
    assert caught.value.problem["code"] == "records_full"
    office.deposited(case, "of the mediator", seat="mediator")
    assert len(case.state.records) == 3
