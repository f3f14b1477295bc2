"""Who is let near a case at all, before anything of it is loaded.

Rule G1: a card that has no index object for a case is told `not_found`, after one and the same store call,
whether the case exists or not. So neither the answer nor the work behind it tells a stranger which cases
there are. Index objects are written before the entry that makes somebody a party or a reader, so nobody is
locked out; an index without an entry admits nobody, since the case's state has the last word.

A statement brings no token, and whom it names is not who sent it. Rule G3: one whose signature is false is
answered as if its author had no part in the case, after the same work for every card that it may name.

Rule G2: an index object can be lost. Whoever posts again what named its card, be it the opening, a proposal
or a request, has it written again; one that holds other bytes is said to be damaged.
"""

from collections.abc import Iterable
from dataclasses import replace

from escrow.crypto.card import Card
from escrow.errors import ForgedError, NotFoundError, TooLargeError, UnavailableError
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement, UnverifiedStatement
from escrow.model.charter import Charter
from escrow.model.ids import CaseId, Fingerprint, Hash
from escrow.service.desk import Desk
from escrow.store import names
from escrow.store.interface import Bucket, Outcome

INDEX = b"escrow.card-index.v1\n"
"""What every index object holds; its name says the rest."""


def unknown() -> NotFoundError:
    """The one answer to whatever does not exist, or is none of the caller's business."""
    return NotFoundError("not_found")


def require_index(desk: Desk, case: CaseId, fingerprint: Fingerprint | None) -> None:
    """G1. UnavailableError `stored_object_differs` where the index object is damaged."""
    if fingerprint is None:
        raise unknown()
    name = names.card_index(fingerprint, case)
    try:
        found = desk.store.get(Bucket.LEDGER, name, limit=len(INDEX))
    except NotFoundError:
        raise unknown() from None
    except TooLargeError as error:
        raise UnavailableError("stored_object_differs", object=name) from error
    if found != INDEX:
        raise UnavailableError("stored_object_differs", object=name)


def require_author(desk: Desk, state: CaseState | None, untrusted: UnverifiedStatement) -> Statement:
    """G3: a card of this case signed it. Asked before anything that takes long or could tell.

    `state` None: there is no such case.
    """
    card = None if state is None else state.card_for(untrusted.typ, untrusted.kid)
    try:
        if card is not None:
            return untrusted.verify(card)
        # a signature to check all the same, which cannot be good
        replace(untrusted.untrusted_jws, kid=desk.card.fingerprint).verify(desk.card)
    except ForgedError:
        pass
    raise unknown()


def require_member(state: CaseState, fingerprint: Fingerprint | None) -> None:
    """V1: one of this case, as `CaseState.is_member` says."""
    if fingerprint is None or not state.is_member(fingerprint):
        raise unknown()


def write_index(desk: Desk, case: CaseId, cards: Iterable[Card]) -> None:
    """Let these cards find the case. Called before the append that names them."""
    for fingerprint in sorted({card.fingerprint for card in cards}):
        create(desk, Bucket.LEDGER, names.card_index(fingerprint, case), INDEX)


def write_charter_index(desk: Desk, case: CaseId, charter: Charter) -> None:
    """Let the convenor and every seat find the case."""
    write_index(desk, case, (charter.convenor, *charter.seats.values()))


def mend_index(desk: Desk, case: CaseId, statement: Hash) -> None:
    """G2, for a statement that is on the chain already."""
    with desk.journal.reading(case) as state:
        held = state.charters.get(statement)
        readers = state.readers_of(statement) if statement in state.requests else ()
    if held is not None:
        write_charter_index(desk, case, held.charter)
    write_index(desk, case, readers)


def create(desk: Desk, bucket: Bucket, name: str, data: bytes) -> None:
    """Write an object whose bytes follow from its name; a second time changes nothing."""
    if desk.store.create(bucket, name, data) is Outcome.ALREADY_OTHER:
        raise UnavailableError("stored_object_differs", object=name)
