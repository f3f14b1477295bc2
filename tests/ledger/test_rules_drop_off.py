"""Rule S10, wrong deeds first: orders that nobody gave, sealings that do not follow them."""

from dataclasses import replace

import pytest
from support import build, dropping
from support.build import CONVENOR, SEATS, SERVICE, Case, party
from support.refusals import refuses

from escrow.crypto.card import Card
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError
from escrow.ledger import jws
from escrow.ledger.audit import audit
from escrow.ledger.order import UnverifiedOrder
from escrow.model.deeds import RecordDroppedOff
from escrow.model.drop_off import TYP

CLAIMANT, RESPONDENT = SEATS["claimant"], SEATS["respondent"]
SERVICE_FP = SERVICE.card.fingerprint


@pytest.fixture
def case() -> Case:
    return dropping.case_with_drop_offs()


def test_a_record_dropped_off_is_the_depositor_s_and_the_service_s_to_answer_for(case: Case) -> None:
    made = dropping.dropped(case.state, CLAIMANT)
    case.post(SERVICE, made.deed)
    (record,) = case.state.records.values()
    assert (record.author, record.depositor, record.author_seats) == (
        SERVICE.card,
        CLAIMANT.card,
        ("claimant",),
    )
    assert record.ordered is not None
    assert record.ordered.hash == UnverifiedOrder.parse(made.deed.order).hash
    assert case.state.charged[CLAIMANT.card.fingerprint] > case.state.charged.get(SERVICE_FP, 0) == 0


def test_drop_off_in_a_case_whose_charter_does_not_allow_it_is_refused() -> None:
    case = build.accepted_case()
    with refuses(RefusedError, "drop_off_not_allowed", state=case.state):
        case.post(SERVICE, dropping.dropped(case.state, CLAIMANT).deed)


def test_drop_off_by_an_order_under_a_replaced_charter_is_refused(case: Case) -> None:
    made = dropping.dropped(case.state, CLAIMANT)
    proposal = case.propose(build.charter(public_notice="no drop-offs any more"))
    case.accept_all(proposal)
    with refuses(RefusedError, "charter_not_in_force", state=case.state, current=proposal):
        case.post(SERVICE, made.deed)
    with refuses(RefusedError, "drop_off_not_allowed", state=case.state):
        case.post(SERVICE, dropping.dropped(case.state, CLAIMANT).deed)


def test_drop_off_before_every_seat_has_accepted_is_refused() -> None:
    case = Case().open(dropping.charter())
    made = dropping.dropped(dropping.case_with_drop_offs().state, CLAIMANT, quoted={"case": case.id})
    with refuses(RefusedError, "charter_not_accepted", state=case.state):
        case.post(SERVICE, made.deed)


def test_order_of_one_without_a_seat_is_refused(case: Case) -> None:
    with refuses(RefusedError, "not_a_seat", state=case.state, author=CONVENOR.card.fingerprint):
        case.post(SERVICE, dropping.dropped(case.state, CONVENOR).deed)


def test_order_of_a_stranger_blames_the_service(case: Case) -> None:
    stranger = party("stranger")
    with refuses(
        ForgedError,
        "order_signer_unknown",
        state=case.state,
        signer=stranger.card.fingerprint,
        author=SERVICE_FP,
    ):
        case.post(SERVICE, dropping.dropped(case.state, stranger).deed)


def test_order_under_another_s_name_blames_the_service_and_not_the_name(case: Case) -> None:
    order, _, _ = dropping.order_of(case.state)
    forged = jws.sign(RESPONDENT, TYP, order.emit())
    header = jws.sign(CLAIMANT, TYP, order.emit()).partition(".")[0]
    raw = ".".join((header, *forged.split(".")[1:]))
    made = dropping.dropped(case.state, CLAIMANT, raw=raw)
    with refuses(
        ForgedError,
        "order_signature_false",
        state=case.state,
        signer=CLAIMANT.card.fingerprint,
        author=SERVICE_FP,
    ):
        case.post(SERVICE, made.deed)


def test_order_by_a_card_of_low_order_has_no_place_in_any_case(case: Case) -> None:
    """Under such a key one signature fits every message; no charter can name it, so no case knows it."""
    with pytest.raises(MalformedError):
        Card(bytes(32))
    order, _, _ = dropping.order_of(case.state)
    parts = jws.sign(CLAIMANT, TYP, order.emit()).split(".")
    raw = ".".join((*parts[:2], "A" * 86))
    with refuses(ForgedError, "order_signature_false", state=case.state):
        case.post(SERVICE, dropping.dropped(case.state, CLAIMANT, raw=raw).deed)


def test_words_signed_for_another_use_are_no_order(case: Case) -> None:
    order, _, _ = dropping.order_of(case.state)
    raw = jws.sign(CLAIMANT, "escrow.note.v1", order.emit())
    with refuses(MalformedError, "jws_typ_unexpected", state=case.state):
        case.post(SERVICE, dropping.dropped(case.state, CLAIMANT, raw=raw).deed)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"case": "ab" * 32}, "order_for_other_case"),
        ({"service": party("another service").card}, "order_for_other_service"),
    ],
)
def test_order_for_elsewhere_is_refused(case: Case, changed: dict[str, object], code: str) -> None:
    with refuses(RefusedError, code, state=case.state):
        case.post(SERVICE, dropping.dropped(case.state, CLAIMANT, changed=changed).deed)


@pytest.mark.parametrize("field", ["record", "label", "replaces", "length", "paths"])
def test_sealing_that_does_not_follow_its_order_blames_the_service(case: Case, field: str) -> None:
    earlier = case.deposit("earlier")
    order, _, _ = dropping.order_of(case.state)
    other: dict[str, object] = {
        "record": "cd" * 16,
        "label": build.SEALED,
        "replaces": earlier,
        "length": order.length + 16,
        "paths": order.paths[:1],
    }
    made = dropping.dropped(case.state, CLAIMANT, quoted={field: other[field]})
    with refuses(ForgedError, "order_not_followed", state=case.state, field=field, author=SERVICE_FP):
        case.post(SERVICE, made.deed)


def test_terms_that_the_charter_does_not_have_are_refused(case: Case) -> None:
    order, _, _ = dropping.order_of(case.state)
    wider = replace(order.paths[0][0], policy=order.paths[2][0].policy)
    changed = {"paths": ((wider, wider.encode()),)}
    with refuses(RefusedError, "terms_differ_from_charter", state=case.state, field="policy"):
        case.post(SERVICE, dropping.dropped(case.state, CLAIMANT, changed=changed).deed)


def test_an_order_enters_once_whatever_is_sealed_by_it(case: Case) -> None:
    case.post(SERVICE, dropping.dropped(case.state, CLAIMANT).deed)
    again = dropping.dropped(case.state, CLAIMANT)
    with refuses(RefusedError, "record_taken", state=case.state):
        case.post(SERVICE, again.deed)


def test_a_seat_cannot_state_a_drop_off_nor_the_service_a_deposit(case: Case) -> None:
    made = dropping.dropped(case.state, CLAIMANT)
    with refuses(NotFoundError, "author_unknown", state=case.state):
        case.post(CLAIMANT, made.deed)
    with refuses(NotFoundError, "author_unknown", state=case.state):
        case.post(SERVICE, made.deed.sealed)


def test_another_party_s_sealing_is_not_the_service_s_to_state(case: Case) -> None:
    sealed = build.seal_record(case.state, CLAIMANT)
    order, _, _ = dropping.order_of(case.state)
    body = sealed.deed.body
    order = replace(
        order,
        label=body.label,
        length=body.payload.length,
        paths=tuple((path.terms, path.terms_raw) for path in body.paths),
    )
    raw = jws.sign(CLAIMANT, TYP, order.emit())
    deed = RecordDroppedOff(sealed=sealed.deed, order=raw, salt=bytes(72))
    with refuses(ForgedError, "sealed_by_another", state=case.state, author=SERVICE_FP):
        case.post(SERVICE, deed)


def test_false_dealing_in_a_drop_off_blames_the_service(case: Case) -> None:
    deed = dropping.dropped(case.state, CLAIMANT).deed
    proofs = (deed.sealed.proofs[1], deed.sealed.proofs[0], *deed.sealed.proofs[2:])
    with pytest.raises(ForgedError) as caught:
        case.post(SERVICE, replace(deed, sealed=replace(deed.sealed, proofs=proofs)))
    assert caught.value.fields["author"] == SERVICE_FP


def test_audit_of_a_chain_with_a_false_order_names_the_service(case: Case) -> None:
    """A lying service lets its own false sealing enter; nobody that it quotes is named for it."""
    chain = case.chain
    assert isinstance(chain, build.MemoryChain)
    stranger = party("stranger")
    made = dropping.dropped(case.state, stranger)
    raw = case.statement(SERVICE, made.deed)
    head = case.state.head
    entry = build.entries.compose(
        SERVICE, case=case.id, n=head.n + 1, prev=head.hash, received_at=chain.clock(), statement=raw
    )
    report = audit([*chain.entries, entry], lambda _: None, None)
    assert [(fault.code, fault.party) for fault in report.faults] == [("order_signer_unknown", SERVICE_FP)]
