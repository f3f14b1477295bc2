"""Follow a case's chain: fetch what is new, verify it with the shared rules, refuse a fork or a step back.

Numbered as in README.md:

 F1  What is remembered was verified with all proofs; it is replayed again, signatures included, proofs not.
 F2  The service must first show the remembered head again: absent, it rolled the case back
     (`ledger_rolled_back`); another entry of that number, it forked the case (`ledger_forked`).
 F3  The first entry's case id is the one asked for; the card its charter pins is the one pinned for that URL.
 F4  Every new entry is verified with all proofs (replay rules), then remembered, one by one.
 F5  Every receipt that this party holds is on the chain, at its number.
 F6  The case key, remembered or recovered from one's own statement, has the hash that the charter carries.

What a service withholds at the end of a chain cannot be seen from here, until someone compares heads: every
statement names the head its author saw.
"""

from dataclasses import dataclass

from escrow.client.courier import Courier
from escrow.client.memory import Memory
from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.errors import EscrowError, ForgedError, MalformedError, NotFoundError
from escrow.ledger.entry import Entry
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head
from escrow.model.case_key import CaseKey
from escrow.model.ids import CaseId


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

    def follow(self, case: CaseId) -> KnownCase:
        """The case as it stands now, by rules F1 to F6."""
        state = self._states.get(case) or self._recall(case)
        state = self._fetch(case, state)
        self._states[case] = state
        self._require_receipts(state)
        return KnownCase(case=case, state=state, key=self._case_key(state))

    def _recall(self, case: CaseId) -> CaseState | None:
        """F1."""
        state: CaseState | None = None
        for raw in self._memory.entries(case):
            state = extend(state, raw, proofs=False)
        return state

    def _fetch(self, case: CaseId, state: CaseState | None) -> CaseState:
        """F2 to F4, page by page."""
        expected = None if state is None else state.head
        after = -1 if state is None else state.head.n - 1
        more = True
        while more:
            page = self._page(case, after, state)
            for raw in page[0]:
                if expected is not None and state is not None:
                    _require_head(raw, expected, state.service)
                    expected = None
                else:
                    state = self._take(case, state, raw)
            if state is None:
                raise MalformedError("answer_malformed", field="entries")
            if expected is not None:
                raise ForgedError("ledger_rolled_back", n=expected.n)
            after, more = state.head.n, page[1]
            if more and not page[0]:
                raise MalformedError("answer_malformed", field="entries")
        if state is None:  # the loop ran at least once
            raise MalformedError("answer_malformed", field="entries")
        return state

    def _page(self, case: CaseId, after: int, state: CaseState | None) -> tuple[tuple[str, ...], bool]:
        """One page. A case that this card is known to belong to cannot be unknown to an honest service."""
        try:
            page = self._courier.entries(case, after=after)
        except NotFoundError as error:
            if state is not None and state.is_member(self._card.fingerprint):
                raise ForgedError("ledger_rolled_back", n=state.head.n) from error
            raise
        return page.entries, page.more

    def _take(self, case: CaseId, state: CaseState | None, raw: str) -> CaseState:
        """F3 and F4 for one entry."""
        first = state is None
        after = extend(state, raw)
        if first:
            if after.case != case:
                raise ForgedError("entry_of_other_case", n=0)
            service = after.opening.charter.service
            self._memory.pin_service(service, asked=service.url)
        self._states[case] = after
        self._memory.remember_entry(Entry.read(raw, after.service))
        return after

    def _require_receipts(self, state: CaseState) -> None:
        """F5."""
        for n, raw in self._memory.receipts(state.case).items():
            receipt = Entry.read(raw, state.service)
            if n > state.head.n:
                raise ForgedError("ledger_rolled_back", n=n)
            if state.entries.get(n) != receipt.hash:
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


def _require_head(raw: str, expected: Head, service: Card) -> None:
    """F2."""
    shown = Entry.read(raw, service)
    if shown.head != expected:
        raise ForgedError("ledger_forked", n=expected.n)


def _own_wrappings(state: CaseState, card: Card) -> list[bytes]:
    """The case key as this party wrapped it for itself, opening, proposing or accepting."""
    found: list[bytes] = []
    for charter in state.charters.values():
        if charter.author == card:
            found.append(charter.wrapped_case_key)
        found += [one.wrapped_case_key for one in charter.acceptances.values() if one.card == card]
    return found
