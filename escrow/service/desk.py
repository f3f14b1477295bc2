"""What every verb of the service works with: one desk, made once at start.

It holds the store, the journal, the service's keys, the settings and the clock. No verb reads an
environment, the system's time or a global.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from escrow.config import Settings
from escrow.crypto.card import Card
from escrow.errors import MalformedError, SetupError
from escrow.ledger.keys import ServiceKeys
from escrow.model.ids import Fingerprint
from escrow.service.identity import load_service_keys
from escrow.store.canary import require_same_service
from escrow.store.changes import ChangeNotes
from escrow.store.interface import Store
from escrow.store.journal import Journal
from escrow.store.watching import Watch, nobody

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """See above. `convenors`: fingerprints of who may open cases; None: anybody.

    `notes`: the changes that this process has noted.
    """

    settings: Settings
    store: Store
    journal: Journal
    keys: ServiceKeys
    clock: Clock
    convenors: frozenset[Fingerprint] | None
    notes: ChangeNotes
    watch: Watch = nobody

    @property
    def card(self) -> Card:
        """The service's card, which charters of new cases pin."""
        return self.keys.current.card

    def require_own_store(self) -> None:
        """At start; the first one makes the store its own. SetupError `service_identity_of_another_store`."""
        require_same_service(self.store, self.card.fingerprint)

    @classmethod
    def set_up(cls, settings: Settings, store: Store, clock: Clock, *, watch: Watch = nobody) -> "Desk":
        """`watch` is told what happens.

        SetupError: `service_identity_*`, or `setting_malformed` for a convenor that is no card.
        """
        keys = load_service_keys(settings.service_identity)
        journal = Journal(
            store, keys, clock, max_cases=settings.cached_cases, max_bytes=settings.cached_bytes,
            max_behind=timedelta(seconds=settings.clock_behind_s), watch=watch,
        )  # fmt: skip
        return cls(
            settings=settings, store=store, journal=journal, keys=keys, clock=clock,
            convenors=convenors(settings.convenors), notes=ChangeNotes(store, clock), watch=watch,
        )  # fmt: skip


def convenors(cards: tuple[str, ...] | None) -> frozenset[Fingerprint] | None:
    """Fingerprints of these cards; None: anybody. SetupError `setting_malformed`."""
    if cards is None:
        return None
    try:
        return frozenset(Card.parse(card).fingerprint for card in cards)
    except MalformedError as error:
        raise SetupError(
            "setting_malformed", setting="convenors", expected="cards (escrowcard1...)"
        ) from error
