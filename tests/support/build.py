"""Build whole cases in memory, and post every kind of statement to them.

`case.open()`, `case.accept_all()`, `case.deposit()`, `case.request()`, `case.sign_off()`. A case posts to
a `Chain`: `MemoryChain` here, or anything with `state` and `append`. Deeds that are not posted yet, for a
test to spoil, come from deeds.py, parties and charters from parties.py; all names can be had from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from support.deeds import (
    Sealed,
    acceptance,
    answer,
    asking,
    dealing_of,
    opening,
    payload_of,
    proposing,
    prove_body,
    refit,
    reporting,
    seal_record,
    terms,
    ticket,
)
from support.parties import (
    CASE_KEY,
    CONVENOR,
    KEYS,
    PATHS,
    SEALED,
    SEATS,
    SERVICE,
    START,
    URL,
    Clock,
    audience,
    bytes_of,
    charter,
    party,
    sealed,
)

from escrow.crypto.group import Scalar
from escrow.crypto.identity import Identity
from escrow.crypto.kem import KemSecret
from escrow.crypto.sealing import path_context, record_context, seal_path
from escrow.crypto.seat_keys import SeatKeys
from escrow.ledger import entry as entries
from escrow.ledger.entry import Entry
from escrow.ledger.replay import admit, extend, judge_opening
from escrow.ledger.signer import read_known, signers_of_next
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head, UnverifiedStatement, compose
from escrow.model.case_key import Place, place
from escrow.model.charter import Charter
from escrow.model.deeds import (
    AnyDeed,
    CaseOpened,
    Note,
    RecordSealed,
    SignOffWithdrawn,
)
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.model.record import RecordBody

__all__ = [
    "CASE_KEY",
    "CONVENOR",
    "KEYS",
    "PATHS",
    "SEALED",
    "SEATS",
    "SERVICE",
    "START",
    "URL",
    "Case",
    "CaseOpened",
    "Chain",
    "Clock",
    "MemoryChain",
    "RecordBody",
    "RecordSealed",
    "Sealed",
    "acceptance",
    "accepted_case",
    "answer",
    "asking",
    "audience",
    "bytes_of",
    "charter",
    "dealing_of",
    "opening",
    "party",
    "path_context",
    "payload_of",
    "proposing",
    "prove_body",
    "record_context",
    "refit",
    "released_case",
    "reporting",
    "seal_path",
    "seal_record",
    "sealed",
    "terms",
    "ticket",
    "with_other_keys",
]


class Chain(Protocol):
    """Where a case's statements go."""

    @property
    def state(self) -> CaseState: ...

    def append(self, raw: str) -> Entry:
        """Let a statement enter; the rules' errors pass through. The same again: its first entry."""
        ...


@dataclass
class MemoryChain:
    """A ledger in a list, kept by an honest service that has these keys: the first for new cases."""

    clock: Clock = field(default_factory=Clock)
    service: Identity = SERVICE
    more: tuple[Identity, ...] = ()
    entries: list[str] = field(default_factory=list)
    replayed: CaseState | None = None

    @property
    def state(self) -> CaseState:
        if self.replayed is None:
            raise LookupError("the case is not open yet")
        return self.replayed

    def append(self, raw: str) -> Entry:
        if self.replayed is None:
            admitted = judge_opening(raw, at=self.clock(), service=self.service.card)
            case, n, prev, at = admitted.statement.hash, 0, None, self.clock()
        else:
            admitted = admit(self.replayed, raw, at=self.clock())
            if admitted.already is not None:
                return read_known(self.replayed, self.entries[admitted.already])
            head = self.replayed.head
            case, n, prev = self.replayed.case, head.n + 1, head.hash
            at = max(self.clock(), self.replayed.received_at)
        made = entries.compose(self.signer(raw), case=case, n=n, prev=prev, received_at=at, statement=raw)
        return self.take(made)

    def signer(self, raw: str) -> Identity:
        """Of the keys that this service has, the one for this statement (L5)."""
        if self.replayed is None:
            return self.service
        held = {who.card: who for who in (self.service, *self.more)}
        return next(held[card] for card in signers_of_next(self.replayed, raw) if card in held)

    def take(self, made: str) -> Entry:
        """Add an entry as it is, whoever made it."""
        self.replayed = extend(self.replayed, made)
        self.entries.append(made)
        return read_known(self.replayed, made)


@dataclass
class Case:
    """A case and the parties' identities, who sign for each other's seats on demand."""

    chain: Chain = field(default_factory=MemoryChain)
    seats: Mapping[str, Identity] = field(default_factory=lambda: dict(SEATS))
    convenor: Identity = CONVENOR
    shares: dict[Hash, bytes] = field(default_factory=dict)
    sealed: dict[RecordId, Sealed] = field(default_factory=dict)

    @property
    def state(self) -> CaseState:
        return self.chain.state

    @property
    def id(self) -> CaseId:
        return self.state.case

    def statement(self, author: Identity, deed: AnyDeed, *, head: Head | None = None) -> str:
        """Sign a deed for this case, having seen `head` (the latest unless told otherwise)."""
        return compose(author, deed, case=self.id, head=head or self.state.head)

    def post(self, author: Identity, deed: AnyDeed, *, head: Head | None = None) -> Hash:
        """Sign and append; the statement's hash."""
        return self.send(self.statement(author, deed, head=head))

    def send(self, raw: str) -> Hash:
        """Append a signed statement; its hash."""
        self.chain.append(raw)
        return UnverifiedStatement.parse(raw).hash

    def open(self, words: Charter | None = None) -> "Case":
        self.chain.append(
            opening(words or charter(seats=self.seats, convenor=self.convenor), convenor=self.convenor)
        )
        return self

    def accept(self, seat: str, *, author: Identity | None = None, proposal: Hash | None = None) -> Hash:
        who = author or self.seats[seat]
        return self.post(who, acceptance(self.id, proposal or self.state.current.proposal, seat, who))

    def accept_all(self, proposal: Hash | None = None) -> "Case":
        """Everybody who has not accepted yet does; every card must be one of `seats`, old or new."""
        known = {who.card.fingerprint: who for who in self.seats.values()}
        chosen = proposal or self.state.current.proposal
        for seat, fingerprint in self.state.charters[chosen].missing:
            self.accept(seat, author=known[fingerprint], proposal=chosen)
        return self

    def propose(self, words: Charter, author: Identity | None = None) -> Hash:
        who = author or self.convenor
        return self.post(who, proposing(self.state, words, who))

    def deposit(self, name: str = "record", seat: str = "claimant", **options: object) -> RecordId:
        """Seal and deposit, as `seal_record` does it; the record's id."""
        made = seal_record(self.state, self.seats[seat], name, **options)  # type: ignore[arg-type]
        self.post(self.seats[seat], made.deed)
        self.sealed[made.record] = made
        return made.record

    def request(
        self,
        record: RecordId,
        path: str,
        *readers: Identity,
        seat: str = "claimant",
        tickets: Iterable[str] = (),
    ) -> Hash:
        """Ask for a release to these readers (their tickets are made here), or to the public."""
        made = (*tickets, *(ticket(self.state, record, path, reader) for reader in readers))
        who = self.seats[seat]
        at = place(Place.REQUEST_PURPOSE, self.id, record, path, who.card.fingerprint)
        purpose = CASE_KEY.seal_text("to rule on it", at)
        return self.post(who, asking(self.state, record, path, made, purpose=purpose))

    def sign_off(self, request: Hash, *seats: str) -> tuple[Hash, ...]:
        """These seats sign off in turn; the statements' hashes. Share objects go to `shares`."""
        made = []
        for seat in seats:
            deed, raw = answer(self.state, request, seat, self.seats[seat])
            self.shares[deed.shares] = raw
            made.append(self.post(self.seats[seat], deed))
        return tuple(made)

    def withdraw(self, request: Hash, seat: str, sign_off: Hash) -> Hash:
        deed = SignOffWithdrawn(request=request, seat=seat, sign_off=sign_off, reason=None)
        return self.post(self.seats[seat], deed)

    def report(self, record: RecordId, path: str, seat: str) -> Hash:
        return self.post(self.seats[seat], reporting(self.state, record, path, seat))

    def note(self, text: str = "note", author: Identity | None = None) -> Hash:
        who = author or self.convenor
        at = place(Place.NOTE, self.id, who.card.fingerprint)
        return self.post(who, Note(text=CASE_KEY.seal_text(text, at)))


def with_other_keys(case: Case, seat: str = "mediator") -> MemoryChain:
    """The same case on another chain, up to its last acceptance, where this seat published other keys.

    The seat's holder signed both acceptances, and a lying service made an entry of each.
    """
    keys = SeatKeys(opening=Scalar.random(), kem=KemSecret.from_seed(bytes_of("other keys", 64)))
    chain = case.chain
    assert isinstance(chain, MemoryChain)
    fork = MemoryChain(clock=chain.clock)
    for raw in chain.entries[: len(case.seats)]:
        fork.take(raw)
    who = case.seats[seat]
    deed = acceptance(case.id, case.id, seat, who, keys=keys)
    fork.append(compose(who, deed, case=case.id, head=fork.state.head))
    return fork


def accepted_case(chain: Chain | None = None) -> Case:
    """A case whose charter everybody has accepted."""
    return Case(chain=chain or MemoryChain()).open().accept_all()


def released_case(path: str = "settlement", readers: Sequence[Identity] = ()) -> tuple[Case, RecordId, Hash]:
    """A case with one record released: for the arbitrator by `settlement`, for everybody by `memo`."""
    case = accepted_case()
    record = case.deposit()
    named = readers or ((party("arbitrator"),) if path == "settlement" else ())
    request = case.request(record, path, *named)
    case.sign_off(request, "claimant", "respondent")
    return case, record, request
