"""The ledger against a plain model of one request and of the service's key, driven by random deeds of three
seats.

The model keeps sets and counters, and says which answer each deed must get. After every step the state must
agree with it, and at the end a replay of the entries must give the same state, and so must a snapshot and the
entries after it.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from support.build import (
    CONVENOR,
    SEALED,
    SEATS,
    SERVICE,
    Case,
    MemoryChain,
    accepted_case,
    charter,
    party,
)
from support.refusals import snapshot

from escrow.crypto.identity import Identity
from escrow.errors import EscrowError, ForgedError
from escrow.ledger import entry
from escrow.ledger.replay import extend
from escrow.ledger.rules_release import MAX_SIGN_OFFS, MAX_WITHDRAWALS
from escrow.ledger.snapshot import dump, restore
from escrow.ledger.state import CaseState
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.deeds import Note, SignedOff, SignOffWithdrawn

SEAT = st.sampled_from(sorted(SEATS))
QUORUM = 2
NEW = party("new service key")


class Ledger(RuleBasedStateMachine):
    """`standing`: statements that count, by seat; `barred`: (seat, statement) that may never enter."""

    sign_offs = Bundle("sign_offs")

    def __init__(self) -> None:
        super().__init__()
        self.case: Case = accepted_case(MemoryChain(more=(NEW,)))
        self.service = SERVICE.card
        record = self.case.deposit()
        self.request = self.case.request(record, "settlement", SEATS["claimant"])
        self.dealing = self.case.state.records[record].paths["settlement"].digest
        self.standing: dict[str, set[str]] = {}
        self.sent: dict[str, int] = {}
        self.withdrawn: dict[str, int] = {}
        self.last_withdrawn: dict[str, int] = {}
        self.barred: set[tuple[str, str]] = set()
        self.on_chain: dict[str, int] = dict(self.case.state.statements)
        self.released = False
        self.cut = 0

    @rule(cut=st.integers(0, 100))
    def choose_where_a_snapshot_is_taken(self, cut: int) -> None:
        self.cut = cut

    def post(self, raw: str) -> str | None:
        """The code of the refusal, if it was refused; then nothing has changed."""
        before = snapshot(self.case.state)
        try:
            self.case.send(raw)
        except EscrowError as error:
            assert snapshot(self.case.state) == before
            return error.code
        return None

    @rule(target=sign_offs, seat=SEAT, salt=st.integers(0, 2))
    def prepare(self, seat: str, salt: int) -> tuple[str, str, int]:
        """A sign-off is signed; it may arrive at any time later, or never."""
        deed = SignedOff(request=self.request, seat=seat, dealing=self.dealing, shares=f"{salt:064x}")
        return seat, self.case.statement(SEATS[seat], deed), self.case.state.head.n

    @rule(sign_off=sign_offs)
    def arrive(self, sign_off: tuple[str, str, int]) -> None:
        seat, raw, seen = sign_off
        name = UnverifiedStatement.parse(raw).hash
        code = self.post(raw)
        if (seat, name) in self.barred:
            assert code == "sign_off_withdrawn"
        elif name in self.on_chain:
            assert code is None
        elif seen < self.last_withdrawn.get(seat, 0):
            assert code == "reference_after_head"
        elif self.sent.get(seat, 0) >= MAX_SIGN_OFFS:
            assert code == "sign_off_limit"
        else:
            assert code is None
            self.standing.setdefault(seat, set()).add(name)
            self.sent[seat] = self.sent.get(seat, 0) + 1
            self.on_chain[name] = self.case.state.head.n
            self.released |= len(self.standing) >= QUORUM

    @rule(target=sign_offs, seat=SEAT, sign_off=sign_offs)
    def withdraw(self, seat: str, sign_off: tuple[str, str, int]) -> object:
        """A seat withdraws a sign-off, its own or somebody else's, arrived or not."""
        name = UnverifiedStatement.parse(sign_off[1]).hash
        deed = SignOffWithdrawn(request=self.request, seat=seat, sign_off=name, reason=None)
        raw = self.case.statement(SEATS[seat], deed)
        code = self.post(raw)
        mine = self.standing.get(seat, set())
        if self.released:
            assert code == "already_released"
        elif (seat, name) in self.barred:
            assert code == "already_withdrawn"
        elif name in self.on_chain and name not in mine:
            assert code == "withdrawal_names_another"
        elif self.withdrawn.get(seat, 0) >= MAX_WITHDRAWALS:
            assert code == "withdrawal_limit"
        else:
            assert code is None
            self.withdrawn[seat] = self.withdrawn.get(seat, 0) + 1
            self.barred |= {(seat, one) for one in mine | {name}}
            self.standing.pop(seat, None)
            self.last_withdrawn[seat] = self.case.state.head.n
            self.on_chain[UnverifiedStatement.parse(raw).hash] = self.case.state.head.n
        return multiple()

    @rule(seats=st.sets(SEAT, min_size=1), key=st.sampled_from((SERVICE, NEW)))
    def propose_a_key_of_the_service(self, seats: set[str], key: Identity) -> None:
        """Some seats say yes to it. Where all do, the case goes by it from there on."""
        proposal = self.case.propose(charter(service=key.card))
        for seat in sorted(seats):
            assert self.case.state.service == self.service
            self.case.accept(seat, proposal=proposal)
        if seats == set(SEATS):
            self.service = key.card
        self.on_chain = dict(self.case.state.statements)

    @rule(key=st.sampled_from((SERVICE, NEW)))
    def entry_by_a_key_not_in_force_is_refused(self, key: Identity) -> None:
        if key.card == self.service:
            return
        state = self.case.state
        made = entry.compose(
            key, case=state.case, n=state.head.n + 1, prev=state.head.hash, received_at=state.received_at,
            statement=self.case.statement(CONVENOR, Note(text=SEALED)),
        )  # fmt: skip
        before = snapshot(state)
        with pytest.raises(ForgedError, match=r"entry_signer_not_in_force|signature_false"):
            extend(state, made)
        assert snapshot(state) == before

    @invariant()
    def state_agrees_with_the_model(self) -> None:
        asked = self.case.state.requests[self.request]
        found = {seat: {one.hash for one in theirs} for seat, theirs in asked.sign_offs.items()}
        assert found == self.standing
        assert asked.barred == self.barred
        assert (asked.released_at is not None) == self.released
        assert self.case.state.statements == self.on_chain
        assert self.case.state.service == self.service

    def teardown(self) -> None:
        chain = self.case.chain
        assert isinstance(chain, MemoryChain)
        state: CaseState | None = None
        for line in chain.entries:
            state = extend(state, line)
        assert snapshot(state) == snapshot(self.case.state)
        self.goes_on_from_a_snapshot_as_from_the_entries(chain.entries)

    def goes_on_from_a_snapshot_as_from_the_entries(self, lines: list[str]) -> None:
        """Written down after any entry, and the rest replayed on what was read back."""
        for taken in {0, len(lines) // 2, self.cut % len(lines), len(lines) - 1}:
            state: CaseState | None = None
            for n, line in enumerate(lines):
                state = extend(state, line)
                if n == taken:
                    state = restore(dump(state))
            assert snapshot(state) == snapshot(self.case.state)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
