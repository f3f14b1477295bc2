"""How many cases go by which card of their service: whether a former key is still needed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from escrow.admin.cases import cases, ends_run, replay
from escrow.crypto.card import Card
from escrow.errors import EscrowError
from escrow.model.ids import CaseId
from escrow.store.interface import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesByCard:
    """`cases`: by the card in force for each. `unread`: could not be replayed, and may need any."""

    cases: Counter[Card]
    unread: int


def count_cases(store: Store, *, progress: Callable[[CaseId], None] = lambda case: None) -> CasesByCard:
    """Replay every case, one in memory at a time. UnavailableError where the storage cannot be reached."""
    found: Counter[Card] = Counter()
    unread = 0
    for case in cases(store):
        progress(case)
        try:
            found[replay(store, case).service] += 1
        except EscrowError as error:
            if ends_run(error):
                raise
            unread += 1
    return CasesByCard(cases=found, unread=unread)
