"""The one state machine: what a case is, is what replaying its entries says.

Pure: no store, no clock. The service asks `admit` before it appends, and everybody (service, client, scripts,
auditor) calls `extend` for every entry there is. Both apply the same rules, checks before changes: a refusal
leaves the state as it was. Rules L1 to L4 are here, L5 in signer.py, S1 to S10 in rules_*.py, all numbered as
in README.md.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from escrow.crypto.card import Card
from escrow.errors import ForgedError, NotFoundError, RefusedError
from escrow.ledger import room, rules_charter, rules_note, rules_record, rules_release
from escrow.ledger.entry import Entry
from escrow.ledger.scene import Effect, Scene
from escrow.ledger.signer import read_any, require_signer
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement, UnverifiedStatement
from escrow.model.deeds import (
    CaseOpened,
    CharterAccepted,
    CharterProposed,
    EnvelopeReported,
    Note,
    RecordDroppedOff,
    RecordSealed,
    ReleaseRequested,
    SignedOff,
    SignOffWithdrawn,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A statement that may enter; `already` is its entry's number if it did."""

    statement: Statement
    already: int | None


def judge_opening(raw: str, *, at: datetime, service: Card) -> Admitted:
    """S1, for a service with this card, asked at `at`. Forged, refused or malformed: raises."""
    statement = verify_opening(raw)
    rules_charter.require_service(_opening_deed(statement), service)
    return Admitted(statement=statement, already=None)


def verify_opening(raw: str) -> Statement:
    """S1 but for whose service it is: by its own convenor."""
    statement = UnverifiedStatement.parse(raw).verify_opening()
    _opening_deed(statement)
    return statement


def admit(state: CaseState, raw: str, *, at: datetime) -> Admitted:
    """All rules, as if the statement were received at `at`; the state is unchanged, whatever the answer."""
    return admit_verified(state, verify(state, raw), at=at)


def admit_verified(state: CaseState, statement: Statement, *, at: datetime) -> Admitted:
    """As `admit`, of a statement whose signature has been checked; L2 then asks whose it is."""
    if state.card_for(statement.deed.TYP, statement.author.fingerprint) != statement.author:
        raise NotFoundError("author_unknown", author=statement.author.fingerprint)
    scene = _scene(state, statement, n=state.head.n + 1, at=max(at, state.received_at))
    already = _require_enterable(scene)
    if already is None:
        _judge(scene)
    return Admitted(statement=statement, already=already)


def extend(
    state: CaseState | None,
    entry_raw: str,
    *,
    service: Card | None = None,
    sparse: bool = False,
    proofs: bool = True,
    texts: bool = True,
) -> CaseState:
    """The state with one entry more (the same object, changed; a new one for the first entry, `state` None).

    `service`: the card expected to have signed the first entry. `sparse`: entries between may be missing, as
    in a bundle; then numbers must grow, and hashes are compared where they are known. `proofs` False: proofs
    are taken as checked before. `texts` False: notes are left out of the state, by a service that can
    read none.
    """
    if state is None:
        return _first(entry_raw, service)
    entry = read_any(state, entry_raw)
    _require_place(state, entry, sparse=sparse)
    require_signer(state, entry)
    statement = verify(state, entry.statement_raw)
    return _extended(state, entry, statement, proofs=proofs, sparse=sparse, texts=texts)


def extend_own(state: CaseState, entry_raw: str, statement: Statement, signer: Card) -> CaseState:
    """As `extend` for a service, with an entry just signed by `signer`, of what it has admitted."""
    entry = Entry.read_own(entry_raw, signer)
    _require_place(state, entry, sparse=False)
    return _extended(state, entry, statement, proofs=False, sparse=False, texts=False)


def _extended(
    state: CaseState, entry: Entry, statement: Statement, *, proofs: bool, sparse: bool, texts: bool
) -> CaseState:
    scene = _scene(
        state, statement, n=entry.n, at=entry.received_at, proofs=proofs, sparse=sparse, texts=texts
    )
    already = _require_enterable(scene)
    if already is not None:
        raise RefusedError("statement_twice", n=entry.n, first=already)
    effect = _judge(scene)
    payer = room.payer(statement)
    taken = state.charged.get(payer, 0) + room.charge(state, statement.deed)
    before = state.service
    effect()
    state.charged[payer] = taken
    state.statements[statement.hash] = entry.n
    state.entries[entry.n] = entry.hash
    state.note_signer(entry.n, entry.signer)
    state.head = entry.head
    if entry.signer in (before, state.service):  # L5: no other card has a clock that the case goes by
        state.received_at = entry.received_at
    return state


def _first(entry_raw: str, service: Card | None) -> CaseState:
    """L1 and S1 for entry 0."""
    entry = Entry.read_opening(entry_raw)
    statement = UnverifiedStatement.parse(entry.statement_raw).verify_opening()
    deed = _opening_deed(statement)
    if service is not None and deed.charter.service.card != service:
        raise ForgedError("service_card_unexpected", expected=service.fingerprint)
    if entry.n != 0:
        raise ForgedError("entry_out_of_order", n=entry.n, expected=0)
    if entry.case != statement.hash:
        raise ForgedError("entry_of_other_case", n=entry.n)
    return rules_charter.open_case(statement, deed, entry=entry.hash, at=entry.received_at)


def _require_place(state: CaseState, entry: Entry, *, sparse: bool) -> None:
    """L1: the service itself is at fault where an entry it signed does not continue the chain."""
    if entry.case != state.case:
        raise ForgedError("entry_of_other_case", n=entry.n)
    expected = state.head.n + 1
    if entry.n < expected or (entry.n > expected and not sparse):
        raise ForgedError("entry_out_of_order", n=entry.n, expected=expected)
    if state.entries.get(entry.n - 1, entry.prev) != entry.prev:
        raise ForgedError("entry_chain_broken", n=entry.n)
    if entry.received_at < state.received_at:
        raise ForgedError("entry_time_backwards", n=entry.n)


def verify(state: CaseState, raw: str) -> Statement:
    """L2: signed by the card that it names, one that the case knows. A stranger is told no more than that."""
    untrusted = UnverifiedStatement.parse(raw)
    card = state.card_for(untrusted.typ, untrusted.kid)
    if card is None:
        raise NotFoundError("author_unknown", author=untrusted.kid)
    return untrusted.verify(card)


def _scene(
    state: CaseState,
    statement: Statement,
    *,
    n: int,
    at: datetime,
    proofs: bool = True,
    sparse: bool = False,
    texts: bool = True,
) -> Scene:
    head_n = 0 if statement.head is None else statement.head.n
    return Scene(
        state=state, statement=statement, n=n, at=at, head_n=head_n, proofs=proofs, sparse=sparse, texts=texts
    )


def _require_enterable(scene: Scene) -> int | None:
    """L3 and L4. The entry's number where the statement is on the chain already."""
    state, statement = scene.state, scene.statement
    if isinstance(statement.deed, SignedOff):
        rules_release.require_not_barred(scene, statement.deed)
    already = state.statements.get(statement.hash)
    if already is not None:
        return already
    if isinstance(statement.deed, CaseOpened) or statement.case != state.case:
        raise RefusedError("statement_for_other_case", case=statement.case or statement.hash)
    if statement.head is None or statement.head.n >= scene.n:
        raise RefusedError("head_unknown", n=scene.head_n, known=scene.n - 1)
    if state.entries.get(statement.head.n, statement.head.hash) != statement.head.hash:
        raise RefusedError("head_not_of_case", n=statement.head.n)
    return None


def _judge(scene: Scene) -> Effect:
    """The rule of this kind of statement."""
    match scene.statement.deed:
        case CharterProposed() as deed:
            return rules_charter.propose(scene, deed)
        case CharterAccepted() as deed:
            return rules_charter.accept(scene, deed)
        case RecordSealed() as deed:
            return rules_record.deposit(scene, deed)
        case RecordDroppedOff() as deed:
            return rules_record.drop_off(scene, deed)
        case EnvelopeReported() as deed:
            return rules_record.report(scene, deed)
        case ReleaseRequested() as deed:
            return rules_release.request(scene, deed)
        case SignedOff() as deed:
            return rules_release.sign_off(scene, deed)
        case SignOffWithdrawn() as deed:
            return rules_release.withdraw(scene, deed)
        case Note() as deed:
            return rules_note.note(scene, deed)
        case CaseOpened():
            raise RefusedError("statement_for_other_case", case=scene.hash)
        case _ as other:
            assert_never(other)


def _opening_deed(statement: Statement) -> CaseOpened:
    if not isinstance(statement.deed, CaseOpened):
        raise RefusedError("opening_expected", typ=statement.deed.TYP)
    return statement.deed
