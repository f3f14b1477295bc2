"""Rules S4 and S5, wrong deeds first: above all dealings that were changed, copied or borrowed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.build import (
    CONVENOR,
    SEATS,
    START,
    Case,
    Sealed,
    accepted_case,
    charter,
    party,
    payload_of,
    prove_body,
    refit,
    reporting,
    seal_record,
    terms,
    with_other_keys,
)
from support.refusals import refuses

from escrow.crypto.dealing import Dealing
from escrow.crypto.group import BASE
from escrow.crypto.identity import Identity
from escrow.crypto.sealing import PathSecrets
from escrow.errors import ForgedError, MalformedError, RefusedError
from escrow.model.deeds import RecordSealed
from escrow.model.path import Audience, AudienceKind
from escrow.model.record import RecordBody, RecordPath
from escrow.model.wire import to_base64
from escrow.policy.text import parse as parse_policy

CLAIMANT, RESPONDENT, MEDIATOR = SEATS["claimant"], SEATS["respondent"], SEATS["mediator"]
NEWCOMER = party("newcomer")
Spoil = Callable[[RecordPath], RecordPath]


@pytest.fixture
def case() -> Case:
    return accepted_case()


def with_body(sealed: Sealed, **changed: object) -> RecordSealed:
    """The sealing with a changed body and the old proofs."""
    body = replace(sealed.deed.body, **changed)  # type: ignore[arg-type]
    return RecordSealed(body=body, body_raw=body.encode(), proofs=sealed.deed.proofs)


def with_path(sealed: Sealed, spoil: Spoil) -> RecordSealed:
    """The sealing with its first path changed and the old proofs."""
    first, *others = sealed.deed.body.paths
    return with_body(sealed, paths=(spoil(first), *others))


def reproved(case: Case, body: RecordBody, secrets: dict[str, PathSecrets]) -> RecordSealed:
    """A body proven anew by somebody who knows every e."""
    held = case.state.current
    seats = {path.name: [held.seat_public(seat) for seat in path.terms.policy.seats] for path in body.paths}
    return prove_body(body, secrets, seats)


def test_sealed_record_is_deposited_once_everybody_has_accepted(case: Case) -> None:
    record = case.deposit()
    found = case.state.records[record]
    assert (found.author, found.author_seats, found.charter) == (CLAIMANT.card, ("claimant",), case.id)
    assert set(found.paths) == {"settlement", "memo", "exchange"}


def test_deposit_before_every_seat_has_accepted_is_refused_and_names_them() -> None:
    made = seal_record(accepted_case().state, CLAIMANT)
    case = Case().open()
    case.accept("claimant")
    with refuses(RefusedError, "charter_not_accepted", state=case.state, seats=("respondent", "mediator")):
        case.post(CLAIMANT, made.deed)


def test_deposit_under_a_replaced_charter_is_refused(case: Case) -> None:
    made = seal_record(case.state, CLAIMANT)
    proposal = case.propose(charter(public_notice="new"))
    case.accept_all(proposal)
    with refuses(RefusedError, "charter_not_in_force", state=case.state, charter=case.id, current=proposal):
        case.post(CLAIMANT, made.deed)


def test_deposit_by_the_convenor_without_a_seat_is_refused(case: Case) -> None:
    made = seal_record(case.state, CONVENOR)
    with refuses(RefusedError, "not_a_seat", state=case.state, author=CONVENOR.card.fingerprint):
        case.post(CONVENOR, made.deed)


def test_deposit_by_one_who_had_not_seen_the_last_acceptance_is_refused(case: Case) -> None:
    entry_of_second_acceptance = case.state.head.n - 1
    early = replace(
        case.state.head, n=entry_of_second_acceptance, hash=case.state.entries[entry_of_second_acceptance]
    )
    raw = case.statement(CLAIMANT, seal_record(case.state, CLAIMANT).deed, head=early)
    with refuses(RefusedError, "reference_after_head", state=case.state, n=case.state.head.n):
        case.send(raw)


def test_another_deposit_under_a_taken_record_id_is_refused(case: Case) -> None:
    record = case.deposit("one")
    made = seal_record(case.state, RESPONDENT, "one", payload=payload_of("two"))
    with refuses(RefusedError, "record_taken", state=case.state, record=record):
        case.post(RESPONDENT, made.deed)


def test_payload_of_another_record_is_refused(case: Case) -> None:
    case.deposit("one")
    made = seal_record(case.state, RESPONDENT, "two", payload=payload_of("one"))
    with refuses(RefusedError, "upload_taken", state=case.state, upload=payload_of("one").upload):
        case.post(RESPONDENT, made.deed)


def test_correction_of_an_unknown_record_is_refused(case: Case) -> None:
    made = seal_record(case.state, CLAIMANT, replaces="00" * 16)
    with refuses(RefusedError, "record_unknown", state=case.state, record="00" * 16):
        case.post(CLAIMANT, made.deed)


def test_correction_points_at_the_record_it_replaces(case: Case) -> None:
    first = case.deposit("first")
    second = case.deposit("second", replaces=first)
    assert case.state.records[second].body.replaces == first


@pytest.mark.parametrize(
    ("path", "changed", "field"),
    [
        ("settlement", {"policy": parse_policy("any of (claimant, respondent, mediator)")}, "policy"),
        ("settlement", {"audience": Audience(kind=AudienceKind.PUBLIC)}, "audience"),
        ("exchange", {"audience": Audience(kind=AudienceKind.SEATS, seats=("claimant",))}, "audience"),
        ("settlement", {"not_before": START}, "not_before"),
    ],
)
def test_terms_that_differ_from_the_charters_are_refused(
    case: Case, path: str, changed: dict[str, object], field: str
) -> None:
    spoiled = replace(terms(case.state, path), **changed)  # type: ignore[arg-type]
    made = seal_record(case.state, CLAIMANT, paths=[spoiled])
    with refuses(RefusedError, "terms_differ_from_charter", state=case.state, path=path, field=field):
        case.post(CLAIMANT, made.deed)


def test_terms_without_the_date_that_the_charter_asks_for_are_refused(case: Case) -> None:
    made = seal_record(case.state, CLAIMANT, paths=[terms(case.state, "memo", not_before=None)])
    with refuses(RefusedError, "terms_need_a_date", state=case.state, path="memo"):
        case.post(CLAIMANT, made.deed)


def test_path_that_the_charter_does_not_have_is_refused(case: Case) -> None:
    made = seal_record(
        case.state, CLAIMANT, paths=[replace(terms(case.state, "settlement"), name="backdoor")]
    )
    with refuses(
        RefusedError,
        "path_not_in_charter",
        state=case.state,
        path="backdoor",
        paths=tuple(one.name for one in case.state.current.charter.paths),
    ):
        case.post(CLAIMANT, made.deed)


def replaced_share(path: RecordPath) -> RecordPath:
    dealing = path.sealed.dealing
    spoiled = Dealing(E=dealing.E, C=(dealing.C[0] + BASE, *dealing.C[1:]))
    return replace(path, sealed=replace(path.sealed, dealing=spoiled))


def swapped_shares(path: RecordPath) -> RecordPath:
    dealing = path.sealed.dealing
    spoiled = Dealing(E=dealing.E, C=(dealing.C[1], dealing.C[0], *dealing.C[2:]))
    return replace(path, sealed=replace(path.sealed, dealing=spoiled))


def other_p_hash(path: RecordPath) -> RecordPath:
    return replace(path, sealed=replace(path.sealed, p_hash=bytes(32)))


def other_key_wrap(path: RecordPath) -> RecordPath:
    return replace(path, sealed=replace(path.sealed, key_wrap=bytes(48)))


def swapped_envelopes(path: RecordPath) -> RecordPath:
    one, two, *others = path.sealed.envelopes
    return replace(path, sealed=replace(path.sealed, envelopes=(two, one, *others)))


def other_readers(path: RecordPath) -> RecordPath:
    """The charter leaves the readers open: only context and proof tie them to this sealing."""
    narrowed = replace(path.terms, audience=Audience(kind=AudienceKind.NAMED, cards=(party("mallory").card,)))
    return replace(path, terms=narrowed, terms_raw=narrowed.encode())


@pytest.mark.parametrize(
    "spoil", [replaced_share, swapped_shares, other_p_hash, other_key_wrap, swapped_envelopes]
)
def test_dealing_that_was_changed_after_its_proof_is_refused(case: Case, spoil: Spoil) -> None:
    made = seal_record(case.state, CLAIMANT)
    with refuses(
        ForgedError,
        "dealing_proof_false",
        state=case.state,
        path="settlement",
        author=CLAIMANT.card.fingerprint,
    ):
        case.post(CLAIMANT, with_path(made, spoil))


def test_dealing_with_one_share_replaced_and_proven_anew_is_refused(case: Case) -> None:
    """The depositor itself deals inconsistently: it knows e, and still has no proof."""
    made = seal_record(case.state, CLAIMANT)
    first, *others = made.deed.body.paths
    body = replace(made.deed.body, paths=(replaced_share(first), *others))
    with refuses(ForgedError, "dealing_proof_false", state=case.state, path="settlement"):
        case.post(CLAIMANT, reproved(case, body, dict(made.secrets)))


def test_deposit_copied_from_another_author_is_refused(case: Case) -> None:
    """A seat signs another's sealing as its own, to be handed shares of it under a label of its choice."""
    made = seal_record(case.state, CLAIMANT)
    mine, theirs = RESPONDENT.card.fingerprint, CLAIMANT.card.fingerprint
    with refuses(ForgedError, "sealed_by_another", state=case.state, author=mine, sealed_by=theirs):
        case.post(RESPONDENT, made.deed)


def renamed(made: Sealed) -> RecordSealed:
    return with_body(made, author=RESPONDENT.card.fingerprint)


def copied(made: Sealed) -> RecordSealed:
    other = seal_record(accepted_case().state, CLAIMANT, "other")
    return with_body(made, paths=other.deed.body.paths)


def readdressed(made: Sealed) -> RecordSealed:
    return with_path(made, other_readers)


@pytest.mark.parametrize(
    ("spoil", "author"), [(renamed, RESPONDENT), (copied, CLAIMANT), (readdressed, CLAIMANT)]
)
def test_dealing_taken_from_another_author_record_or_audience_is_refused(
    case: Case, spoil: Callable[[Sealed], RecordSealed], author: Identity
) -> None:
    """First as it is: then nobody is named, since the chain may be what is false. Then with the context put
    right: then its signer saw these very keys, and is named.
    """
    deed = spoil(seal_record(case.state, CLAIMANT))
    with refuses(ForgedError, "path_context_differs", state=case.state, path="settlement", author=None):
        case.post(author, deed)
    body = refit(case.state, deed.body)
    mended = replace(deed, body=body, body_raw=body.encode())
    name = author.card.fingerprint
    with refuses(ForgedError, "dealing_proof_false", state=case.state, path="settlement", author=name):
        case.post(author, mended)


def test_deposit_under_seat_keys_that_the_depositor_never_saw_names_nobody(case: Case) -> None:
    """The mediator signed two acceptances, and the operator shows each to others."""
    made = seal_record(case.state, CLAIMANT)
    fork = Case(chain=with_other_keys(case))
    with refuses(ForgedError, "path_context_differs", state=fork.state, path="settlement", author=None):
        fork.post(CLAIMANT, made.deed)


def test_dealing_copied_from_another_path_is_refused(case: Case) -> None:
    made = seal_record(case.state, CLAIMANT)
    settlement, memo, exchange = made.deed.body.paths
    moved = replace(settlement, sealed=replace(exchange.sealed))
    others = with_body(made, paths=(moved, memo))
    deed = replace(others, proofs=(made.deed.proofs[2], made.deed.proofs[1]))
    with refuses(ForgedError, "dealing_proof_false", state=case.state, path="settlement"):
        case.post(CLAIMANT, deed)


def test_proofs_in_another_order_are_refused(case: Case) -> None:
    made = seal_record(case.state, CLAIMANT)
    with refuses(ForgedError, "dealing_proof_false", state=case.state):
        case.post(CLAIMANT, replace(made.deed, proofs=made.deed.proofs[::-1]))


def test_dealing_key_used_in_an_earlier_record_is_refused_whoever_knows_it(case: Case) -> None:
    case.deposit("first")
    first = case.sealed[next(iter(case.sealed))]
    made = seal_record(case.state, CLAIMANT, "second")
    borrowed = replace(made.deed.body, paths=first.deed.body.paths)
    with refuses(RefusedError, "dealing_key_reused", state=case.state, path="settlement"):
        case.post(CLAIMANT, reproved(case, borrowed, dict(first.secrets)))


def test_dealing_key_used_twice_in_one_statement_is_refused(case: Case) -> None:
    made = seal_record(case.state, CLAIMANT)
    settlement, memo, exchange = made.deed.body.paths
    E = settlement.sealed.dealing.E
    twin = replace(exchange, sealed=replace(exchange.sealed, dealing=replace(exchange.sealed.dealing, E=E)))
    with refuses(RefusedError, "dealing_key_reused"):
        with_body(made, paths=(settlement, memo, twin))


@pytest.mark.parametrize(
    ("point", "code"),
    [
        (bytes([1]) + bytes(31), "point_identity"),
        (bytes(32), "point_not_in_group"),
        (b"\xff" * 32, "point_not_canonical"),
        (bytes([2]) + bytes(31), "point_not_in_group"),
    ],
    ids=["identity", "low order", "not canonical", "not on the curve"],
)
def test_points_that_are_none_of_the_group_are_refused(case: Case, point: bytes, code: str) -> None:
    made = seal_record(case.state, CLAIMANT, paths=[terms(case.state, "settlement")])
    honest = to_base64(made.deed.body.paths[0].sealed.dealing.C[1].encode())
    raw = made.deed.body_raw.replace(honest.encode(), to_base64(point).encode())
    assert raw != made.deed.body_raw
    with refuses(MalformedError, code, state=case.state, field="body.paths[0].C[1]"):
        case.post(CLAIMANT, replace(made.deed, body_raw=raw))


def test_report_by_another_than_the_holder_as_sealed_is_refused(case: Case) -> None:
    record = case.deposit()
    with refuses(RefusedError, "not_the_holder", state=case.state, seat="claimant"):
        case.seats["claimant"] = RESPONDENT  # type: ignore[index]
        case.report(record, "settlement", "claimant")


def test_report_by_the_new_holder_of_a_seat_about_an_old_record_is_refused(case: Case) -> None:
    record = case.deposit()
    case.seats = {**SEATS, "newcomer": NEWCOMER}
    case.accept_all(case.propose(charter(seats={**SEATS, "respondent": NEWCOMER})))
    case.seats = {**SEATS, "respondent": NEWCOMER}
    with refuses(RefusedError, "not_the_holder", state=case.state, seat="respondent"):
        case.report(record, "settlement", "respondent")


def test_report_about_another_dealing_than_the_records_is_refused(case: Case) -> None:
    record = case.deposit()
    deed = replace(reporting(case.state, record, "settlement", "mediator"), dealing="00" * 32)
    with refuses(RefusedError, "dealing_differs", state=case.state, path="settlement", dealing="00" * 32):
        case.post(MEDIATOR, deed)


def test_report_for_a_seat_outside_the_path_is_refused(case: Case) -> None:
    record = case.deposit()
    with refuses(RefusedError, "seat_not_in_path", state=case.state, seat="mediator", path="memo"):
        case.report(record, "memo", "mediator")


@pytest.mark.parametrize(
    ("record", "path", "code"),
    [(None, "backdoor", "path_not_in_record"), ("00" * 16, "memo", "record_unknown")],
)
def test_report_about_nothing_is_refused(case: Case, record: str | None, path: str, code: str) -> None:
    known = case.deposit()
    with refuses(RefusedError, code, state=case.state):
        case.report(record or known, path, "claimant")


def test_second_report_of_the_same_envelope_is_refused(case: Case) -> None:
    record = case.deposit()
    case.report(record, "settlement", "mediator")
    with refuses(RefusedError, "already_reported", state=case.state, path="settlement", seat="mediator"):
        case.report(record, "settlement", "mediator")
    assert case.state.records[record].reports == (("settlement", "mediator", case.state.head.n),)


def test_record_sealed_under_an_old_charter_keeps_its_seats_and_paths(case: Case) -> None:
    record = case.deposit()
    before = case.state.records[record]
    case.seats = {**SEATS, "newcomer": NEWCOMER}
    case.accept_all(case.propose(charter(seats={**SEATS, "respondent": NEWCOMER})))
    assert case.state.records[record] == before
    late = terms(case.state, "memo", not_before=START + timedelta(days=1))
    renewed = seal_record(case.state, CLAIMANT, paths=[late]).deed.body
    assert (renewed.charter, before.charter) == (case.state.in_force, case.id)
