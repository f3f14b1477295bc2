"""A service that lies: what it can carry, the client does not believe. Each test is named for the lie."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from client.honest import URL, HonestCourier, LyingCourier, Service, World, courier_of, draft
from support.build import CASE_KEY, SEALED, SERVICE, MemoryChain, opening, party, seal_record, sealed
from support.refusals import refuses

from escrow.client import Memory, PathChoice, Posting, Session, make_ticket, open_release
from escrow.client.courier import EntriesPage, PayloadStream, ServiceInfo, UntrustedReceipt
from escrow.errors import (
    EscrowError,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    SetupError,
    TooManyError,
    UnavailableError,
    said_by_service,
)
from escrow.ledger import entry as entries
from escrow.ledger.entry import Entry
from escrow.ledger.replay import extend
from escrow.ledger.statement import Head, compose
from escrow.model.case_key import CaseKey
from escrow.model.charter import Service as ServiceAddress
from escrow.model.deeds import Note, RecordSealed


def note(world: World, case: str, who: str, head: Head | None = None) -> str:
    """A note's statement, made behind the SDK's back."""
    state = world.service.state(case)
    return compose(party(who), Note(text=SEALED), case=case, head=head or state.head)


def fork(world: World, case: str, *, at: int) -> MemoryChain:
    """Another chain with the same entries below `at`, and a note there that the service signed too."""
    chain = MemoryChain(clock=world.service.clock)
    for raw in world.service.chains[case].entries[:at]:
        chain.take(raw)
    raw = compose(party("mediator"), Note(text=sealed("fork")), case=case, head=chain.state.head)
    chain.append(raw)
    return chain


def smuggle(world: World, case: str, statement: str, **changed: Any) -> None:
    """An entry that the service signs although the rules refuse it."""
    chain = world.service.chains[case]
    last = Entry.read(chain.entries[-1], SERVICE.card)
    place = {"n": last.n + 1, "prev": last.hash, "received_at": last.received_at} | changed
    chain.entries.append(entries.compose(SERVICE, case=case, statement=statement, **place))


# The chain


def test_chain_shorter_than_remembered_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back", n=3):
        people["claimant"].case(case)


def test_chain_shorter_than_remembered_by_another_run_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back", n=3):
        world.session("claimant").case(case)


def test_case_that_is_denied_after_it_was_seen_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    del world.service.chains[case]
    with refuses(ForgedError, "ledger_rolled_back"):
        people["claimant"].case(case)


def test_case_never_seen_is_unknown_and_nobodys_fault(world: World) -> None:
    with refuses(NotFoundError, "not_found"):
        world.session("claimant").case("0" * 64)


def test_forked_chain_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    world.service.chains[case] = fork(world, case, at=3)
    with refuses(ForgedError, "ledger_forked", n=3):
        people["claimant"].case(case)


def test_fork_is_refused_again_and_again(world: World) -> None:
    """Another program of the same party has seen the honest chain; the lie must not outlive its refusal."""
    case, people = world.accepted()
    claimant, twin = people["claimant"], world.session("claimant")
    claimant.case(case)
    twin.case(case)
    people["mediator"].note(case, "honest")
    twin.case(case)
    honest = world.service.chains[case]
    world.service.chains[case] = fork(world, case, at=4)
    for _ in range(2):
        with refuses(ForgedError, "ledger_forked", n=4):
            claimant.case(case)
    world.service.chains[case] = honest
    assert len(claimant.case(case).notes) == 1


def test_forked_chain_is_refused_by_a_later_run(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    world.service.chains[case] = fork(world, case, at=3)
    with refuses(ForgedError, "ledger_forked", n=3):
        world.session("claimant").case(case)


def test_chain_without_the_entry_that_was_receipted_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].note(case, "kept?")
    world.service.chains[case].entries.pop()
    with refuses(ForgedError, "ledger_rolled_back", n=4):
        world.session("claimant").case(case)


def test_chain_with_another_entry_in_the_place_that_was_receipted_is_refused(world: World) -> None:
    case, people = world.accepted()
    receipt = people["claimant"].note(case, "kept?")
    world.service.chains[case] = fork(world, case, at=receipt.n)
    with refuses(ForgedError, "ledger_forked", n=4):
        people["claimant"].case(case)


def test_statement_of_a_party_that_was_shown_another_chain_gives_the_fork_away(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    other = fork(world, case, at=3)
    smuggle(world, case, note(world, case, "respondent", other.state.head))
    with refuses(RefusedError, "head_not_of_case", n=3):
        people["claimant"].case(case)


def test_reordered_entries_are_refused(world: World) -> None:
    case, _ = world.accepted()
    stranger = world.session("mediator", home="fresh")

    def swap(page: EntriesPage, *_: Any, **__: Any) -> EntriesPage:
        return replace(page, entries=(page.entries[0], *reversed(page.entries[1:])))

    courier_of(stranger).lies["entries"] = swap
    with refuses(ForgedError, "entry_out_of_order", n=2, expected=1):
        stranger.case(case)


def test_withheld_entry_in_the_middle_is_refused(world: World) -> None:
    case, _ = world.accepted()
    stranger = world.session("mediator", home="fresh")

    def withhold(page: EntriesPage, *_: Any, **__: Any) -> EntriesPage:
        return replace(page, entries=page.entries[:1] + page.entries[2:])

    courier_of(stranger).lies["entries"] = withhold
    with refuses(ForgedError, "entry_out_of_order", expected=1):
        stranger.case(case)


def test_entry_signed_by_another_service_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    chain = world.service.chains[case]
    last = Entry.read(chain.entries[-1], SERVICE.card)
    raw = note(world, case, "mediator")
    forged = entries.compose(
        party("impostor"), case=case, n=4, prev=last.hash, received_at=last.received_at, statement=raw
    )
    chain.entries.append(forged)
    with refuses(ForgedError, "signature_false"):
        people["claimant"].case(case)


def test_entry_dated_before_the_last_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    earlier = world.service.clock() - timedelta(days=1)
    smuggle(world, case, note(world, case, "mediator"), received_at=earlier)
    with refuses(ForgedError, "entry_time_backwards", n=4):
        people["claimant"].case(case)


def test_chain_of_another_case_is_refused(world: World) -> None:
    case, _ = world.accepted()
    other = world.session("institution").open_case(draft()).case
    claimant = world.session("claimant", home="fresh")
    courier_of(claimant).lies["entries"] = lambda page, *_, **__: replace(
        page, entries=tuple(world.service.chains[other].entries), more=False
    )
    with refuses(ForgedError, "entry_of_other_case"):
        claimant.case(case)


def test_dealing_without_proof_that_the_service_let_in_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    state = world.service.state(case)
    made = seal_record(state, party("respondent"))
    spoiled = RecordSealed(
        body=made.deed.body,
        body_raw=made.deed.body_raw,
        proofs=(made.deed.proofs[1], *made.deed.proofs[1:]),
    )
    smuggle(world, case, compose(party("respondent"), spoiled, case=case, head=state.head))
    author = party("respondent").card.fingerprint
    with refuses(ForgedError, "dealing_proof_false", path="settlement", author=author):
        people["claimant"].case(case)


def test_page_that_promises_more_and_holds_nothing_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    courier_of(people["claimant"]).lies["entries"] = lambda page, *_, **__: replace(page, more=True)
    with refuses(MalformedError, "answer_malformed"):
        people["claimant"].case(case)


def test_one_forged_case_does_not_hide_the_others(world: World) -> None:
    case, people = world.accepted()
    convenor = people["institution"]
    other = convenor.open_case(draft()).case
    people["claimant"].case(case)
    world.service.chains[case] = fork(world, case, at=3)
    claimant = people["claimant"]
    claimant.case(other)
    shown = claimant.inbox()
    assert [(item.kind, item.case) for item in shown.items] == [("accept", other)]
    assert [(trouble.case, trouble.code) for trouble in shown.troubles] == [(case, "ledger_forked")]
    listed = {summary.case: summary.trouble for summary in claimant.cases()}
    assert listed == {case: "ledger_forked", other: None}


@pytest.mark.parametrize(
    "unserved",
    [
        UnavailableError("ledger_damaged", n=3, reason="entry_malformed"),
        said_by_service(UnavailableError("storage_failed")),
        said_by_service(UnavailableError("service_unreachable")),
        UnavailableError("service_unreachable", status=502),
        said_by_service(TooManyError("too_many_requests", retry_after=3)),
    ],
    ids=str,
)
def test_a_case_that_the_service_does_not_serve_does_not_hide_the_others(
    world: World, unserved: EscrowError
) -> None:
    case, people = world.accepted()
    other = people["institution"].open_case(draft()).case
    claimant = people["claimant"]
    claimant.case(other)

    def lose(page: EntriesPage, which: str, **_: Any) -> EntriesPage:
        if which == case:
            raise unserved
        return page

    courier_of(claimant).lies["entries"] = lose
    shown = claimant.inbox()
    assert [(item.kind, item.case) for item in shown.items] == [("accept", other)]
    assert [(trouble.case, trouble.error) for trouble in shown.troubles] == [(case, unserved)]


@pytest.mark.parametrize(
    ("down", "asked"),
    [(UnavailableError("service_unreachable"), 1), (said_by_service(UnavailableError("storage_failed")), 8)],
    ids=str,
)
def test_service_that_serves_nothing_is_out_of_order_and_not_asked_for_every_case(
    world: World, down: EscrowError, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.session("claimant")
    which: list[str] = []

    def fail(case: str, **_: Any) -> EntriesPage:
        which.append(case)
        raise down

    monkeypatch.setattr(courier_of(session)._honest, "entries", fail)
    with refuses(UnavailableError, down.code):
        session.inbox(cases=[f"{n:064x}" for n in range(20)])
    assert len(set(which)) == asked


# Receipts


def lie_about_receipt(session: Session, entry: str) -> None:
    courier_of(session).lies["post"] = lambda *_: UntrustedReceipt(entry=entry, created=True)


def test_receipt_signed_by_another_than_the_pinned_service_is_refused(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "hello")
    last = Entry.read(world.service.chains[case].entries[-1], SERVICE.card)
    forged = entries.compose(
        party("impostor"),
        case=case,
        n=4,
        prev=last.hash,
        received_at=last.received_at,
        statement=posting.statement,
    )
    lie_about_receipt(people["claimant"], forged)
    with refuses(ForgedError, "signature_false"):
        people["claimant"].send(posting)


def test_receipt_for_another_statement_is_refused(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "hello")
    lie_about_receipt(people["claimant"], world.service.chains[case].entries[-1])
    with refuses(ForgedError, "receipt_for_another_statement", statement=posting.hash):
        people["claimant"].send(posting)


def test_receipt_of_another_case_is_refused(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "hello")
    misplaced = entries.compose(
        SERVICE,
        case="0" * 64,
        n=4,
        prev="0" * 64,
        received_at=world.service.clock(),
        statement=posting.statement,
    )
    lie_about_receipt(people["claimant"], misplaced)
    with refuses(ForgedError, "receipt_for_another_case", case="0" * 64):
        people["claimant"].send(posting)


def test_same_posting_again_gets_its_first_receipt(world: World) -> None:
    case, people = world.accepted()
    posting = people["claimant"].prepare_note(case, "hello")
    first, again = people["claimant"].send(posting), people["claimant"].send(posting)
    assert (first.created, again.created) == (True, False)
    assert first.entry == again.entry


# The service itself


def test_service_with_another_card_than_pinned_is_refused(world: World) -> None:
    world.session("claimant").service()
    world.service.identity = party("impostor")
    expected, found = SERVICE.card.fingerprint, party("impostor").card.fingerprint
    with refuses(ForgedError, "service_card_differs", expected=expected, found=found):
        world.session("claimant").service()


def test_service_that_calls_itself_by_another_url_is_refused(world: World) -> None:
    session = world.session("claimant")

    def elsewhere(info: ServiceInfo) -> ServiceInfo:
        return replace(info, url="https://elsewhere.example")

    courier_of(session).lies["service"] = elsewhere
    with refuses(ForgedError, "service_url_differs", expected=URL):
        session.service()


def test_service_with_another_card_than_one_was_told_is_refused_and_not_pinned(world: World) -> None:
    convenor, told = world.session("institution"), party("impostor").card
    expected, found = told.fingerprint, SERVICE.card.fingerprint
    with refuses(ForgedError, "service_card_not_as_told", expected=expected, found=found, url=URL):
        convenor.open_case(draft(), service_card=told)
    assert convenor.memory.services() == ()
    assert convenor.open_case(draft(), service_card=SERVICE.card).created


def test_opening_for_another_service_than_the_one_spoken_to_is_not_sent(world: World) -> None:
    claim = ServiceAddress(url=URL, card=party("impostor").card)
    charter = draft().charter(service=claim, convenor=party("institution").card, case_key=CASE_KEY)
    posting = Posting.of(opening(charter, convenor=party("institution")))
    with refuses(ForgedError, "service_card_differs", expected=SERVICE.card.fingerprint):
        world.session("respondent").send(posting)
    assert world.service.chains == {}


# Invitations


def test_invitation_with_another_case_key_is_refused(world: World) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    invitation = replace(convenor.invitations(case)["claimant"], case_key=CaseKey(raw=bytes(32)))
    claimant = world.session("claimant")
    with refuses(ForgedError, "case_key_not_of_charter"):
        claimant.join(invitation)
    assert not claimant.case(case).has_case_key


def test_invitation_for_another_service_is_refused(world: World) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    invitation = convenor.invitations(case)["claimant"]
    elsewhere = ServiceAddress(url="https://elsewhere.example", card=SERVICE.card)
    with refuses(SetupError, "invitation_for_another_service", url="https://elsewhere.example"):
        world.session("claimant").join(replace(invitation, service=elsewhere))
    impostor = ServiceAddress(url=URL, card=party("impostor").card)
    with refuses(ForgedError, "invitation_not_of_case", field="service"):
        world.session("claimant").join(replace(invitation, service=impostor))


@pytest.mark.parametrize(("field", "value"), [("proposal", "0" * 64), ("seat", "observer")])
def test_invitation_that_is_not_of_its_case_is_refused(world: World, field: str, value: str) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    invitation = convenor.invitations(case)["claimant"]
    with refuses(ForgedError, "invitation_not_of_case", field=field):
        world.session("claimant").join(replace(invitation, **{field: value}))


def test_invitation_of_somebody_else_is_refused(world: World) -> None:
    convenor = world.session("institution")
    case = convenor.open_case(draft()).case
    with refuses(RefusedError, "invitation_for_another_card", seat="claimant"):
        world.session("respondent").join(convenor.invitations(case)["claimant"])


# Releases


def released(world: World) -> tuple[str, str, HonestCourier]:
    """Case and request of a settlement released to the arbitrator, and the arbitrator's line."""
    case, people = world.accepted()
    people["claimant"].deposit(
        case, world.document(), [PathChoice(name="settlement")], title="Settlement", label="Settlement"
    )
    record = people["claimant"].records(case)[0].record
    ticket = make_ticket(party("arbitrator"), people["claimant"].introduce(case, record, "settlement"))
    request = people["claimant"].request(case, record, "settlement", [ticket]).statement
    for seat in ("claimant", "respondent"):
        people[seat].sign_off(case, request)
    return case, request, HonestCourier(world.service, party("arbitrator"))


def refuse_to_open(world: World, courier: Any, case: str, request: str) -> None:
    """Open, and see that nothing was written whatever the error."""
    before = set(world.folder.iterdir())
    try:
        open_release(courier, case, request, world.folder / "opened", identity=party("arbitrator"))
    finally:
        assert set(world.folder.iterdir()) == before


def test_bundle_forged_whole_by_the_operator_is_refused(world: World) -> None:
    case, request, _ = released(world)
    operator = World(world.folder / "operator")
    operator.folder.mkdir()
    made_up, its_request, courier = released(operator)
    liar = LyingCourier(HonestCourier(world.service))
    liar.lies["bundle"] = lambda *_: courier.bundle(made_up, its_request)
    with refuses(ForgedError, "bundle_of_other_case", expected=case, found=made_up):
        refuse_to_open(world, liar, case, request)


def test_swapped_share_object_is_named_and_leaves_no_quorum(world: World) -> None:
    case, request, courier = released(world)
    one, other = world.service.shares
    world.service.shares[one] = world.service.shares[other]
    with refuses(RefusedError, "shares_below_quorum", bad=(), lost=("claimant",)):
        refuse_to_open(world, courier, case, request)


def test_missing_share_object_is_named_and_others_suffice(world: World) -> None:
    case, request, courier = released(world)
    world.session("mediator").sign_off(case, request)
    world.service.shares.pop(next(iter(world.service.shares)))
    opened = open_release(courier, case, request, world.folder / "out", identity=party("arbitrator"))
    assert [(fault.seat, fault.code) for fault in opened.faults] == [("claimant", "share_object_missing")]
    assert opened.path.read_bytes() == world.document().read_bytes()


def test_bundle_that_differs_from_the_known_chain_is_refused(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].deposit(
        case, world.document(), [PathChoice(name="exchange")], title="Offer", label="Offer"
    )
    record = people["claimant"].records(case)[0].record
    ticket = people["respondent"].make_ticket(people["claimant"].introduce(case, record, "exchange"))
    request = people["claimant"].request(case, record, "exchange", [ticket]).statement
    people["claimant"].sign_off(case, request)
    again = people["respondent"].prepare_sign_off(case, request)
    people["respondent"].sign_off(case, request)
    other = MemoryChain(clock=world.service.clock)
    for raw in world.service.chains[case].entries[:-1]:
        other.take(raw)
    assert again.attachment is not None
    other.append(again.statement)
    forked = Service(chains={case: other}, shares=dict(world.service.shares))
    forked.shares |= {
        sign_off.shares: again.attachment for sign_off in other.state.request(request).sign_offs["respondent"]
    }
    courier_of(people["respondent"]).lies["bundle"] = lambda *_: HonestCourier(forked).bundle(case, request)
    with refuses(ForgedError, "ledger_forked"):
        people["respondent"].open(case, request, world.folder / "opened")


def test_request_without_the_readers_own_ticket_is_refused(world: World) -> None:
    case, request, courier = released(world)
    introduction = world.session("claimant").introduce(
        case, next(iter(world.service.state(case).records)), "settlement"
    )
    another = make_ticket(party("arbitrator"), introduction)
    with refuses(ForgedError, "request_without_ticket"):
        open_release(courier, case, request, world.folder / "x", identity=party("arbitrator"), ticket=another)


def test_somebody_who_is_no_reader_cannot_open(world: World) -> None:
    case, request, courier = released(world)
    with refuses(RefusedError, "reader_not_named"):
        open_release(courier, case, request, world.folder / "x", identity=party("journalist"))
    with refuses(RefusedError, "reader_not_named"):
        open_release(courier, case, request, world.folder / "x")


@pytest.mark.parametrize(
    ("spoil", "kind", "code"),
    [
        (lambda raw: raw[:-1], ForgedError, "payload_not_as_signed"),
        (lambda raw: raw + b"\0", ForgedError, "payload_not_as_signed"),
        (lambda raw: bytes([raw[0] ^ 1]) + raw[1:], ForgedError, "payload_digest_false"),
        (lambda raw: bytes(len(raw)), ForgedError, "payload_digest_false"),
    ],
    ids=["cut short", "longer", "one bit flipped", "another"],
)
def test_payload_other_than_sealed_is_refused(world: World, spoil: Any, kind: Any, code: str) -> None:
    case, request, courier = released(world)
    upload = next(iter(world.service.uploads.values()))
    upload[2][1] = spoil(upload[2][1])
    with refuses(kind, code):
        refuse_to_open(world, courier, case, request)


def test_payload_of_false_announced_length_is_refused(world: World) -> None:
    case, request, honest = released(world)

    @contextmanager
    def short(
        said: AbstractContextManager[PayloadStream], *_: object, **__: object
    ) -> Iterator[PayloadStream]:
        with said as stream:
            raw = b"".join(stream.chunks)
            yield PayloadStream(total=stream.total, chunks=iter([raw[:-5]]))

    liar = LyingCourier(honest)
    liar.lies["payload"] = short
    with refuses(ForgedError, "payload_truncated"):
        refuse_to_open(world, liar, case, request)


def test_existing_file_is_not_overwritten_unless_asked(world: World) -> None:
    case, request, courier = released(world)
    out = world.folder / "mine"
    out.write_text("keep me")
    with refuses(RefusedError, "file_exists", file="mine"):
        open_release(courier, case, request, out, identity=party("arbitrator"))
    assert out.read_text() == "keep me"
    open_release(courier, case, request, out, identity=party("arbitrator"), overwrite=True)
    assert out.read_bytes() == b"We agree on 4,000,000."


# The auditor sees what the SDK sees


def test_audit_of_an_honest_case_is_clean_and_names_a_swapped_payload(world: World) -> None:
    case, _, _ = released(world)
    claimant = world.session("claimant")
    report = claimant.audit(case, payloads=True)
    assert (report.faults, report.records) == ((), 1)
    upload = next(iter(world.service.uploads.values()))
    upload[2][1] = bytes(len(upload[2][1]))
    assert [fault.code for fault in claimant.audit(case, payloads=True).faults] == ["payload_changed"]


def test_audit_sees_a_chain_cut_short(world: World) -> None:
    case, _, _ = released(world)
    claimant = world.session("claimant")
    claimant.case(case)
    world.service.chains[case].entries.pop()
    assert [fault.code for fault in claimant.audit(case).faults] == ["ledger_rolled_back"]


def test_memory_of_one_case_verifies_again_from_its_files(world: World) -> None:
    case, people = world.accepted()
    people["claimant"].case(case)
    state = None
    for raw in Memory(world.folder / "claimant").entries(case):
        state = extend(state, raw)
    assert state is not None
    assert state.head == people["claimant"].case(case).head
