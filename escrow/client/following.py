"""Follow a case's chain: fetch what is new, verify it with the shared replay, refuse a fork or a step back. (Bodies follow.)"""

from dataclasses import dataclass

from escrow.client.courier import Courier
from escrow.client.memory import Memory
from escrow.crypto.identity import Identity
from escrow.ledger.state import CaseState
from escrow.model.case_key import CaseKey
from escrow.model.ids import CaseId


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """A case whose whole chain was verified. `key` is None where this party has no case key."""

    case: CaseId
    state: CaseState
    key: CaseKey | None


def follow(identity: Identity, courier: Courier, memory: Memory, case: CaseId) -> KnownCase:
    raise NotImplementedError
