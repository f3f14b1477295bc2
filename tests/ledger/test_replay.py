"""Rules L1 to L4: the chain itself, and a service that lies about it."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from support.build import (
    SEALED,
    SEATS,
    SERVICE,
    START,
    Case,
    MemoryChain,
    accepted_case,
    bytes_of,
    opening,
    party,
    released_case,
    sealed,
)
from support.refusals import refuses, snapshot

from escrow.crypto.group import L, Scalar, base_mul
from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError
from escrow.ledger import entry as entries
from escrow.ledger.entry import Entry
from escrow.ledger.replay import admit, extend
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head, UnverifiedStatement, compose
from escrow.model.deeds import Note
from escrow.model.wire import to_base64

CLAIMANT = SEATS["claimant"]
OTHER_SERVICE, STRANGER = party("other service"), party("stranger")
NOTE = Note(text=SEALED)


@pytest.fixture
def case() -> Case:
    return accepted_case()


def chain_of(case: Case) -> MemoryChain:
    assert isinstance(case.chain, MemoryChain)
    return case.chain


def replayed(lines: list[str], *, sparse: bool = False) -> CaseState:
    state: CaseState | None = None
    for line in lines:
        state = extend(state, line, sparse=sparse)
    assert state is not None
    return state


def next_entry(
    after: Case, service: object = SERVICE, statement: str | None = None, **changed: object
) -> str:
    """An entry that would follow, with what a lying service changes."""
    head = after.state.head
    fields = {"case": after.id, "n": head.n + 1, "prev": head.hash, "received_at": START} | changed
    raw = statement or after.statement(CLAIMANT, NOTE)
    return entries.compose(service, statement=raw, **fields)  # type: ignore[arg-type]


# The same chain says the same to everyone


def test_replaying_the_entries_gives_the_state_that_appending_gave() -> None:
    case, _, _ = released_case()
    case.note()
    assert snapshot(replayed(chain_of(case).entries)) == snapshot(case.state)


def test_replay_without_proofs_gives_the_same_state() -> None:
    case, _, _ = released_case()
    state: CaseState | None = None
    for line in chain_of(case).entries:
        state = extend(state, line, proofs=False)
    assert snapshot(state) == snapshot(case.state)


def test_statement_already_on_the_chain_is_answered_with_its_number(case: Case) -> None:
    raw = case.statement(CLAIMANT, NOTE)
    case.send(raw)
    n = case.state.head.n
    case.note()
    before = snapshot(case.state)
    assert admit(case.state, raw, at=START).already == n
    assert admit(case.state, opening_of(case), at=START).already == 0
    assert snapshot(case.state) == before


def opening_of(case: Case) -> str:
    return Entry.read_opening(chain_of(case).entries[0]).statement_raw


def test_second_signature_over_the_same_words_is_the_same_statement(case: Case) -> None:
    """The author signs again, by a tool that draws its nonce at random: one statement all the same."""
    raw = case.statement(CLAIMANT, NOTE)
    mine = case.send(raw)
    header, payload, _ = raw.split(".")
    again = f"{header}.{payload}.{signed_differently(f'{header}.{payload}')}"
    assert again != raw
    assert admit(case.state, again, at=START).already == case.state.statements[mine]


def signed_differently(words: str) -> str:
    """Ed25519 with another nonce: s = r + H(R, A, M) a, for an r of our own."""
    expanded = hashlib.sha512(CLAIMANT.signing_seed()).digest()
    a = int.from_bytes(expanded[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    r = int.from_bytes(bytes_of("nonce"), "little") % L
    R = base_mul(Scalar.of_int(r)).encode()
    h = int.from_bytes(hashlib.sha512(R + CLAIMANT.card.public + words.encode()).digest(), "little")
    return to_base64(R + ((r + h * a) % L).to_bytes(32, "little"))


# L1: a service that lies


def test_first_entry_that_is_not_number_0_is_refused() -> None:
    raw = opening()
    case = UnverifiedStatement.parse(raw).hash
    made = entries.compose(SERVICE, case=case, n=3, prev="00" * 32, received_at=START, statement=raw)
    with refuses(ForgedError, "entry_out_of_order", n=3, expected=0):
        extend(None, made)


def test_first_entry_under_a_case_id_that_is_not_its_statements_hash_is_refused() -> None:
    made = entries.compose(SERVICE, case="00" * 32, n=0, prev=None, received_at=START, statement=opening())
    with refuses(ForgedError, "entry_of_other_case", n=0):
        extend(None, made)


def test_case_of_another_service_than_the_one_pinned_is_refused(case: Case) -> None:
    with refuses(ForgedError, "service_card_unexpected", expected=OTHER_SERVICE.card.fingerprint):
        extend(None, chain_of(case).entries[0], service=OTHER_SERVICE.card)


def test_entry_signed_by_another_service_is_refused(case: Case) -> None:
    with refuses(ForgedError, "signature_false", state=case.state, author=OTHER_SERVICE.card.fingerprint):
        extend(case.state, next_entry(case, OTHER_SERVICE))


def test_entry_of_another_case_is_refused(case: Case) -> None:
    with refuses(ForgedError, "entry_of_other_case", state=case.state):
        extend(case.state, next_entry(case, case="00" * 32))


def test_entry_left_out_is_noticed(case: Case) -> None:
    case.note()
    lines = chain_of(case).entries
    state = replayed(lines[:-2])
    with refuses(ForgedError, "entry_out_of_order", state=state, n=len(lines) - 1, expected=len(lines) - 2):
        extend(state, lines[-1])


def test_entry_shown_twice_is_refused(case: Case) -> None:
    n = case.state.head.n
    with refuses(ForgedError, "entry_out_of_order", state=case.state, n=n, expected=n + 1):
        extend(case.state, chain_of(case).entries[-1])


def test_entry_on_another_history_is_refused(case: Case) -> None:
    with refuses(ForgedError, "entry_chain_broken", state=case.state):
        extend(case.state, next_entry(case, prev="00" * 32))


def test_entry_that_is_older_than_the_one_before_is_refused(case: Case) -> None:
    with refuses(ForgedError, "entry_time_backwards", state=case.state):
        extend(case.state, next_entry(case, received_at=START - timedelta(milliseconds=1)))


def test_entry_with_a_statement_that_is_on_the_chain_is_refused(case: Case) -> None:
    raw = case.statement(CLAIMANT, NOTE)
    case.send(raw)
    with refuses(RefusedError, "statement_twice", state=case.state, first=case.state.head.n):
        extend(case.state, next_entry(case, statement=raw))


def test_entry_with_a_statement_that_the_rules_refuse_is_refused(case: Case) -> None:
    """A service that lets in what it should not is found out by everybody who replays."""
    raw = case.statement(STRANGER, NOTE)
    with refuses(NotFoundError, "author_unknown", state=case.state):
        extend(case.state, next_entry(case, statement=raw))


def test_entry_with_a_changed_statement_is_refused(case: Case) -> None:
    raw = case.statement(CLAIMANT, NOTE)
    other = case.statement(CLAIMANT, Note(text=sealed("other")))
    forged = ".".join([*other.split(".")[:2], raw.split(".")[2]])
    with refuses(ForgedError, "signature_false", state=case.state, author=CLAIMANT.card.fingerprint):
        extend(case.state, next_entry(case, statement=forged))


def test_statement_received_while_the_clock_runs_backwards_keeps_the_last_time(case: Case) -> None:
    """Judged at the later of both, so that a date once come stays come."""
    chain = chain_of(case)
    chain.clock.now = START - timedelta(days=3)
    case.note()
    assert case.state.received_at == START


# L2


def test_statement_by_a_stranger_looks_like_any_unknown_thing(case: Case) -> None:
    with refuses(NotFoundError, "author_unknown", state=case.state):
        case.post(STRANGER, NOTE)


def test_statement_signed_by_another_in_a_members_name_is_refused(case: Case) -> None:
    mine = case.statement(CLAIMANT, NOTE).split(".")
    forged = ".".join([*mine[:2], case.statement(STRANGER, NOTE).split(".")[2]])
    with refuses(ForgedError, "signature_false", state=case.state, author=CLAIMANT.card.fingerprint):
        case.send(forged)


@pytest.mark.parametrize("junk", ["", "a.b.c", "....", "e30.e30.e30", "x" * 1000])
def test_junk_in_place_of_a_statement_is_refused(case: Case, junk: str) -> None:
    before = snapshot(case.state)
    with pytest.raises(MalformedError):
        case.send(junk)
    assert snapshot(case.state) == before


# L4


def test_statement_for_another_case_is_refused(case: Case) -> None:
    raw = compose(CLAIMANT, NOTE, case="00" * 32, head=case.state.head)
    with refuses(RefusedError, "statement_for_other_case", state=case.state, case="00" * 32):
        case.send(raw)


def test_head_beyond_the_chain_is_refused(case: Case) -> None:
    """Whoever keeps the chain reloads it before it lets this answer out."""
    ahead = Head(n=case.state.head.n + 1, hash="00" * 32)
    with refuses(RefusedError, "head_unknown", state=case.state, n=ahead.n, known=case.state.head.n):
        case.post(CLAIMANT, NOTE, head=ahead)


@pytest.mark.parametrize("n", [0, 2])
def test_head_that_is_not_of_this_case_is_refused(case: Case, n: int) -> None:
    with refuses(RefusedError, "head_not_of_case", state=case.state, n=n):
        case.post(CLAIMANT, NOTE, head=Head(n=n, hash=bytes_of("fork").hex()))


def test_any_head_on_the_chain_serves_however_old(case: Case) -> None:
    for _ in range(5):
        case.note()
    case.post(CLAIMANT, NOTE, head=Head(n=0, hash=case.state.entries[0]))
    assert len(case.state.notes) == 6


# Forks: two histories with one head cannot be; two heads show as soon as parties compare


def forked() -> tuple[Case, Case]:
    """A service that shows the claimant one history and the respondent another."""
    case = accepted_case()
    lines = chain_of(case).entries
    other = Case(chain=MemoryChain())
    for line in lines:
        chain_of(other).take(line)
    case.note("for the claimant's eyes")
    other.note("for the respondent's eyes")
    return case, other


def test_fork_gives_two_heads_of_one_number() -> None:
    one, other = forked()
    assert one.state.head.n == other.state.head.n
    assert one.state.head.hash != other.state.head.hash


def test_statement_made_on_one_side_of_a_fork_is_refused_on_the_other() -> None:
    one, other = forked()
    raw = one.statement(CLAIMANT, NOTE)
    with refuses(RefusedError, "head_not_of_case", state=other.state, n=one.state.head.n):
        other.send(raw)


def test_fork_cannot_be_mended_by_continuing_one_side_on_the_other() -> None:
    one, other = forked()
    one.note()
    with refuses(ForgedError, "entry_chain_broken", state=other.state):
        extend(other.state, chain_of(one).entries[-1])


def test_history_with_an_old_time_exchanged_has_another_head() -> None:
    """The service signs entry 1 anew with another time: everything after it no longer fits."""
    case = accepted_case()
    lines = chain_of(case).entries
    first = Entry.read(lines[1], SERVICE.card)
    misdated = entries.compose(
        SERVICE,
        case=case.id,
        n=1,
        prev=first.prev,
        received_at=START + timedelta(seconds=1),
        statement=first.statement_raw,
    )
    state = replayed([lines[0], misdated])
    with refuses(ForgedError, "entry_chain_broken", state=state, n=2):
        extend(state, lines[2])


# Sparse: what a bundle shows


def test_bundle_may_leave_out_what_is_not_needed() -> None:
    case = accepted_case()
    case.note()
    record = case.deposit()
    case.deposit("other")
    request = case.request(record, "memo")
    case.note()
    case.sign_off(request, "claimant", "respondent")
    lines = chain_of(case).entries
    chosen = [line for n, line in enumerate(lines) if n not in {4, 6, 8}]
    state = replayed(chosen, sparse=True)
    assert state.requests[request].released_at == case.state.requests[request].released_at
    assert len(state.records) == 1


@pytest.mark.parametrize("order", [lambda lines: lines[::-1], lambda lines: [lines[0], lines[2], lines[1]]])
def test_sparse_entries_out_of_order_are_refused(case: Case, order: Callable[[list[str]], list[str]]) -> None:
    lines = chain_of(case).entries
    with pytest.raises((ForgedError, RefusedError)):
        replayed(order(lines[:3]), sparse=True)


def test_sparse_entry_whose_known_neighbour_differs_is_refused(case: Case) -> None:
    raw = case.statement(CLAIMANT, NOTE)
    with refuses(ForgedError, "entry_chain_broken", state=case.state):
        extend(case.state, next_entry(case, statement=raw, prev="00" * 32), sparse=True)


def test_sparse_statement_with_a_head_that_is_known_to_differ_is_refused(case: Case) -> None:
    raw = case.statement(CLAIMANT, NOTE, head=Head(n=1, hash="00" * 32))
    with refuses(RefusedError, "head_not_of_case", state=case.state):
        extend(case.state, next_entry(case, statement=raw, n=case.state.head.n + 5), sparse=True)


def test_sparse_statement_with_a_head_at_or_beyond_its_own_entry_is_refused(case: Case) -> None:
    n = case.state.head.n + 5
    raw = case.statement(CLAIMANT, NOTE, head=Head(n=n, hash="00" * 32))
    with refuses(RefusedError, "head_unknown", state=case.state):
        extend(case.state, next_entry(case, statement=raw, n=n), sparse=True)
