"""A case that a home knows is asked of, and told to, the address of its charter alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from client.honest import URL, HonestCourier, Service, WatchedCourier, World, courier_of
from support.build import START, party
from support.refusals import refuses

from escrow.client import Memory, PathChoice, PendingDeposit, Session
from escrow.errors import NotFoundError, SetupError, UnavailableError

OTHER = "https://other.example"
MEMO = (PathChoice(name="memo", not_before=START),)
WORDS = {"title": "The memo", "label": "Memo"}


class Known:
    """The claimant's home, in which a case has a record, a request, and a deposit that waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.case, people = world.accepted(drop_off=True)
        claimant = people["claimant"]
        claimant.deposit(self.case, world.document(), MEMO, **WORDS)
        (record,) = claimant.records(self.case)
        self.request = claimant.request(self.case, record.record, "memo").statement
        self.note = claimant.prepare_note(self.case, "for the seats")
        self.order = claimant.prepare_drop_off(self.case, world.document(), MEMO, **WORDS)
        self.sealed = world.folder / "sealed"
        self.deposit = claimant.prepare_deposit(
            self.case, world.document(), MEMO, sealed=self.sealed, **WORDS
        )
        self.pending = self._interrupted(claimant)

    def _interrupted(self, claimant: Session) -> PendingDeposit:
        def cut(*_: object, **__: object) -> None:
            raise UnavailableError("service_unreachable")

        courier_of(claimant).lies["begin_upload"] = cut
        with refuses(UnavailableError, "service_unreachable"):
            claimant.deposit(self.case, self.world.document(), MEMO, **WORDS)
        (pending,) = claimant.pending_deposits()
        return pending

    def astray(self, service: Service) -> tuple[Session, WatchedCourier]:
        """The claimant's program, run again and told another address."""
        me = party("claimant")
        line = WatchedCourier(HonestCourier(service, me, OTHER))
        memory = Memory(self.world.folder / "claimant")
        return Session(me, line, memory, clock=self.world.service.clock), line


VERBS: dict[str, Callable[[Session, Known], object]] = {
    "sign off": lambda session, it: session.sign_off(it.case, it.request),
    "send": lambda session, it: session.send(it.note),
    "upload": lambda session, it: session.upload(it.deposit, it.sealed),
    "resume": lambda session, it: session.resume_deposit(it.pending),
    "drop off": lambda session, it: session.send_drop_off(it.order, it.world.document()),
    "open": lambda session, it: session.open(it.case, it.request, it.world.folder / "opened"),
    "audit": lambda session, it: session.audit(it.case, payloads=True),
    "look": lambda session, it: session.case(it.case),
}


@pytest.mark.parametrize("verb", VERBS)
def test_stranger_with_a_copy_of_the_ledger_is_told_nothing_of_a_known_case(world: World, verb: str) -> None:
    known = Known(world)
    session, stranger = known.astray(world.service)
    with refuses(SetupError, "case_at_another_address", case=known.case, url=URL, asked=OTHER):
        VERBS[verb](session, known)
    assert stranger.heard == []


@pytest.mark.parametrize("verb", ["look", "audit"])
def test_honest_service_that_never_had_a_known_case_makes_nobody_a_liar(world: World, verb: str) -> None:
    known = Known(world)
    session, _ = known.astray(Service(identity=party("other service"), clock=world.service.clock))
    with refuses(SetupError, "case_at_another_address", url=URL):
        VERBS[verb](session, known)


def test_case_that_is_not_known_is_carried_to_whatever_address_was_named(world: World) -> None:
    """Who has never seen it cannot tell; the service says that it is not there."""
    known = Known(world)
    carrier = party("somebody")
    line = HonestCourier(Service(identity=party("other service")), carrier, OTHER)
    session = Session(carrier, line, Memory(Path(world.folder, "somebody")), clock=world.service.clock)
    with refuses(NotFoundError, "not_found"):
        session.case(known.case)
