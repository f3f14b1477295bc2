"""Follow a case's chain: fetch what is new, verify it with the shared rules, refuse a fork or a step back.

Numbered as in README.md:

 F1  What is remembered was verified with all proofs; it is replayed again, signatures included, proofs not.
     Every look starts from all that is remembered, what other programs of this home have seen included; after
     an error nothing is believed but what is remembered. The receipt of an opening is the first entry.
 F2  The service must first show the remembered head again: absent, it rolled the case back
     (`ledger_rolled_back`); another entry of that number, it forked the case (`ledger_forked`).
 F3  The first entry's case id is the one asked for. Its charter names the URL that is spoken to. A card
     pinned for it is the charter's, or the one to which the case has moved since; where none is, the
     charter's is pinned. All that before the first entry is remembered. A case that is remembered is neither
     asked of nor told to another address: `case_at_another_address`, before a word goes there.
 F4  Every new entry is verified with all proofs (replay rules), then remembered in order; an entry of a
     number that is remembered already must be that very entry.
 F5  Every receipt that this party held before it asked is on the chain, at its number: what another program
     of this home posts while this one looks is beyond what was fetched, and no lie.
 F6  The case key, remembered or recovered from one's own statement, has the hash that the charter carries.

What a service withholds at the end of a chain cannot be seen from here, until someone compares heads: every
statement names the head its author saw.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from escrow.client.courier import Courier
from escrow.client.memory import Memory
from escrow.client.pins import require_url
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import EscrowError, ForgedError, MalformedError, NotFoundError, SetupError
from escrow.ledger.replay import extend
from escrow.ledger.signer import read_any
from escrow.ledger.state import CaseState
from escrow.model.case_key import CaseKey
from escrow.model.ids import CaseId

BATCH = 100
"""Entries written to disk at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """A case whose whole chain was verified. `key` is None where this party has no case key."""

    case: CaseId
    state: CaseState
    key: CaseKey | None


class Follower:
    """One party's sight of its cases: in this process's memory, and in `memory` across runs."""

    def __init__(self, identity: Identity, courier: Courier, memory: Memory) -> None:
        self._identity = identity
        self._courier = courier
        self._memory = memory
        self._card = identity.card
        self._states: dict[CaseId, CaseState] = {}

    def follow(self, case: CaseId, *, insist: Callable[[CaseState], None] | None = None) -> KnownCase:
        """The case as it stands now, by rules F1 to F6.

        `insist` raises where the caller wants none of it: then a case that was never seen leaves no trace.
        """
        known = self._recall(case, self._states.pop(case, None))
        require_kept_at(self._courier.url, known)
        receipts = self._memory.receipts(case)
        held = known is None and insist is not None
        state, fresh = self._fetch(case, known, held=held)
        if insist is not None:
            insist(state)
        self._remember(state, 0, fresh)
        self._require_receipts(state, receipts)
        self._states[case] = state
        return KnownCase(case=case, state=state, key=self._case_key(state))

    def recall(self, case: CaseId) -> CaseState | None:
        """The case as far as it is remembered (F1), asking nobody; None where it was never seen."""
        return self._recall(case, None)

    def seen(self, case: CaseId) -> CaseState | None:
        """As `recall`, from what this program replayed before."""
        state = self._recall(case, self._states.pop(case, None))
        if state is not None:
            self._states[case] = state
        return state

    def keep_opening(self, raw: str) -> None:
        """F1, of entry 0 as the receipt of an opening shows it, by the pinned card. A case that this party
        only carries is no case of its home.
        """
        state = extend(None, raw)
        if state.stays_member(self._card.fingerprint):
            self._memory.remember_entries(state.case, 0, [raw])

    def require_here(self, case: CaseId) -> None:
        """F3, before anything of a case goes to this courier. SetupError `case_at_another_address`."""
        require_kept_at(self._courier.url, self.seen(case))

    def remembered(self, case: CaseId) -> KnownCase | None:
        """As `recall`, with the case key where this party has it (F6)."""
        state = self.recall(case)
        return None if state is None else KnownCase(case=case, state=state, key=self._case_key(state))

    def _recall(self, case: CaseId, state: CaseState | None) -> CaseState | None:
        """F1: brought up to all that is remembered."""
        for raw in self._memory.entries(case, 0 if state is None else state.head.n + 1):
            state = extend(state, raw, proofs=False)
        return state

    def _fetch(self, case: CaseId, state: CaseState | None, *, held: bool) -> tuple[CaseState, list[str]]:
        """F2 to F4, and the entries that are not remembered yet: none, unless they are to be held back."""
        untrusted = self._untrusted_entries(case, after=-1 if state is None else state.head.n - 1)
        if state is not None:
            self._require_head(state, untrusted)
        state, fresh = self._take_all(case, state, untrusted, held=held)
        if state is None:
            raise MalformedError("answer_malformed", field="answer.entries")
        return state, fresh

    def _take_all(
        self, case: CaseId, state: CaseState | None, untrusted: Iterator[str], *, held: bool
    ) -> tuple[CaseState | None, list[str]]:
        """F4. What verified is remembered, whatever comes after it. Held back too is a case under a card that
        is not pinned, until it is seen to which it has moved (F3).
        """
        fresh: list[str] = []
        first = 0 if state is None else state.head.n + 1
        try:
            for raw in untrusted:
                state = self._take(case, state, raw)
                if state.head.n == 0:
                    held = held or not self._memory.may_pin(state.pinned)
                fresh.append(raw)
                if len(fresh) == BATCH and not held:
                    self._remember(state, first, fresh)
                    first, fresh = first + BATCH, []
        finally:
            if state is not None and not held:
                self._remember(state, first, fresh)
        return state, fresh if held else []

    def _remember(self, state: CaseState, first: int, raws: list[str]) -> None:
        """F3, then F4: who signs for this service is settled before the first word of it is kept."""
        if first == 0 and raws:
            settle_service(self._memory, state, asked=self._courier.url)
        self._memory.remember_entries(state.case, first, raws)

    def _untrusted_entries(self, case: CaseId, *, after: int) -> Iterator[str]:
        """As the service gives them, page by page. Numbers are checked by whoever takes them."""
        more = True
        while more:
            page = self._courier.entries(case, after=after)
            yield from page.entries
            after, more = after + len(page.entries), page.more
            if more and not page.entries:
                raise MalformedError("answer_malformed", field="answer.entries")

    def _require_head(self, state: CaseState, untrusted: Iterator[str]) -> None:
        """F2. A case that a card belongs to for good cannot be unknown to an honest service."""
        rolled_back = ForgedError("ledger_rolled_back", n=state.head.n)
        try:
            raw = next(untrusted, None)
        except NotFoundError as error:
            if state.stays_member(self._card.fingerprint):
                raise rolled_back from error
            raise
        if raw is None:
            raise rolled_back
        if read_any(state, raw).head != state.head:
            raise ForgedError("ledger_forked", n=state.head.n)

    def _take(self, case: CaseId, state: CaseState | None, raw: str) -> CaseState:
        """F3 and F4 for one entry."""
        first = state is None
        after = extend(state, raw)
        if first:
            if after.case != case:
                raise ForgedError("entry_of_other_case", n=0)
            require_url(after.pinned, self._courier.url)
        return after

    def _require_receipts(self, state: CaseState, receipts: dict[int, str]) -> None:
        """F5."""
        for n, raw in receipts.items():
            if n > state.head.n:
                raise ForgedError("ledger_rolled_back", n=n)
            if state.entries.get(n) != read_any(state, raw).hash:
                raise ForgedError("ledger_forked", n=n)
            self._memory.settle_receipt(state.case, n)

    def _case_key(self, state: CaseState) -> CaseKey | None:
        """F6."""
        expected = state.opening.charter.case_key_hash
        kept = self._memory.case_key(state.case)
        if kept is not None:
            kept.require_hash(expected)
            return kept
        for wrapped in _own_wrappings(state, self._card):
            try:
                key = CaseKey.unwrap_for_oneself(self._identity, wrapped, expected)
            except EscrowError:
                continue  # an acceptance by another program of the same party, or nonsense: try the next
            self._memory.remember_case_key(state.case, key)
            return key
        return None


def settle_service(memory: Memory, state: CaseState, *, asked: str) -> None:
    """F3, of a case about to be remembered. ForgedError `service_url_differs`, `service_card_differs`."""
    if state.pinned == state.opening.charter.service or not memory.is_pinned(state.pinned):
        memory.pin_service(state.opening.charter.service, asked=asked)


def require_kept_at(asked: str, state: CaseState | None) -> None:
    """F3, of a case as it is remembered, if it is. SetupError `case_at_another_address` (url, asked)."""
    if state is not None and state.pinned.url != asked:
        raise SetupError("case_at_another_address", case=state.case, url=state.pinned.url, asked=asked)


def _own_wrappings(state: CaseState, card: Card) -> list[bytes]:
    """The case key as this party wrapped it for itself, opening, proposing or accepting."""
    found: list[bytes] = []
    for charter in state.charters.values():
        if charter.author == card:
            found.append(charter.wrapped_case_key)
        found += [one.wrapped_case_key for one in charter.acceptances.values() if one.card == card]
    return found
