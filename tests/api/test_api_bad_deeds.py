"""Well-formed statements that break a rule, over HTTP: a code, status 4xx, and storage as it was."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support import build
from support.deeds import asking
from support.office import Office, tree

from escrow.crypto.identity import Identity
from escrow.ledger import jws
from escrow.model.deeds import AnyDeed, CaseOpened, CharterAccepted, RecordSealed, SignOffWithdrawn
from escrow.model.record import RecordBody

ARBITRATOR, NEWCOMER = build.party("arbitrator"), build.party("newcomer")
CLAIMANT, MEDIATOR, RESPONDENT = (build.SEATS[seat] for seat in ("claimant", "mediator", "respondent"))


@dataclass(frozen=True, kw_only=True)
class World:
    """A case with a record that was asked for, a sign-off that was withdrawn, and an upload to deposit."""

    office: Office
    case: build.Case
    record: str
    request: str
    withdrawn: str
    sealed: build.Sealed
    proposal: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    office = Office(tmp_path_factory.mktemp("deeds"))
    case = office.accepted()
    record = office.deposited(case)
    request = case.request(record, "settlement", ARBITRATOR)
    deed, raw = build.answer(case.state, request, "claimant", CLAIMANT)
    case.shares[deed.shares] = raw
    withdrawn = case.statement(CLAIMANT, deed)
    case.withdraw(request, "claimant", case.send(withdrawn))
    payload = office.stored(case.id, "second")
    sealed = build.seal_record(case.state, CLAIMANT, "second", payload=payload)
    proposal = case.propose(build.charter(seats={**build.SEATS, "expert": NEWCOMER}))
    return World(
        office=office, case=case, record=record, request=request, withdrawn=withdrawn, sealed=sealed,
        proposal=proposal,
    )  # fmt: skip


def signed(world: World, who: Identity, deed: AnyDeed) -> str:
    return world.case.statement(who, deed)


def resealed(world: World, spoil: Callable[[RecordBody], RecordBody]) -> str:
    """The second record's sealing with another body, and the proofs that were made for the first one."""
    body = spoil(world.sealed.deed.body)
    deed = RecordSealed(body=body, body_raw=body.encode(), proofs=world.sealed.deed.proofs)
    return signed(world, CLAIMANT, deed)


def swapped_shares(body: RecordBody) -> RecordBody:
    first, *others = body.paths
    dealing = first.sealed.dealing
    turned = replace(dealing, C=(dealing.C[1], dealing.C[0], *dealing.C[2:]))
    return replace(body, paths=(replace(first, sealed=replace(first.sealed, dealing=turned)), *others))


def asked(world: World, *tickets: str, path: str = "settlement") -> str:
    return signed(world, CLAIMANT, asking(world.case.state, world.record, path, tickets))


def ticketed(world: World, who: Identity = ARBITRATOR, **spoiled: str) -> str:
    return build.ticket(world.case.state, world.record, "settlement", who, **spoiled)


def forged_ticket(world: World) -> str:
    """The arbitrator's ticket, signed by somebody else."""
    honest = jws.UnverifiedJws.parse(ticketed(world), limit=10_000, field="ticket")
    liar = build.party("mallory")
    return honest.compact.rpartition(".")[0] + "." + jws.sign(liar, "x", {}).rpartition(".")[2]


def signed_off(world: World, request: str, seat: str, who: Identity) -> tuple[str, bytes]:
    deed, raw = build.answer(world.case.state, request, "claimant", CLAIMANT)
    return signed(world, who, replace(deed, seat=seat)), raw


def borrowed_keys(world: World) -> str:
    """The newcomer accepts with the claimant's opening key, as if it could prove it."""
    keys = CLAIMANT.seat_keys(world.case.id, "claimant")
    deed = build.acceptance(world.case.id, world.proposal, "expert", NEWCOMER, keys=keys)
    return signed(world, NEWCOMER, deed)


def accepted_by(world: World, who: Identity, seat: str, **changed: str) -> str:
    deed: CharterAccepted = build.acceptance(world.case.id, world.proposal, seat, who)
    return signed(world, who, replace(deed, **changed))


def proposed_for(world: World, replaces: str) -> str:
    deed = build.proposing(world.case.state, build.charter(), build.CONVENOR)
    return signed(world, build.CONVENOR, replace(deed, replaces=replaces))


Made = str | tuple[str, bytes]
DEEDS: dict[str, tuple[int, str, Callable[[World], Made]]] = {
    "taken record id": (
        409, "record_taken", lambda w: resealed(w, lambda body: replace(body, record=w.record))
    ),
    "sealed by another": (422, "sealed_by_another", lambda w: signed(w, MEDIATOR, w.sealed.deed)),
    "shares exchanged": (422, "dealing_proof_false", lambda w: resealed(w, swapped_shares)),
    "E used before": (
        409, "dealing_key_reused", lambda w: resealed(
            w, lambda body: replace(body, paths=w.case.state.records[w.record].body.paths)
        )
    ),
    "upload of another record": (
        409, "upload_taken", lambda w: resealed(
            w, lambda body: replace(body, payload=w.case.state.records[w.record].body.payload)
        )
    ),
    "payload that is not there": (
        409, "payload_not_uploaded", lambda w: signed(
            w, CLAIMANT, build.seal_record(w.case.state, CLAIMANT, "third").deed
        )
    ),
    "ticket of another signer": (422, "ticket_signature_false", lambda w: asked(w, forged_ticket(w))),
    "ticket for another case": (
        409, "ticket_for_other_dealing", lambda w: asked(w, ticketed(w, case="00" * 32))
    ),
    "ticket for another dealing": (
        409, "ticket_for_other_dealing", lambda w: asked(w, ticketed(w, dealing="00" * 32))
    ),
    "no ticket": (409, "tickets_missing", lambda w: asked(w)),
    "reader not entitled": (403, "reader_not_entitled", lambda w: asked(
        w, build.ticket(w.case.state, w.record, "exchange", ARBITRATOR), path="exchange"
    )),
    "seat outside the path": (
        409, "seat_not_in_path", lambda w: signed_off(w, w.request, "expert", NEWCOMER)
    ),
    "anothers seat": (403, "not_the_holder", lambda w: signed_off(w, w.request, "claimant", MEDIATOR)),
    "withdrawn sign-off again": (409, "sign_off_withdrawn", lambda w: w.withdrawn),
    "withdrawal of anothers": (409, "withdrawal_names_another", lambda w: signed(
        w, CLAIMANT, SignOffWithdrawn(
            request=w.request, seat="claimant", reason=None, sign_off=next(iter(w.case.state.requests))
        )
    )),
    "charter in place of one not in force": (
        409, "charter_not_current", lambda w: proposed_for(w, w.proposal)
    ),
    "acceptance of nothing": (
        409, "charter_unknown", lambda w: accepted_by(w, NEWCOMER, "expert", proposal="00" * 32)
    ),
    "acceptance for anothers seat": (403, "not_the_holder", lambda w: accepted_by(w, NEWCOMER, "claimant")),
    "one opening key in two seats": (409, "opening_key_taken", borrowed_keys),
}  # fmt: skip


@pytest.mark.parametrize("kind", DEEDS)
def test_deed_that_breaks_a_rule_is_refused_and_changes_nothing(world: World, kind: str) -> None:
    status, code, make = DEEDS[kind]
    made = make(world)
    raw, attachment = made if isinstance(made, tuple) else (made, None)
    before = tree(world.office.folder)
    answer = world.office.post(world.case.id, raw, attachment)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert tree(world.office.folder) == before


POLICIES = {
    "unknown seat": "2 of (claimant, nobody)",
    "repeated seat": "2 of (claimant, claimant, mediator)",
    "k of zero": "0 of (claimant, mediator)",
    "k out of range": "3 of (claimant, mediator)",
    "empty gate": "any of ()",
}


@pytest.mark.parametrize("kind", POLICIES)
def test_opening_with_a_policy_that_cannot_be_meant_is_refused_and_leaves_nothing(
    tmp_path: Path, kind: str
) -> None:
    office = Office(tmp_path)
    honest = jws.UnverifiedJws.parse(build.opening(), limit=10**6, field="statement")
    words = honest.payload.replace(b"2 of (claimant, respondent, mediator)", POLICIES[kind].encode())
    before = tree(tmp_path)
    answer = office.post(None, jws.sign(build.CONVENOR, CaseOpened.TYP, json.loads(words)))
    assert answer.status_code in (400, 409)
    assert answer.get_json()["code"].startswith(("policy_", "seat_", "gate_"))
    assert tree(tmp_path) == before
