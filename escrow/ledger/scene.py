"""One verified statement before one case: what every rule is given.

A rule looks at the scene, raises, or answers with an `Effect`: what to change once the entry counts. Checks
come first and an effect never fails, so a refusal leaves the state as it was. The rules are in rules_*.py,
numbered as in README.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from escrow.crypto.card import Card
from escrow.errors import RefusedError
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Statement
from escrow.model.ids import Fingerprint, Hash

Effect = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`n` and `at` are those of the statement's entry, or those it would have. `head_n`: what its author had
    seen.

    `proofs` False skips proofs of dealings and tickets: for a journal that checked them before it appended.
    `texts` False: notes are not kept in the state.
    `sparse`: entries before this one may be missing, so a correction may name a record that is not there.
    """

    state: CaseState
    statement: Statement
    n: int
    at: datetime
    head_n: int
    proofs: bool
    sparse: bool = False
    texts: bool = True

    @property
    def author(self) -> Card:
        return self.statement.author

    @property
    def fingerprint(self) -> Fingerprint:
        return self.statement.author.fingerprint

    @property
    def hash(self) -> Hash:
        return self.statement.hash

    def require_seen(self, n: int) -> None:
        """Rule L4: what a statement refers to lies at or below the head that its author names."""
        if n > self.head_n:
            raise RefusedError("reference_after_head", n=n, head=self.head_n)

    def require_member(self) -> None:
        """The author is the convenor, or holds a seat now. RefusedError `not_a_seat`."""
        state = self.state
        if self.fingerprint != state.current.charter.convenor.fingerprint and not state.seats_of(
            self.fingerprint
        ):
            raise RefusedError("not_a_seat", author=self.fingerprint)
