"""How much one case may hold, and how much of that is whose. Rules (numbered as in README.md):

M1  A statement is at most `statement_bytes` long. M2  A case takes at most `entries_per_case` entries and
`records_per_case` records, and every card has a part of them that nobody else can take. M3  The last tenth of
a card's entries is kept for its signing off and withdrawing. M4  A statement is counted to its author as
ledger/room.py says: who asks for consent has paid for it, so accepting, and a first sign-off to any request,
never finds a case full.
"""

from collections.abc import Iterator

from escrow.crypto.card import Card
from escrow.errors import RefusedError, TooLargeError
from escrow.ledger.room import charge, payer
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement
from escrow.model.charter import Charter
from escrow.model.deeds import SignedOff, SignOffWithdrawn, sealing_in
from escrow.service.desk import Desk

_CONSENT = (SignedOff, SignOffWithdrawn)


def require_statement_size(desk: Desk, raw: str) -> None:
    """M1. A statement is ASCII, so characters are bytes."""
    if len(raw) > desk.settings.statement_bytes:
        raise TooLargeError("field_too_large", field="statement", limit=desk.settings.statement_bytes)


def require_room(desk: Desk, state: CaseState, statement: Statement) -> None:
    """M2 to M4, for a statement that keeps the rules. RefusedError `case_full`, `records_full` (limit)."""
    deed = statement.deed
    author = state.cards.get(payer(statement), statement.author)
    cost = charge(state, deed)
    if cost == 0:
        return
    _require_part(desk, state, author, cost, consent=isinstance(deed, _CONSENT))
    if sealing_in(deed) is not None:
        _require_room_for_record(desk, state, author)


def require_room_to_deposit(desk: Desk, state: CaseState, depositor: Card) -> None:
    """M2 and M3, of a record that is still to be sealed. Errors as `require_room`."""
    _require_part(desk, state, depositor, 1, consent=False)
    _require_room_for_record(desk, state, depositor)


def _require_part(desk: Desk, state: CaseState, author: Card, cost: int, *, consent: bool) -> None:
    limit = part_of(state, author, desk.settings.entries_per_case)
    if not consent:
        limit -= -(-limit // 10)
    if state.charged.get(author.fingerprint, 0) + cost > limit:
        raise RefusedError("case_full", limit=limit)


def part_of(state: CaseState, card: Card, whole: int) -> int:
    """How much of `whole` is this card's. Once it has a part, that never shrinks.

    The opening charter's k cards get 1/(k+1) each; the newcomers of every charter that comes into force later
    share in the same way what was left. Cards that are only proposed have none, so nobody is crowded out by
    names.
    """
    left = whole
    known: set[Card] = set()
    for charter in _charters(state):
        newcomers = {charter.convenor, *charter.seats.values()} - known
        part = left // (len(newcomers) + 1)
        if card in newcomers:
            return part
        left -= part * len(newcomers)
        known |= newcomers
    return 0


def _charters(state: CaseState) -> Iterator[Charter]:
    """The opening charter, accepted or not, and all that ever came into force, in that order."""
    yield state.opening.charter
    held = [
        (each.in_force_n, each.charter) for each in state.charters.values() if each.in_force_n is not None
    ]
    for _, charter in sorted(held, key=lambda pair: pair[0]):
        yield charter


def _require_room_for_record(desk: Desk, state: CaseState, author: Card) -> None:
    limit = part_of(state, author, desk.settings.records_per_case)
    if sum(record.depositor == author for record in state.records.values()) >= limit:
        raise RefusedError("records_full", limit=limit)
