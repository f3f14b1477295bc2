"""Bundles against whoever hands them over: forged, thinned out, spliced, with wrong shares and wrong p."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import build

from escrow.crypto.envelope import Envelope, enclose, ticket_context
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError, ForgedError, MalformedError, RefusedError, TooLargeError
from escrow.ledger import bundle as bundles
from escrow.ledger import entry as entries
from escrow.ledger.bundle import Bundle, OpenedKey, VerifiedBundle, compose, open_shares, select
from escrow.ledger.entry import Entry
from escrow.ledger.statement import compose as compose_statement
from escrow.model.ids import Hash
from escrow.model.share_object import ShareObject, share_hash
from escrow.model.wire import encode_json

READER = build.party("arbitrator")


def chain_of(case: build.Case) -> list[str]:
    assert isinstance(case.chain, build.MemoryChain)
    return case.chain.entries


def parts_of(case: build.Case, request: Hash) -> tuple[list[str], dict[Hash, bytes]]:
    """What an honest service puts into the bundle."""
    parts = select(case.state, request)
    chain = chain_of(case)
    return [chain[n] for n in parts.entries], {one: case.shares[one] for one in parts.shares}


def verified(
    case: build.Case, request: Hash, chain: Sequence[str], shares: Mapping[Hash, bytes]
) -> VerifiedBundle:
    return Bundle.parse(compose(chain, shares)).verify(case.id, request)


def opened(found: VerifiedBundle, reader: build.Identity = READER) -> OpenedKey:
    """As the reader's client does it: its own ticket says with which nonce."""
    ticket = found.ticket_of(reader.card)
    keys = reader.ticket_keys(
        ticket.case, ticket.record, ticket.path, bytes.fromhex(ticket.dealing), ticket.nonce
    )
    return open_shares(found, ticket_keys=keys, card=reader.card)


def refused(act: Callable[[], object]) -> EscrowError:
    with pytest.raises(EscrowError) as caught:
        act()
    return caught.value


Released = tuple[build.Case, str, Hash]


@pytest.fixture(scope="module")
def named() -> Released:
    return build.released_case()


@pytest.fixture(scope="module")
def public() -> Released:
    return build.released_case("memo")


# What it is for


def test_reader_outside_the_case_opens_with_nothing_but_the_bundle(named: Released) -> None:
    case, record, request = named
    found = verified(case, request, *parts_of(case, request))
    assert found.bad == ()
    assert opened(found) == OpenedKey(key=case.sealed[record].key, named=())


def test_public_release_opens_without_any_key(public: Released) -> None:
    case, record, request = public
    found = verified(case, request, *parts_of(case, request))
    assert open_shares(found) == OpenedKey(key=case.sealed[record].key, named=())


def test_each_of_several_readers_opens_with_own_keys() -> None:
    readers = [build.party("first reader"), build.party("second reader")]
    case, record, request = build.released_case(readers=readers)
    found = verified(case, request, *parts_of(case, request))
    assert [opened(found, reader).key for reader in readers] == [case.sealed[record].key] * 2


def test_opened_key_is_not_printed(named: Released) -> None:
    case, _, request = named
    assert "key" not in repr(opened(verified(case, request, *parts_of(case, request))))


def test_bundle_holds_nothing_else_of_the_case() -> None:
    case = build.accepted_case()
    first = case.deposit("first")
    second = case.deposit("second", replaces=first)
    case.note()
    case.report(second, "settlement", "mediator")
    case.report(first, "settlement", "mediator")
    other = case.request(first, "settlement", READER)
    request = case.request(second, "settlement", READER)
    case.sign_off(other, "mediator")
    [taken] = case.sign_off(request, "mediator")
    case.withdraw(request, "mediator", taken)
    case.sign_off(request, "claimant", "respondent")
    parts = select(case.state, request)
    kept = [Entry.read(chain_of(case)[n], build.SERVICE.card) for n in parts.entries]
    typs = [build.UnverifiedStatement.parse(entry.statement_raw).typ for entry in kept]
    assert typs == [
        "escrow.case-opened.v1",
        *["escrow.charter-accepted.v1"] * 3,
        "escrow.record-sealed.v1",
        "escrow.envelope-reported.v1",
        "escrow.release-requested.v1",
        *["escrow.signed-off.v1"] * 2,
    ]
    assert len(parts.shares) == 2
    assert opened(verified(case, request, *parts_of(case, request))).key == case.sealed[second].key


def test_bundle_of_a_later_charter_holds_its_proposal_and_acceptances() -> None:
    """The requesting seat may be held by a party that came with the later charter."""
    case = build.accepted_case()
    record = case.deposit()
    newcomer = build.party("new mediator")
    case.propose(build.charter(seats={**build.SEATS, "mediator": build.SEATS["mediator"]}))  # lapses
    agreed = case.propose(build.charter(seats={**build.SEATS, "mediator": newcomer}))
    case.seats = {**build.SEATS, "mediator": newcomer, "old": build.SEATS["mediator"]}
    case.accept_all(agreed)
    request = case.request(record, "settlement", READER, seat="mediator")
    case.sign_off(request, "claimant", "respondent")
    found = verified(case, request, *parts_of(case, request))
    assert opened(found).key == case.sealed[record].key
    assert len(found.state.charters) == 2


def test_bundle_before_the_release_is_refused() -> None:
    case = build.accepted_case()
    request = case.request(case.deposit(), "settlement", READER)
    case.sign_off(request, "mediator")
    error = refused(lambda: select(case.state, request))
    assert (error.code, error.fields) == (
        "not_released",
        {"have": 1, "need": 2, "missing": ("claimant", "respondent")},
    )


# Forged by the operator


def test_bundle_forged_whole_is_refused_by_the_case_id(named: Released) -> None:
    """The operator makes parties of its own, deposits a document of its own and releases it to the reader."""
    case, _, request = named
    own = {seat: build.party(f"operator's {seat}") for seat in build.SEATS}
    forged = build.Case(seats=own).open().accept_all()
    asked = forged.request(forged.deposit(), "settlement", READER)
    forged.sign_off(asked, "claimant", "respondent")
    raw = compose(*parts_of(forged, asked))
    assert Bundle.parse(raw).verify(forged.id, asked).bad == ()  # faultless but for what it is about
    error = refused(lambda: Bundle.parse(raw).verify(case.id, request))
    assert isinstance(error, ForgedError)
    assert (error.code, error.fields["found"]) == ("bundle_of_other_case", forged.id)


def test_bundle_of_another_request_is_refused(named: Released) -> None:
    case, _, request = named
    other = build.accepted_case()
    asked = other.request(other.deposit(), "settlement", READER)
    other.sign_off(asked, "claimant", "respondent")
    raw = compose(*parts_of(case, request))
    assert refused(lambda: Bundle.parse(raw).verify(case.id, asked)).code == "request_unknown"


def test_bundle_without_its_opening_is_refused(named: Released) -> None:
    case, _, request = named
    chain, shares = parts_of(case, request)
    assert refused(lambda: verified(case, request, chain[1:], shares)).code == "opening_expected"


@pytest.mark.parametrize(
    ("gone", "code"),
    [
        pytest.param(1, "charter_not_accepted", id="an_acceptance"),
        pytest.param(4, "record_unknown", id="the_sealing"),
        pytest.param(5, "request_unknown", id="the_request"),
        pytest.param(6, "not_released", id="a_sign_off"),
    ],
)
def test_bundle_with_an_entry_dropped_is_refused(named: Released, gone: int, code: str) -> None:
    case, _, request = named
    chain, shares = parts_of(case, request)
    del chain[gone]
    assert refused(lambda: verified(case, request, chain, shares)).code == code


def test_bundle_with_entries_in_another_order_is_refused(named: Released) -> None:
    case, _, request = named
    chain, shares = parts_of(case, request)
    chain[1], chain[2] = chain[2], chain[1]
    assert refused(lambda: verified(case, request, chain, shares)).code == "entry_out_of_order"


def test_entry_signed_by_another_service_is_refused(named: Released) -> None:
    case, _, request = named
    chain, shares = parts_of(case, request)
    old = Entry.read(chain[5], build.SERVICE.card)
    chain[5] = entries.compose(
        build.party("another service"),
        case=old.case,
        n=old.n,
        prev=old.prev,
        received_at=old.received_at,
        statement=old.statement_raw,
    )
    assert refused(lambda: verified(case, request, chain, shares)).code == "signature_false"


def rechain(case: build.Case, statements: Iterable[str]) -> list[str]:
    """Entries that a lying service signs around these statements, linked as they should be."""
    made: list[str] = []
    prev = None
    for n, raw in enumerate(statements):
        made.append(
            entries.compose(
                build.SERVICE, case=case.id, n=n, prev=prev, received_at=build.START, statement=raw
            )
        )
        prev = Entry.read(made[-1], build.SERVICE.card).hash
    return made


def statements_of(chain: Iterable[str]) -> list[str]:
    return [Entry.read(raw, build.SERVICE.card).statement_raw for raw in chain]


def test_acceptance_forged_by_the_service_is_refused() -> None:
    """It puts keys of its own into a seat that never accepted."""
    case = build.Case().open()
    case.accept("claimant")
    case.accept("respondent")
    liar = build.party("service in disguise")
    deed = build.acceptance(case.id, case.id, "mediator", liar)
    raw = case.statement(liar, deed)
    [*before] = statements_of(chain_of(case))
    chain = rechain(case, [*before, raw])
    error = refused(lambda: Bundle.parse(compose(chain, {})).verify(case.id, "00" * 32))
    assert isinstance(error, ForgedError)
    assert (error.code, error.fields) == ("author_unknown", {"author": liar.card.fingerprint})


def test_acceptance_of_another_case_is_refused(named: Released) -> None:
    case = build.Case().open(build.charter(public_notice="another case"))
    stolen = statements_of(chain_of(named[0]))[1]
    chain = rechain(case, [*statements_of(chain_of(case)), stolen])
    error = refused(lambda: Bundle.parse(compose(chain, {})).verify(case.id, "00" * 32))
    assert error.code == "statement_for_other_case"


def test_acceptance_with_anothers_keys_is_refused() -> None:
    case = build.Case().open()
    keys = build.SEATS["claimant"].seat_keys(case.id, "claimant")
    case.accept("claimant")
    thief = build.SEATS["mediator"]
    deed = build.acceptance(case.id, case.id, "mediator", thief, keys=keys)
    chain = rechain(case, [*statements_of(chain_of(case)), case.statement(thief, deed)])
    error = refused(lambda: Bundle.parse(compose(chain, {})).verify(case.id, "00" * 32))
    assert (error.code, error.fields["other"]) == ("opening_key_taken", "claimant")


def test_dealing_copied_from_another_record_is_refused() -> None:
    case = build.accepted_case()
    victim = build.seal_record(case.state, build.SEATS["claimant"], "victim").deed
    copied = build.seal_record(case.state, build.SEATS["respondent"], "copy")
    paths = tuple(
        replace(mine, sealed=theirs.sealed)
        for mine, theirs in zip(copied.deed.body.paths, victim.body.paths, strict=True)
    )
    body = replace(copied.deed.body, paths=paths)
    deed = build.RecordSealed(body=body, body_raw=body.encode(), proofs=victim.proofs)
    raw = case.statement(build.SEATS["respondent"], deed)
    chain = rechain(case, [*statements_of(chain_of(case)), raw])
    error = refused(lambda: Bundle.parse(compose(chain, {})).verify(case.id, "00" * 32))
    assert isinstance(error, ForgedError)
    assert error.code == "dealing_proof_false"
    assert error.fields["author"] == build.SEATS["respondent"].card.fingerprint


def test_dealing_resigned_by_another_author_is_refused() -> None:
    """The whole body, word for word, under another depositor's name."""
    case = build.accepted_case()
    victim = build.seal_record(case.state, build.SEATS["claimant"], "victim").deed
    raw = case.statement(build.SEATS["respondent"], victim)
    chain = rechain(case, [*statements_of(chain_of(case)), raw])
    error = refused(lambda: Bundle.parse(compose(chain, {})).verify(case.id, "00" * 32))
    assert (error.code, error.fields["sealed_by"]) == (
        "sealed_by_another",
        build.SEATS["claimant"].card.fingerprint,
    )


# Sign-offs and share objects


@pytest.fixture
def asked() -> Released:
    """Requested for the arbitrator; nothing signed off yet."""
    case = build.accepted_case()
    record = case.deposit()
    return case, record, case.request(record, "settlement", READER)


def test_sign_off_of_another_request_does_not_count(asked: Released) -> None:
    case, record, request = asked
    other = case.request(record, "settlement", build.party("another reader"))
    case.sign_off(request, "claimant")
    case.sign_off(other, "respondent")
    error = refused(lambda: verified(case, request, chain_of(case), case.shares))
    assert (error.code, error.fields["missing"]) == ("not_released", ("respondent", "mediator"))


def sign_off_with(
    case: build.Case,
    request: Hash,
    seat: str,
    spoil: Callable[[ShareObject], ShareObject | bytes],
    *,
    public: bool = False,
) -> None:
    """A seat signs for a share object of its own making, and the service lets it pass."""
    deed, raw = build.answer(case.state, request, seat, case.seats[seat])
    made = spoil(ShareObject.parse(raw, public=public))
    spoiled = made if isinstance(made, bytes) else made.encode()
    case.shares[share_hash(spoiled)] = spoiled
    case.post(case.seats[seat], replace(deed, shares=share_hash(spoiled)))


def splice(case: build.Case, other: Hash, seat: str) -> ShareObject:
    """The seat's genuine answers to another request."""
    return ShareObject.parse(build.answer(case.state, other, seat, case.seats[seat])[1], public=False)


def wrong_share(shares: ShareObject) -> ShareObject:
    [one] = shares.tickets
    return replace(shares, tickets=(replace(one, answer=replace(one.answer, W=one.answer.W + one.answer.W)),))


def test_answers_spliced_from_another_request_name_the_seat(asked: Released) -> None:
    """Under the other request's name, and again under this one's."""
    case, record, request = asked
    other = case.request(record, "settlement", build.party("another reader"))
    stolen = splice(case, other, "claimant")
    sign_off_with(case, request, "claimant", lambda _: stolen)
    sign_off_with(case, request, "respondent", lambda _: replace(stolen, request=request, seat="respondent"))
    found = verified(case, request, *parts_of(case, request))
    assert found.bad == (("claimant", "share_object_for_other_request"), ("respondent", "share_false"))
    error = refused(lambda: opened(found))
    assert (error.code, error.fields["bad"]) == ("shares_below_quorum", ("claimant", "respondent"))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(wrong_share, "share_false", id="wrong_share"),
        pytest.param(
            lambda one: replace(one, seat="mediator"), "share_object_for_other_request", id="other_seat"
        ),
        pytest.param(
            lambda one: replace(one, tickets=one.tickets * 2), "share_count_wrong", id="two_for_one"
        ),
        pytest.param(lambda one: b"{}", "share_object_malformed", id="junk"),
        pytest.param(
            lambda one: ShareObject(
                request=one.request, seat=one.seat, public_answer=one.tickets[0].answer, public_p=bytes(32)
            ),
            "share_object_malformed",
            id="for_the_public",
        ),
    ],
)
def test_bad_share_object_is_named_and_the_others_suffice(
    asked: Released, spoil: Callable[[ShareObject], ShareObject | bytes], code: str
) -> None:
    case, record, request = asked
    sign_off_with(case, request, "claimant", spoil)
    case.sign_off(request, "respondent", "mediator")
    found = verified(case, request, *parts_of(case, request))
    assert found.bad == (("claimant", code),)
    assert opened(found).key == case.sealed[record].key


def test_missing_share_object_is_named_and_below_quorum_nothing_opens(asked: Released) -> None:
    case, record, request = asked
    case.sign_off(request, "claimant", "respondent", "mediator")
    chain, shares = parts_of(case, request)
    for seat in ("claimant", "respondent"):
        del shares[case.state.requests[request].sign_offs[seat][0].shares]
        found = verified(case, request, chain, shares)
        assert (found.bad, seat in found.lost) == ((), True)  # whoever keeps it lost it, not the seat
        if seat == "claimant":
            assert opened(found).key == case.sealed[record].key
    error = refused(lambda: opened(found))
    assert error.code == "shares_below_quorum"
    assert error.fields == {
        "missing": ("claimant", "respondent"),
        "bad": (),
        "lost": ("claimant", "respondent"),
    }


def test_changed_share_object_is_as_good_as_missing(asked: Released) -> None:
    """It is looked up by what it hashes to: nobody can hand one over under another's name."""
    case, record, request = asked
    case.sign_off(request, "claimant", "respondent", "mediator")
    chain, shares = parts_of(case, request)
    [mine] = case.state.requests[request].sign_offs["claimant"]
    shares[mine.shares] += b" "
    found = verified(case, request, chain, shares)
    assert (found.bad, found.lost) == ((), ("claimant",))
    assert opened(found).key == case.sealed[record].key


def test_missing_share_object_hides_no_false_one_of_the_same_seat(asked: Released) -> None:
    case, _, request = asked
    sign_off_with(case, request, "claimant", wrong_share)
    case.sign_off(request, "claimant", "respondent", "mediator")
    chain, shares = parts_of(case, request)
    del shares[case.state.requests[request].sign_offs["claimant"][-1].shares]
    found = verified(case, request, chain, shares)
    assert (found.bad, found.lost) == ((("claimant", "share_false"),), ())


def test_good_share_object_after_a_bad_one_counts(asked: Released) -> None:
    case, record, request = asked
    sign_off_with(case, request, "claimant", wrong_share)
    case.sign_off(request, "claimant", "respondent")
    found = verified(case, request, *parts_of(case, request))
    assert found.bad == ()
    assert opened(found).key == case.sealed[record].key


def test_withdrawn_sign_off_put_back_beside_its_withdrawal_is_not_counted(asked: Released) -> None:
    case, _, request = asked
    [taken] = case.sign_off(request, "claimant")
    case.withdraw(request, "claimant", taken)
    case.sign_off(request, "respondent")
    error = refused(lambda: verified(case, request, chain_of(case), case.shares))
    assert (error.code, error.fields["missing"]) == ("not_released", ("claimant", "mediator"))


def test_withdrawn_sign_off_entered_again_is_refused(asked: Released) -> None:
    case, _, request = asked
    [taken] = case.sign_off(request, "claimant")
    again = statements_of(chain_of(case))[-1]
    case.withdraw(request, "claimant", taken)
    case.sign_off(request, "respondent")
    chain = rechain(case, [*statements_of(chain_of(case)), again])
    error = refused(lambda: verified(case, request, chain, case.shares))
    assert (error.code, error.fields["seat"]) == ("sign_off_withdrawn", "claimant")


def test_sign_off_before_the_date_is_refused_in_a_bundle() -> None:
    case = build.accepted_case()
    date = build.START + timedelta(days=30)
    record = case.deposit(paths=[build.terms(case.state, "memo", not_before=date)])
    request = case.request(record, "memo")
    deed, raw = build.answer(case.state, request, "claimant", case.seats["claimant"])
    early = case.statement(case.seats["claimant"], deed)
    chain = rechain(case, [*statements_of(chain_of(case)), early])
    assert refused(lambda: verified(case, request, chain, {deed.shares: raw})).code == "too_early"


def test_second_sealing_of_the_same_record_id_makes_no_honest_seat_a_forger() -> None:
    """A depositor and the operator seal the record again behind everybody's back, and hand that sealing out
    with the request and the sign-offs of the first. Those name the dealing that they are about.
    """
    case = build.accepted_case()
    record = case.deposit()
    case.note()  # entries that no bundle holds, so that the hashes of its neighbours are not compared
    request = case.request(record, "memo")
    case.sign_off(request, "claimant", "respondent")
    chain, shares = parts_of(case, request)
    n = case.state.records[record].n
    fork = build.MemoryChain()
    for raw in chain_of(case)[:n]:
        fork.take(raw)
    author = case.seats["claimant"]
    again = build.seal_record(fork.state, author, key=build.bytes_of("another key"))
    assert again.record == record
    fork.append(compose_statement(author, again.deed, case=case.id, head=fork.state.head))
    chain[n] = fork.entries[n]
    error = refused(lambda: verified(case, request, chain, shares))
    assert isinstance(error, RefusedError)
    assert (error.code, set(error.fields)) == ("dealing_differs", {"path", "dealing", "expected"})


def test_acceptance_of_which_there_are_two_makes_no_honest_depositor_a_forger() -> None:
    case = build.accepted_case()
    case.note()  # so that the bundle does not hold what follows the acceptance
    record = case.deposit()
    request = case.request(record, "settlement", READER)
    case.sign_off(request, "claimant", "respondent")
    chain, shares = parts_of(case, request)
    chain[3] = build.with_other_keys(case).entries[3]
    error = refused(lambda: verified(case, request, chain, shares))
    assert isinstance(error, ForgedError)
    assert (error.code, error.fields) == ("path_context_differs", {"path": "settlement"})


# Readers


def test_reader_who_is_not_named_is_refused(named: Released) -> None:
    case, _, request = named
    found = verified(case, request, *parts_of(case, request))
    stranger = build.party("stranger")
    error = refused(lambda: opened(found, stranger))
    assert (error.code, error.fields["card"]) == ("reader_not_named", stranger.card.fingerprint)


def test_reader_with_the_keys_of_another_ticket_is_refused(named: Released) -> None:
    case, record, request = named
    found = verified(case, request, *parts_of(case, request))
    keys = READER.ticket_keys(case.id, record, "settlement", bytes(32), bytes(32))
    error = refused(lambda: open_shares(found, ticket_keys=keys, card=READER.card))
    assert error.code == "ticket_keys_wrong"
    assert refused(lambda: open_shares(found, card=READER.card)).code == "ticket_keys_wrong"
    assert refused(lambda: open_shares(found)).code == "reader_not_named"


# p


def pass_on(case: build.Case, request: Hash, p: bytes) -> Callable[[ShareObject], ShareObject]:
    """Enclose this p to the only ticket, as the seat should enclose the right one."""
    [ticket] = case.state.requests[request].tickets

    def spoil(shares: ShareObject) -> ShareObject:
        context = ticket_context(bytes.fromhex(request), shares.seat)
        passed = enclose(p, ticket.kem_key, Label.TICKET_ENVELOPE, context)
        return replace(shares, tickets=(replace(shares.tickets[0], passed=passed),))

    return spoil


def junk_envelope(shares: ShareObject) -> ShareObject:
    passed = Envelope(ciphertext=bytes(1088), wrapped=bytes(48))
    return replace(shares, tickets=(replace(shares.tickets[0], passed=passed),))


@pytest.mark.parametrize("deed", ["wrong_p", "junk_envelope"])
def test_wrong_p_passed_to_a_reader_is_named_and_opening_goes_on(asked: Released, deed: str) -> None:
    case, record, request = asked
    spoil = pass_on(case, request, bytes(32)) if deed == "wrong_p" else junk_envelope
    sign_off_with(case, request, "claimant", spoil)
    case.sign_off(request, "respondent")
    found = verified(case, request, *parts_of(case, request))
    assert found.bad == ()  # its share is good, and used
    assert opened(found) == OpenedKey(key=case.sealed[record].key, named=("claimant",))


def test_p_passed_on_for_another_request_is_named(asked: Released) -> None:
    case, record, request = asked
    nonce = bytes(32)
    twin = build.ticket(case.state, record, "settlement", READER, nonce=nonce)
    other = case.request(record, "settlement", tickets=[twin])
    stolen = splice(case, other, "claimant").tickets[0].passed

    def spoil(shares: ShareObject) -> ShareObject:
        return replace(shares, tickets=(replace(shares.tickets[0], passed=stolen),))

    sign_off_with(case, request, "claimant", spoil)
    case.sign_off(request, "mediator")
    assert opened(verified(case, request, *parts_of(case, request))).named == ("claimant",)


def test_wrong_public_p_is_named_and_opening_goes_on() -> None:
    case = build.accepted_case()
    record = case.deposit()
    request = case.request(record, "memo")
    sign_off_with(case, request, "claimant", lambda one: replace(one, public_p=bytes(32)), public=True)
    case.sign_off(request, "respondent")
    found = verified(case, request, *parts_of(case, request))
    assert open_shares(found) == OpenedKey(key=case.sealed[record].key, named=("claimant",))


def test_seat_without_p_is_not_blamed(asked: Released) -> None:
    """Its own envelope was bad; it signs off all the same."""
    case, record, request = asked

    def without(shares: ShareObject) -> ShareObject:
        return replace(shares, tickets=(replace(shares.tickets[0], passed=None),))

    sign_off_with(case, request, "claimant", without)
    case.sign_off(request, "respondent")
    found = verified(case, request, *parts_of(case, request))
    assert opened(found) == OpenedKey(key=case.sealed[record].key, named=())


def test_record_of_which_nobody_passes_a_good_p_stays_shut(asked: Released) -> None:
    case, _, request = asked
    for seat in ("claimant", "respondent"):
        sign_off_with(case, request, seat, pass_on(case, request, bytes(32)))
    error = refused(lambda: opened(verified(case, request, *parts_of(case, request))))
    assert (error.code, error.fields) == ("p_missing", {"wrong": ("claimant", "respondent")})


def test_seats_that_keep_p_to_themselves_make_no_honest_depositor_a_culprit(asked: Released) -> None:
    """Their envelopes were good; nobody can see that but they."""
    case, _, request = asked

    def without(shares: ShareObject) -> ShareObject:
        return replace(shares, tickets=(replace(shares.tickets[0], passed=None),))

    for seat in ("claimant", "respondent"):
        sign_off_with(case, request, seat, without)
    error = refused(lambda: opened(verified(case, request, *parts_of(case, request))))
    assert (error.code, error.fields) == ("p_missing", {"wrong": ()})


# The depositor


def spoiled_record(spoil: Callable[[build.RecordBody], build.RecordBody]) -> tuple[build.Case, Hash]:
    """A record whose depositor sealed something wrong and proved its dealings all the same."""
    case = build.accepted_case()
    author = case.seats["claimant"]
    made = build.seal_record(case.state, author)
    body = spoil(made.deed.body)
    seats = {
        path.name: [case.state.current.seat_public(seat) for seat in path.terms.policy.seats]
        for path in body.paths
    }
    case.post(author, build.prove_body(body, made.secrets, seats))
    request = case.request(body.record, "settlement", READER)
    case.sign_off(request, "respondent", "mediator")
    return case, request


def with_wrong_wrap(body: build.RecordBody) -> build.RecordBody:
    paths = tuple(replace(path, sealed=replace(path.sealed, key_wrap=bytes(48))) for path in body.paths)
    return replace(body, paths=paths)


def test_key_wrap_that_does_not_open_names_the_depositor() -> None:
    case, request = spoiled_record(with_wrong_wrap)
    error = refused(lambda: opened(verified(case, request, *parts_of(case, request))))
    assert isinstance(error, ForgedError)
    assert (error.code, error.fields["author"]) == ("key_wrap_false", case.seats["claimant"].card.fingerprint)


def test_path_that_opens_to_another_key_names_the_depositor() -> None:
    """Two paths, two documents: the cipher would not mind, the commitment does."""
    case = build.accepted_case()
    author = case.seats["claimant"]
    made = build.seal_record(case.state, author)
    body, held = made.deed.body, case.state.current
    r = build.record_context(author.card.fingerprint, case.id, held.proposal, body.record)
    paths, secrets, seats = [], {}, {}
    for path in body.paths:
        own = [held.seat_public(seat) for seat in path.terms.policy.seats]
        context = build.path_context(r, path.terms_raw, own)
        sealed, secret = build.seal_path(
            context, body.commitment, build.bytes_of("another key"), path.terms.policy.shape, own
        )
        paths.append(replace(path, sealed=sealed))
        secrets[path.name], seats[path.name] = secret, own
    case.post(author, build.prove_body(replace(body, paths=tuple(paths)), secrets, seats))
    request = case.request(body.record, "settlement", READER)
    case.sign_off(request, "respondent", "mediator")
    error = refused(lambda: opened(verified(case, request, *parts_of(case, request))))
    assert isinstance(error, ForgedError)
    assert (error.code, error.fields["author"]) == ("commitment_false", author.card.fingerprint)


# Form


GOOD: Mapping[str, object] = {"format": bundles.FORMAT, "entries": ["x"], "shares": []}


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param({"format": "escrow.bundle.v2"}, id="other_format"),
        pytest.param({"entries": []}, id="no_entries"),
        pytest.param({"entries": [1]}, id="number_for_entry"),
        pytest.param({"entries": ["x"] * 20_001}, id="too_many_entries"),
        pytest.param({"shares": ["AB"]}, id="trailing_bits"),
        pytest.param({"shares": ["A" * 90_000]}, id="large_share"),
        pytest.param({"shares": None}, id="no_shares"),
        pytest.param({"more": 1}, id="unknown_field"),
    ],
)
def test_bundle_that_is_not_of_the_form_is_refused(spoiled: dict[str, object]) -> None:
    assert Bundle.parse(encode_json(dict(GOOD))).untrusted_entries == ("x",)
    with pytest.raises(MalformedError):
        Bundle.parse(encode_json({**GOOD, **spoiled}))


def test_bundle_beyond_the_limit_is_neither_made_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_BUNDLE", 100)
    with pytest.raises(TooLargeError):
        compose(["x" * 100], {})
    with pytest.raises(TooLargeError):
        Bundle.parse(b" " * 101)


@pytest.mark.parametrize("part", range(3))
def test_bundle_with_junk_for_an_entry_gives_nothing_but_our_errors(named: Released, part: int) -> None:
    case, _, request = named
    chain, shares = parts_of(case, request)
    for junk in ("", "..", "a.b.c", "x" * 100, chain[5][:-10], chain[5].replace(".", "..", 1)):
        spoiled = [*chain]
        spoiled[part * 3] = junk
        with pytest.raises((MalformedError, ForgedError, RefusedError)):
            verified(case, request, spoiled, shares)


@settings(max_examples=80, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), letter=st.sampled_from('AZaz09-_"{}[],.:'))
def test_bundle_with_a_letter_changed_opens_to_the_same_key_or_not_at_all(
    named: Released, at: float, letter: str
) -> None:
    case, record, request = named
    raw = compose(*parts_of(case, request)).decode()
    place = int(at * len(raw))
    spoiled = raw[:place] + letter + raw[place + 1 :]
    try:
        key = opened(Bundle.parse(spoiled.encode()).verify(case.id, request)).key
    except EscrowError:
        return
    assert key == case.sealed[record].key
