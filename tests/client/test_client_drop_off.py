"""Drop-offs in the SDK: what is refused before anything is sent, receipts that lie, and a service that seals
another file than it was ordered to.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from client.honest import World, courier_of, draft
from support import dropping
from support.build import SERVICE, START, party
from support.refusals import refuses

from escrow.client import DropOff, PathChoice, Session, open_release
from escrow.client.courier import UntrustedReceipt
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError
from escrow.ledger.statement import compose
from escrow.model.deeds import RecordDroppedOff

MEMO = (PathChoice(name="memo", not_before=START),)
WORDS = {"title": "The memo", "label": "Memo"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def case(world: World) -> tuple[str, Session]:
    """A case that allows drop-offs, and the claimant's session."""
    convenor = world.session("institution")
    case = convenor.open_case(replace(draft(), drop_off=True)).case
    for seat, invitation in convenor.invitations(case).items():
        session = world.session(seat)
        session.join(invitation)
        session.accept(case, invitation.proposal)
    claimant = world.session("claimant")
    claimant.case(case)
    return case, claimant


def test_drop_off_is_a_record_of_its_depositor_and_says_that_the_service_saw_it(
    world: World, case: tuple[str, Session]
) -> None:
    at, claimant = case
    receipt = claimant.drop_off(at, world.document(), MEMO, **WORDS)
    (record,) = claimant.records(at)
    assert (record.author, record.author_seats, record.dropped_off) == (claimant.card, ("claimant",), True)
    assert record.label == "Memo"
    assert record.n == receipt.n
    assert claimant.audit(at, payloads=True).faults == ()


def test_case_that_does_not_allow_it_is_told_before_anything_is_sent(world: World) -> None:
    case, people = world.accepted()
    with refuses(RefusedError, "drop_off_not_allowed"):
        people["claimant"].prepare_drop_off(case, world.document(), MEMO, **WORDS)


def test_order_by_the_convenor_without_a_seat_is_refused(world: World, case: tuple[str, Session]) -> None:
    with refuses(RefusedError, "not_a_seat"):
        world.session("institution").prepare_drop_off(case[0], world.document(), MEMO, **WORDS)


def test_order_is_signed_without_the_service_and_sent_by_anybody(
    world: World, case: tuple[str, Session]
) -> None:
    at, claimant = case

    def silent(*_: Any, **__: Any) -> Any:
        raise AssertionError("the service was asked")

    courier_of(claimant).lies["entries"] = silent
    made = claimant.prepare_drop_off(at, world.document(), MEMO, offline=True, **WORDS)
    carried = DropOff.load(made.dump())
    assert (carried.case, carried.record) == (at, made.record)
    assert world.session("respondent").send_drop_off(carried, world.document()).created


def test_case_never_seen_here_has_no_order(world: World, case: tuple[str, Session]) -> None:
    with refuses(NotFoundError, "case_not_remembered"):
        world.session("claimant", home="new").prepare_drop_off(
            case[0], world.document(), MEMO, offline=True, **WORDS
        )


def test_file_of_another_length_is_not_sent(world: World, case: tuple[str, Session]) -> None:
    at, claimant = case
    made = claimant.prepare_drop_off(at, world.document(), MEMO, **WORDS)
    with refuses(MalformedError, "drop_off_file_differs"):
        claimant.send_drop_off(made, world.document(b"other", "other.txt"))


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"SECRET LINE WRITTEN LATER"), 0),
        (lambda path: os.truncate(path, 5), 5),
        (lambda path: os.truncate(path, 0), 0),
    ],
    ids=["grows", "shrinks", "is emptied"],
)
def test_file_that_changes_its_length_while_it_is_sent_never_goes_to_its_end_nor_beyond(
    world: World,
    case: tuple[str, Session],
    change: Callable[[Path], object],
    sent: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What goes beyond a Content-Length is the next request of this connection to whoever listens."""
    at, claimant = case
    plain = world.document()
    order = claimant.prepare_drop_off(at, plain, MEMO, **WORDS)
    went: list[bytes] = []

    def take(_: str, __: bytes, pieces: Callable[[], Iterator[bytes]], *, length: int) -> None:
        change(plain)  # after its length was looked at
        went.extend(pieces())

    monkeypatch.setattr(courier_of(claimant)._honest, "drop_off", take)
    with refuses(MalformedError, "drop_off_file_differs"):
        claimant.send_drop_off(order, plain)
    assert len(b"".join(went)) == sent < order.file.metadata.length


def test_receipt_for_another_order_is_not_believed(world: World, case: tuple[str, Session]) -> None:
    at, claimant = case
    first = claimant.drop_off(at, world.document(), MEMO, **WORDS)
    made = claimant.prepare_drop_off(at, world.document(), MEMO, **WORDS)
    courier_of(claimant).lies["drop_off"] = lambda *_, **__: UntrustedReceipt(entry=first.entry, created=True)
    with refuses(ForgedError, "receipt_for_another_statement"):
        claimant.send_drop_off(made, world.document())


def test_receipt_for_a_note_is_not_believed(world: World, case: tuple[str, Session]) -> None:
    at, claimant = case
    note = claimant.note(at, "x")
    made = claimant.prepare_drop_off(at, world.document(), MEMO, **WORDS)
    courier_of(claimant).lies["drop_off"] = lambda *_, **__: UntrustedReceipt(entry=note.entry, created=True)
    with pytest.raises(ForgedError):
        claimant.send_drop_off(made, world.document())


def smuggle(
    world: World,
    case: str,
    change: Callable[[RecordDroppedOff], RecordDroppedOff] = lambda deed: deed,
    **lie: Any,
) -> str:
    """A sealing that the service states of an honest order; its record."""
    state = world.service.state(case)
    made = dropping.dropped(state, party("claimant"), **lie)
    world.service.keep(made)
    chain = world.service.chains[case]
    chain.append(compose(SERVICE, change(made.deed), case=case, head=state.head))
    return made.deed.sealed.body.record


def release(world: World, case: str, record: str) -> str:
    request = world.session("claimant").request(case, record, "memo", [], purpose="x").statement
    for seat in ("claimant", "respondent"):
        world.session(seat).sign_off(case, request)
    return request


def test_honest_sealing_opens(world: World, case: tuple[str, Session], tmp_path: Path) -> None:
    at, claimant = case
    request = release(world, at, smuggle(world, at))
    opened = open_release(claimant.courier, at, request, tmp_path / "out")
    assert opened.path.read_bytes() == dropping.DOCUMENT
    assert (opened.depositor, opened.faults) == (claimant.card, ())


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"document": dropping.DOCUMENT.swapcase()}, "drop_off_digest_false"),
        ({"document": dropping.DOCUMENT[:-1]}, "drop_off_digest_false"),
        ({"title": "Another title"}, "drop_off_digest_false"),
        ({"salt": bytes(32)}, "drop_off_digest_false"),
        ({"change": lambda deed: replace(deed, salt=bytes(72))}, "drop_off_salt_false"),
    ],
    ids=["other file", "cut file", "other title", "other salt", "no salt"],
)
def test_service_that_sealed_another_file_is_named_and_no_file_appears(
    world: World, case: tuple[str, Session], tmp_path: Path, lie: dict[str, Any], code: str
) -> None:
    at, claimant = case
    request = release(world, at, smuggle(world, at, **lie))
    with refuses(ForgedError, code, author=SERVICE.card.fingerprint):
        open_release(claimant.courier, at, request, tmp_path / "out")
    assert not (tmp_path / "out").exists()
