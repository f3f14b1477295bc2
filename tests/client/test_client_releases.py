"""Reviews, sign-offs, withdrawals, tickets, amendments: what the SDK shows and what it refuses to sign."""

from dataclasses import replace

import pytest
from client.honest import DRAFT, HonestCourier, World, courier_of, draft
from support.build import START, party
from support.refusals import refuses

from escrow.client import (
    CharterDraft,
    EnvelopeState,
    PathChoice,
    Session,
    Standing,
    Waiting,
    make_ticket,
    open_release,
)
from escrow.crypto.sealing import seal_path
from escrow.errors import ForgedError, NotFoundError, RefusedError, SetupError
from escrow.model import sealing as sealing_room


def deposited(world: World, people: dict[str, Session], case: str, path: str = "settlement") -> str:
    choice = PathChoice(name=path, purpose="if we must", not_before=START if path == "memo" else None)
    people["claimant"].deposit(case, world.document(), [choice], title="Title", label="Settlement of May")
    return people["claimant"].records(case)[-1].record


def asked(people: dict[str, Session], case: str, record: str, reader: str = "arbitrator") -> str:
    ticket = make_ticket(party(reader), people["claimant"].introduce(case, record, "settlement"))
    return people["claimant"].request(case, record, "settlement", [ticket], "to rule on it").statement


def spoil_envelopes(monkeypatch: pytest.MonkeyPatch, *seats: str) -> None:
    """A depositor whose envelopes for these seats hold something else than p."""
    from escrow.crypto.envelope import enclose, seat_context
    from escrow.crypto.transcript import Label

    def spoiled(c: bytes, commitment: bytes, K: bytes, shape: object, public: tuple) -> object:  # type: ignore[type-arg]
        sealed, secrets = seal_path(c, commitment, K, shape, public)  # type: ignore[arg-type]
        envelopes = tuple(
            enclose(bytes(32), seat.kem_key, Label.ENVELOPE, seat_context(c, seat.seat))
            if seat.seat in seats
            else envelope
            for seat, envelope in zip(public, sealed.envelopes, strict=True)
        )
        return replace(sealed, envelopes=envelopes), secrets

    monkeypatch.setattr(sealing_room, "seal_path", spoiled)


# What a seat is shown


def test_review_shows_everything_before_a_seat_signs(world: World) -> None:
    case, people = world.accepted()
    record = deposited(world, people, case)
    request = asked(people, case, record)
    shown = people["mediator"].review(case, request)
    assert shown.record.label == "Settlement of May"
    assert (shown.record.author, shown.record.author_seats) == (party("claimant").card, ("claimant",))
    assert [card.groups for card in shown.request.readers] == [party("arbitrator").card.groups]
    assert shown.request.purpose == "to rule on it"
    assert shown.path.note == "if we must"
    assert shown.my_seats == ("mediator",)
    assert shown.envelopes == (("mediator", EnvelopeState.GOOD),)
    said = "\n".join(str(sentence) for sentence in (*shown.path.sentences, *shown.warnings))
    assert "[cryptographic] This path opens to whichever readers the request names only if" in said
    assert "[procedural] A sign-off may be withdrawn until the request is released." in said
    assert "Warning: A share cannot be recalled" in said


def test_review_of_a_public_release_says_that_anybody_may_read(world: World) -> None:
    case, people = world.accepted()
    record = deposited(world, people, case, "memo")
    request = people["respondent"].request(case, record, "memo").statement
    shown = people["claimant"].review(case, request)
    assert (shown.request.public, shown.request.readers) == (True, ())
    said = "\n".join(map(str, shown.warnings))
    assert "anybody may read the record, for ever" in said
    assert "[procedural] No sign-off is accepted before 1 December 2026" in "\n".join(
        map(str, shown.path.sentences)
    )


def test_review_of_an_unknown_request_is_refused(world: World) -> None:
    case, people = world.accepted()
    with refuses(NotFoundError, "request_unknown"):
        people["claimant"].review(case, "0" * 64)


def test_words_of_parties_are_hidden_from_whoever_has_no_case_key(world: World) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    claimant = world.session("claimant")
    shown = claimant.case(case)
    assert (shown.has_case_key, shown.charter.title) == (False, None)
    with refuses(SetupError, "case_key_missing", case=case):
        claimant.accept(case, case)


# Envelopes


def test_bad_envelope_is_reported_and_the_record_opens_without_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, people = world.accepted()
    spoil_envelopes(monkeypatch, "mediator")
    record = deposited(world, people, case)
    mediator = people["mediator"]
    (bad,) = mediator.check_envelopes(case)
    assert (bad.record, bad.path, bad.seat, bad.depositor, bad.reported) == (
        record, "settlement", "mediator", party("claimant").card, False,
    )  # fmt: skip
    assert [item.kind for item in mediator.inbox().items] == [Waiting.REPORT_ENVELOPE]
    mediator.report(case, record, "settlement")
    assert mediator.check_envelopes(case)[0].reported
    assert mediator.records(case)[0].reports == (("settlement", "mediator"),)

    request = asked(people, case, record)
    shown = mediator.review(case, request)
    assert shown.envelopes == (("mediator", EnvelopeState.BAD),)
    assert any("does not hold what the record promises" in warning.text for warning in shown.warnings)
    mediator.sign_off(case, request)
    people["claimant"].sign_off(case, request)
    reader = party("arbitrator")
    opened = open_release(
        HonestCourier(world.service, reader), case, request, world.folder / "o", identity=reader
    )
    assert opened.path.read_bytes() == world.document().read_bytes()
    assert opened.faults == ()


def test_good_envelope_cannot_be_reported(world: World) -> None:
    case, people = world.accepted()
    record = deposited(world, people, case)
    assert people["mediator"].check_envelopes(case) == ()
    with refuses(RefusedError, "envelope_good", path="settlement"):
        people["mediator"].report(case, record, "settlement")
    with refuses(RefusedError, "not_the_holder", seat="claimant"):
        people["mediator"].report(case, record, "settlement", "claimant")


def test_wrong_p_that_a_seat_passes_on_names_that_seat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    from escrow.client.envelopes import OwnEnvelopes

    with monkeypatch.context() as patched:
        patched.setattr(OwnEnvelopes, "content", lambda *_: bytes(32))
        people["respondent"].sign_off(case, request)
    people["mediator"].sign_off(case, request)
    reader = party("arbitrator")
    opened = open_release(
        HonestCourier(world.service, reader), case, request, world.folder / "o", identity=reader
    )
    assert [(fault.seat, fault.code) for fault in opened.faults] == [("respondent", "p_false")]


# Signing off and withdrawing


def test_seat_of_another_party_cannot_be_signed_off_with(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    with refuses(RefusedError, "not_the_holder", seat="claimant"):
        people["mediator"].sign_off(case, request, "claimant")
    with refuses(RefusedError, "not_a_seat"):
        people["institution"].sign_off(case, request)
    with refuses(RefusedError, "seat_not_in_path"):
        people["mediator"].sign_off(case, request, "observer")


def test_party_with_two_seats_says_which_one_signs(world: World) -> None:
    convenor = world.session("institution")
    cards = {seat: str(party(seat).card) for seat in ("claimant", "respondent")}
    text = DRAFT.format(mediator=cards["claimant"], **cards)
    worded = text.replace("audience =", 'alone = "We know that one of us holds two seats."\naudience =')
    case = convenor.open_case(CharterDraft.from_toml(worded)).case
    people = {}
    for seat, invitation in convenor.invitations(case).items():
        who = "respondent" if seat == "respondent" else "claimant"
        people[who] = people.get(who) or world.session(who)
        people[who].join(invitation)
    with refuses(RefusedError, "seat_ambiguous", seats=("claimant", "mediator")):
        people["claimant"].accept(case, case)
    people["claimant"].accept(case, case, "mediator")
    people["claimant"].accept(case, case)  # only one is left
    people["respondent"].accept(case, case)
    assert people["claimant"].case(case).seats == ("claimant", "mediator")


def test_withdrawn_sign_off_counts_no_more_and_never_enters_again(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    posting = people["mediator"].prepare_sign_off(case, request)
    people["mediator"].send(posting)
    people["mediator"].withdraw(case, request, reason="I was mistaken.")
    assert people["claimant"].requests(case)[0].signed_off == ()
    with refuses(RefusedError, "sign_off_withdrawn"):
        people["mediator"].send(posting)
    with refuses(RefusedError, "withdrawn_before"):
        people["mediator"].withdraw(case, request)
    people["mediator"].sign_off(case, request)
    assert people["claimant"].requests(case)[0].signed_off == ("mediator",)


def test_sign_off_still_on_its_way_can_be_withdrawn_by_its_hash(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    posting = people["mediator"].prepare_sign_off(case, request)
    people["mediator"].send(people["mediator"].prepare_withdraw(case, request, sign_off=posting.hash))
    with refuses(RefusedError, "sign_off_withdrawn"):
        people["mediator"].send(posting)


def test_sign_off_after_the_release_cannot_be_withdrawn(world: World) -> None:
    case, people = world.accepted()
    request = asked(people, case, deposited(world, people, case))
    people["claimant"].sign_off(case, request)
    people["respondent"].sign_off(case, request)
    with refuses(RefusedError, "already_released"):
        people["claimant"].withdraw(case, request)


# Tickets


def test_ticket_for_another_record_is_refused_before_it_is_sent(world: World) -> None:
    case, people = world.accepted()
    first, second = deposited(world, people, case), deposited(world, people, case)
    ticket = make_ticket(party("arbitrator"), people["claimant"].introduce(case, first, "settlement"))
    with refuses(RefusedError, "ticket_for_other_dealing"):
        people["claimant"].prepare_request(case, second, "settlement", [ticket])


def test_ticket_without_proof_is_refused_before_it_is_sent(world: World) -> None:
    from escrow.ledger import jws
    from escrow.ledger.rules_release import read_ticket
    from escrow.model.ticket import TYP

    case, people = world.accepted()
    record = deposited(world, people, case)
    introduction = people["claimant"].introduce(case, record, "settlement")
    good = read_ticket(make_ticket(party("arbitrator"), introduction), at="ticket")
    other = read_ticket(make_ticket(party("arbitrator"), introduction), at="ticket")
    spoiled = jws.sign(party("arbitrator"), TYP, replace(good, proof=other.proof).emit())
    with refuses(ForgedError, "ticket_proof_false"):
        people["claimant"].prepare_request(case, record, "settlement", [spoiled])


def test_two_tickets_of_one_reader_have_nothing_in_common(world: World) -> None:
    from escrow.ledger.rules_release import read_ticket

    case, people = world.accepted()
    introduction = people["claimant"].introduce(case, deposited(world, people, case), "settlement")
    one, two = (read_ticket(make_ticket(party("arbitrator"), introduction), at="ticket") for _ in range(2))
    assert one.nonce != two.nonce
    assert one.Q != two.Q
    assert one.kem_key != two.kem_key


def test_public_path_needs_no_introduction(world: World) -> None:
    case, people = world.accepted()
    record = deposited(world, people, case, "memo")
    with refuses(RefusedError, "path_needs_no_ticket", path="memo"):
        people["claimant"].introduce(case, record, "memo")


# Amending


def test_amended_charter_waits_for_everybody_of_both_and_newcomers_need_an_invitation(world: World) -> None:
    case, people = world.accepted()
    old_record = deposited(world, people, case)
    proposal = people["claimant"].amend(case, draft(mediator=party("successor"))).statement
    shown = people["mediator"].case(case)
    assert [(one.proposal, one.standing) for one in shown.proposals] == [(proposal, Standing.PENDING)]
    assert shown.proposals[0].waiting_for == ("claimant", "respondent", "mediator")

    successor = world.session("successor")
    successor.join(people["respondent"].invitations(case)["mediator"])
    for who in (people["claimant"], people["respondent"], successor):
        assert Waiting.ACCEPT in [item.kind for item in who.inbox().items]
        who.accept(case, proposal)
    assert people["mediator"].case(case).in_force == case
    people["mediator"].accept(case, proposal)  # the one who leaves agrees to it, too
    now = people["claimant"].case(case)
    assert (now.in_force, now.charter.proposal) == (proposal, proposal)
    with refuses(RefusedError, "accepted_by_all", seats=("claimant",)):
        people["claimant"].accept(case, proposal)

    request = asked(people, case, old_record)
    with refuses(RefusedError, "not_the_holder", seat="mediator"):
        successor.sign_off(case, request)
    people["mediator"].sign_off(case, request)  # who held the seat at sealing has the share
    new_record = deposited(world, people, case)
    successor.sign_off(case, asked(people, case, new_record, "judge"))


def test_amendment_that_changes_nothing_is_refused(world: World) -> None:
    case, people = world.accepted()
    with refuses(RefusedError, "charter_unchanged"):
        people["claimant"].amend(case, draft())
    reworded = replace(draft(), rules="Other rules.")
    assert people["claimant"].amend(case, reworded).created


def test_two_proposals_at_once_ask_which_one_is_meant(world: World) -> None:
    case, people = world.accepted()
    first = people["claimant"].amend(case, replace(draft(), rules="Mild rules.")).statement
    world.service.clock.tick()
    second = people["respondent"].amend(case, replace(draft(), rules="Harsh rules.")).statement
    with refuses(RefusedError, "proposal_ambiguous", proposals=(first, second)):
        people["mediator"].invitations(case)
    for seat in ("claimant", "respondent", "mediator"):
        people[seat].accept(case, second)
    with refuses(RefusedError, "nothing_to_accept"):
        people["mediator"].accept(case, first)


def test_inbox_says_what_waits_for_each(world: World) -> None:
    case, people = world.accepted()
    record = deposited(world, people, case, "exchange")
    introduction = people["claimant"].introduce(case, record, "exchange")
    ticket = people["respondent"].make_ticket(introduction)
    request = people["claimant"].request(case, record, "exchange", [ticket]).statement
    (item,) = people["claimant"].inbox().items
    assert (item.kind, item.subject, item.seat, item.label) == (
        Waiting.SIGN_OFF, request, "claimant", "Settlement of May",
    )  # fmt: skip
    people["claimant"].sign_off(case, request)
    assert people["claimant"].inbox().items == ()
    people["mediator"].sign_off(case, request)
    assert [one.kind for one in people["respondent"].inbox().items] == [Waiting.OPEN]
    assert people["respondent"].open(case, request, world.folder / "o").path.exists()
    assert courier_of(people["claimant"]).lies == {}
