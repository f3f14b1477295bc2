"""Snapshots: what is damaged, forged or of something else is refused, and what is read is the very state."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from support.build import SEATS, SERVICE, Case, MemoryChain, accepted_case, charter, party, released_case
from support.refusals import refuses, snapshot

from escrow.crypto.transcript import Label, digest
from escrow.errors import ForgedError, MalformedError
from escrow.ledger import jws
from escrow.ledger import snapshot as snapshots
from escrow.ledger.replay import extend
from escrow.ledger.snapshot import TYP, dump, freeze, restore, seal, unseal
from escrow.ledger.state import CaseState
from escrow.ledger.written import describe
from escrow.model.wire import Json, encode_json

OTHER = "ab" * 32


@pytest.fixture(scope="module")
def case() -> Case:
    """One of everything: a record that replaces another, a report, a release, a withdrawal, a charter that
    was replaced, one that lapsed and one that is pending.
    """
    found = accepted_case()
    first = found.deposit("first")
    found.deposit("second", replaces=first)
    asked = found.request(first, "settlement", SEATS["claimant"], party("reader"))
    found.sign_off(asked, *sorted(SEATS)[:2])
    open_still = found.request(first, "settlement", party("reader"))
    (mine,) = found.sign_off(open_still, "claimant")
    found.withdraw(open_still, "claimant", mine)
    found.report(first, "settlement", "mediator")
    found.propose(charter(public_notice="lapses"))
    found.accept_all(found.propose(charter(public_notice="comes into force")))
    found.propose(charter(public_notice="is pending"))
    found.note()
    return found


def resigned(raw: bytes, change: Callable[[Json], None]) -> bytes:
    """The state changed, and signed anew by the service itself: what only its own code could get wrong."""
    body = json.loads(raw.partition(b"\n")[2])
    change(body)
    return signed(encode_json(body), raw)


def signed(body: bytes, raw: bytes, **told: Any) -> bytes:
    payload = json.loads(
        jws.UnverifiedJws.parse(raw.partition(b"\n")[0].decode(), limit=10**4, field="x").payload
    )
    payload |= {"length": len(body), "digest": digest(Label.SNAPSHOT, body).hex()} | told
    return jws.sign(SERVICE, TYP, payload).encode() + b"\n" + body


def opened(raw: bytes, case: Case) -> CaseState:
    return unseal(raw, service=SERVICE.card, case=case.id)


def test_what_is_read_back_is_the_very_state(case: Case) -> None:
    assert snapshot(opened(seal(SERVICE, case.state), case)) == snapshot(case.state)
    assert dump(restore(dump(case.state))) == dump(case.state)


def test_copy_does_not_change_with_the_case() -> None:
    growing = accepted_case()
    frozen = freeze(growing.state)
    before = snapshot(frozen)
    growing.deposit()
    growing.propose(charter(public_notice="another"))
    assert snapshot(frozen) == before != snapshot(growing.state)


def test_snapshot_signed_by_somebody_else_is_refused(case: Case) -> None:
    raw = seal(party("another service"), case.state)
    with refuses(ForgedError, "signature_false"):
        opened(raw, case)


def test_entry_is_no_signature_of_a_snapshot(case: Case) -> None:
    body = seal(SERVICE, case.state).partition(b"\n")[2]
    entry = case.chain.entries[0]  # type: ignore[attr-defined]
    with pytest.raises((MalformedError, ForgedError)):
        opened(entry.encode() + b"\n" + body, case)
    short = jws.sign(SERVICE, "escrow.entry.v1", {"case": case.id})
    with refuses(MalformedError, "jws_typ_unexpected"):
        opened(short.encode() + b"\n" + body, case)


def test_snapshot_of_another_case_is_refused(case: Case) -> None:
    raw = seal(SERVICE, case.state)
    with refuses(MalformedError, "snapshot_malformed"):
        unseal(raw, service=SERVICE.card, case=OTHER)


def test_snapshot_of_another_form_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = seal(SERVICE, case.state)
    monkeypatch.setattr(snapshots, "FORM", "0" * 16)
    with refuses(MalformedError, "snapshot_malformed"):
        opened(raw, case)


@pytest.mark.parametrize("at", [0, 10, -1, -1000])
def test_flipped_bit_is_found(case: Case, at: int) -> None:
    raw = bytearray(seal(SERVICE, case.state))
    raw[at] ^= 1
    with pytest.raises((MalformedError, ForgedError)):
        opened(bytes(raw), case)


@pytest.mark.parametrize("length", [0, 1, 400, -1])
def test_snapshot_cut_short_is_refused(case: Case, length: int) -> None:
    with pytest.raises((MalformedError, ForgedError)):
        opened(seal(SERVICE, case.state)[:length], case)


def _drop(name: str) -> Callable[[Json], None]:
    return lambda body: body.pop(name)


def _put(name: str, value: object) -> Callable[[Json], None]:
    return lambda body: body.update({name: value})


def _twice(name: str) -> Callable[[Json], None]:
    return lambda body: body[name].append(body[name][0])


@pytest.mark.parametrize(
    "change",
    [
        _drop("charged"), _put("more", 1), _put("head", [1]), _put("head", {"n": 1}), _put("case", 3),
        _put("in_force", 5), _put("received_at", "yesterday"), _put("service", "AAAA"),
        _put("entries", ""), _put("statements", "AAAA"), _put("records", {}), _twice("records"),
        _twice("requests"), _twice("charters"), _twice("cards"), lambda body: body["records"][0].pop(),
        lambda body: body["charters"][0][1].append(1), lambda body: body["requests"][0].insert(0, "x"),
        _put("entries", None), _put("head", [10**6, OTHER]), _put("case", OTHER),
    ],
)  # fmt: skip
def test_state_that_is_not_exactly_of_the_form_is_refused(case: Case, change: Callable[[Json], None]) -> None:
    with refuses(MalformedError, "snapshot_malformed"):
        opened(resigned(seal(SERVICE, case.state), change), case)


def test_head_other_than_the_one_that_was_signed_is_refused(case: Case) -> None:
    raw = seal(SERVICE, case.state)
    body = raw.partition(b"\n")[2]
    with refuses(MalformedError, "snapshot_malformed"):
        opened(signed(body, raw, head={"n": case.state.head.n, "hash": OTHER}), case)


def test_state_that_would_not_be_read_back_is_not_written(case: Case) -> None:
    """As if a rule came to keep something that the form does not know of."""
    odd = freeze(case.state)
    odd.uploads["00" * 16] = next(iter(odd.records))
    with pytest.raises(ValueError, match="not_the_same_read_back"):
        seal(SERVICE, odd)


def test_state_with_entries_left_out_is_not_written(case: Case) -> None:
    sparse = freeze(case.state)
    del sparse.entries[2]
    with pytest.raises(ValueError, match="sparse"):
        seal(SERVICE, sparse)


def test_state_that_is_too_large_is_not_written(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOT", 4096)
    with pytest.raises(ValueError, match="too_large"):
        seal(SERVICE, case.state)


def test_field_that_joins_gives_another_form() -> None:
    @dataclass
    class Before:
        n: int

    @dataclass
    class After:
        n: int
        more: str

    assert describe(Before).split(":")[1] != describe(After).split(":")[1]
    told = describe(CaseState)
    for kind in ("RecordBody", "Ticket", "PathTemplate", "AudienceKind", "SignOffState"):
        assert f"{kind}:" in told


def test_rest_of_the_case_replays_on_a_snapshot_as_on_the_entries() -> None:
    going, _, asked = released_case()
    chain = going.chain
    assert isinstance(chain, MemoryChain)
    whole, chain.replayed = going.state, restore(dump(going.state))
    going.sign_off(asked, "mediator")
    going.deposit("later")
    for raw in chain.entries[whole.head.n + 1 :]:
        extend(whole, raw)
    assert snapshot(chain.replayed) == snapshot(whole)
