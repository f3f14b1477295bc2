"""Rule L5: whose signature makes an entry one of the service's, while its card may change with the charter.

The seats' unanimous yes to a charter that names another card is what moves a case, and nothing else. Until
the last of them has said it, the card in force signs, and from the entry after that the other one, alone.
Only the proposal and the acceptances may be signed by either, so that a case whose key is lost can be moved
at all: each of them is a party's own signed words, and none moves anything without all others. The date of
an entry by a card that is not in force binds nobody: what follows may be earlier (J4).
"""

from collections.abc import Iterator

from escrow.crypto.card import Card
from escrow.errors import EscrowError, ForgedError
from escrow.ledger.entry import Entry, UnverifiedEntry
from escrow.ledger.state import CaseState, CharterStatus
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.deeds import CharterAccepted, CharterProposed


def signers_of_next(state: CaseState, statement_raw: str) -> tuple[Card, ...]:
    """L5: the cards that may sign the next entry with this statement; the one in force comes first."""
    named = _named(state, statement_raw)
    return (state.service,) if named in (None, state.service) else (state.service, named)


def read_any(state: CaseState, raw: str) -> Entry:
    """An entry signed by any card that a charter of this case names as its service's, at whatever time.

    ForgedError `signature_false`, or a MalformedError.
    """
    untrusted = UnverifiedEntry.parse(raw)
    if untrusted.kid == state.service.fingerprint:
        return untrusted.verify(state.service)
    cards = {card.fingerprint: card for card in _cards(state, untrusted)}
    return untrusted.verify(cards.get(untrusted.kid, state.service))


def require_signer(state: CaseState, entry: Entry) -> None:
    """L5, of an entry that is the next by its place (L1). ForgedError `entry_signer_not_in_force` (author,
    expected, n).
    """
    if entry.signer not in signers_of_next(state, entry.statement_raw):
        raise _not_in_force(entry, state.service)


def read_known(state: CaseState, raw: str) -> Entry:
    """An entry said to be of the chain that `state` is of: signed by who signed that number there, or beyond
    its end by who may sign the next.

    ForgedError `entry_signer_not_in_force` (author, expected, n), `signature_false`; MalformedError.
    """
    entry = read_any(state, raw)
    if entry.n > state.head.n:
        require_signer(state, entry)
    elif entry.signer != state.signer_of(entry.n):
        raise _not_in_force(entry, state.signer_of(entry.n))
    return entry


def _not_in_force(entry: Entry, expected: Card) -> ForgedError:
    return ForgedError(
        "entry_signer_not_in_force",
        author=entry.signer.fingerprint,
        expected=expected.fingerprint,
        n=entry.n,
    )


def _cards(state: CaseState, untrusted: UnverifiedEntry) -> Iterator[Card]:
    """Every card of the service that the case knows, and one that this very entry proposes."""
    yield state.service
    for charter in state.charters.values():
        yield charter.charter.service.card
    named = _named(state, untrusted.untrusted_statement())
    if named is not None:
        yield named


def _named(state: CaseState, statement_raw: str) -> Card | None:
    """The service's card in the charter that this statement proposes, or accepts while it is pending."""
    try:
        untrusted = UnverifiedStatement.parse(statement_raw)
        if untrusted.typ == CharterProposed.TYP:
            return untrusted.untrusted_service()
        if untrusted.typ != CharterAccepted.TYP:
            return None
        charter = state.charters.get(untrusted.untrusted_proposal())
    except EscrowError:
        return None  # no statement of ours: whoever reads it says why
    if charter is None or charter.status is not CharterStatus.PENDING:
        return None
    return charter.charter.service.card
