"""The keys that a process of the service has: one for new cases, former ones for cases still under them."""

from dataclasses import dataclass, field

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.secret import NeverPickled
from escrow.errors import UnavailableError
from escrow.ledger.signer import signers_of_next
from escrow.ledger.state import CaseState


@dataclass(frozen=True, slots=True)
class ServiceKeys(NeverPickled):
    """`current` signs for new cases; of the others each signs for the cases whose charter names its card."""

    current: Identity = field(repr=False)
    former: tuple[Identity, ...] = field(default=(), repr=False)

    def get(self, card: Card) -> Identity | None:
        return next((one for one in (self.current, *self.former) if one.card == card), None)

    def require(self, card: Card) -> Identity:
        """UnavailableError `service_key_not_held` (card): another process may have it."""
        found = self.get(card)
        if found is None:
            raise UnavailableError("service_key_not_held", card=card.fingerprint)
        return found

    def for_next(self, state: CaseState, statement_raw: str) -> Identity:
        """The key for the next entry, with this statement: that of the card in force, or the other that may
        sign (L5). UnavailableError `service_key_not_held` (card: the one in force).
        """
        held = [self.get(card) for card in signers_of_next(state, statement_raw)]
        return next((one for one in held if one is not None), None) or self.require(state.service)
