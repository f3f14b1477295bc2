"""A release request.

Its readers, who may hold no seat, get an index object, so that they find the case (rule Q1).
"""

from escrow.ledger.rules_release import read_ticket
from escrow.model.deeds import ReleaseRequested
from escrow.model.ids import CaseId
from escrow.service.desk import Desk
from escrow.service.gate import write_index


def prepare(desk: Desk, case: CaseId, deed: ReleaseRequested) -> None:
    """Q1. The ledger has checked every ticket before."""
    write_index(desk, case, (read_ticket(raw, at=f"tickets[{i}]").card for i, raw in enumerate(deed.tickets)))
