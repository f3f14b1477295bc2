"""Build whole cases in memory: parties from fixed seeds, a clock that stands still, every kind of statement.

Two layers. Functions make deeds (`seal_record`, `acceptance`, `answer`...) and leave posting to the test, so
that a test can spoil one field. `Case` posts them: `case.open()`, `case.accept_all()`, `case.deposit()`,
`case.request()`, `case.sign_off()`. What it posts to is a `Chain`: `MemoryChain` here, or anything with
`state` and `append`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.sealing import (
    PathSecrets,
    SeatPublic,
    check_envelope,
    commitment,
    dealing_digest,
    path_context,
    prove_path,
    record_context,
    seal_path,
)
from escrow.crypto.seat_keys import SeatKeys, prove_seat_keys
from escrow.ledger import entry as entries
from escrow.ledger import jws
from escrow.ledger.entry import Entry
from escrow.ledger.replay import admit, extend, judge_opening
from escrow.ledger.shares import make_share_object
from escrow.ledger.state import CaseState
from escrow.ledger.statement import Head, UnverifiedStatement, compose
from escrow.model.case_key import CaseKey, Place, place
from escrow.model.charter import Charter, Deadlock, Service, Visibility
from escrow.model.deeds import (
    AnyDeed,
    CaseOpened,
    CharterAccepted,
    CharterProposed,
    EnvelopeReported,
    Note,
    RecordSealed,
    ReleaseRequested,
    SignedOff,
    SignOffWithdrawn,
    seat_keys_context,
)
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.model.path import Audience, AudienceKind, PathTemplate, PathTerms
from escrow.model.record import Payload, RecordBody, RecordPath
from escrow.model.share_object import share_hash
from escrow.model.ticket import TYP as TICKET_TYP
from escrow.model.ticket import Ticket
from escrow.policy.text import parse as parse_policy

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
URL = "https://escrow.example"


def bytes_of(text: str, size: int = 32) -> bytes:
    """Fixed bytes that differ for different texts."""
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def party(name: str) -> Identity:
    """The identity of a party in tests, the same in every run."""
    return Identity.from_seed(bytes_of(f"party {name}"))


SERVICE = party("service")
CONVENOR = party("institution")
CASE_KEY = CaseKey(raw=bytes_of("case key"))
SEATS: Mapping[str, Identity] = {name: party(name) for name in ("claimant", "respondent", "mediator")}


class Clock:
    """Stands still until it is told to `tick`; a callable, as the journal and the service want it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


# Charters and paths


def audience(*seats: str, public: bool = False, cards: Sequence[Card] = ()) -> Audience:
    """Seats if any are given, else the public, else named readers (only `cards`, if any)."""
    if seats:
        return Audience(kind=AudienceKind.SEATS, seats=seats)
    if public:
        return Audience(kind=AudienceKind.PUBLIC)
    return Audience(kind=AudienceKind.NAMED, cards=tuple(cards))


PATHS = (
    PathTemplate(
        name="settlement", policy=parse_policy("2 of (claimant, respondent, mediator)"), audience=audience()
    ),
    PathTemplate(
        name="memo",
        policy=parse_policy("all of (claimant, respondent)"),
        audience=audience(public=True),
        date_open=True,
    ),
    PathTemplate(
        name="exchange",
        policy=parse_policy("all of (claimant, any of (respondent, mediator))"),
        audience=audience("claimant", "respondent"),
    ),
)


def charter(
    *,
    seats: Mapping[str, Identity | Card] = SEATS,
    convenor: Identity = CONVENOR,
    service: Card = SERVICE.card,
    paths: tuple[PathTemplate, ...] = PATHS,
    case_key: CaseKey = CASE_KEY,
    public_notice: str = "",
) -> Charter:
    """A charter with the three seats and three paths above, unless told otherwise."""
    cards = {seat: who.card if isinstance(who, Identity) else who for seat, who in seats.items()}
    return Charter(
        service=Service(url=URL, card=service),
        convenor=convenor.card,
        seats=cards,
        case_key_hash=case_key.hash,
        prose=case_key.seal_text("The rules we agreed on.", place(Place.PROSE)),
        paths=paths,
        retention_days=365,
        deadlock=Deadlock.STAY_SEALED,
        visibility=Visibility.DARK,
        public_notice=public_notice,
    )


def opening(
    words: Charter | None = None, *, convenor: Identity = CONVENOR, case_key: CaseKey = CASE_KEY
) -> str:
    """An opening statement, signed by the convenor."""
    deed = CaseOpened(
        charter=words or charter(convenor=convenor, case_key=case_key),
        wrapped_case_key=case_key.wrap_for_oneself(convenor),
    )
    return compose(convenor, deed, case=None, head=None)


def proposing(
    state: CaseState, words: Charter, author: Identity, case_key: CaseKey = CASE_KEY
) -> CharterProposed:
    """A charter in place of the one that holds now."""
    wrapped = case_key.wrap_for_oneself(author)
    return CharterProposed(replaces=state.current.proposal, charter=words, wrapped_case_key=wrapped)


def acceptance(
    case: CaseId,
    proposal: Hash,
    seat: str,
    author: Identity,
    *,
    keys: SeatKeys | None = None,
    case_key: CaseKey = CASE_KEY,
) -> CharterAccepted:
    """A seat's acceptance with its own keys, or with `keys` (and a true proof of those)."""
    own = keys or author.seat_keys(case, seat)
    return CharterAccepted(
        proposal=proposal,
        seat=seat,
        opening_key=own.opening_key,
        kem_key=own.kem_key,
        proof=prove_seat_keys(own, seat_keys_context(case, seat, proposal, author.card)),
        wrapped_case_key=case_key.wrap_for_oneself(author),
    )


# Records


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A deposit before it is signed, and what only the depositor knows."""

    deed: RecordSealed
    key: bytes
    secrets: Mapping[str, PathSecrets]

    @property
    def record(self) -> RecordId:
        return self.deed.body.record


def terms(
    state: CaseState, name: str, *, not_before: datetime | None = START, cards: Sequence[Card] = ()
) -> PathTerms:
    """The charter's path of this name, with `not_before` where its template leaves the date open."""
    template = state.current.charter.path(name)
    readers = template.audience
    if readers.kind is AudienceKind.NAMED and not readers.cards:
        readers = audience(cards=cards)
    date = not_before if template.date_open else template.not_before
    return PathTerms(name=name, policy=template.policy, audience=readers, not_before=date)


def seal_record(
    state: CaseState,
    author: Identity,
    name: str = "record",
    *,
    paths: Sequence[PathTerms] | None = None,
    payload: Payload | None = None,
    key: bytes | None = None,
    metadata: bytes = b"metadata",
    replaces: RecordId | None = None,
) -> Sealed:
    """Seal for the charter that holds, by all its paths unless told otherwise. `name` draws all ids."""
    record = bytes_of(f"record {name}", 16).hex()
    key = key or bytes_of(f"key {name}")
    held = state.current
    r = record_context(author.card.fingerprint, state.case, held.proposal, record)
    sealed_paths, secrets, seats_by_path = [], {}, {}
    for one in paths or [terms(state, template.name) for template in held.charter.paths]:
        raw = one.encode()
        seats = [held.seat_public(seat) for seat in one.policy.seats]
        context = path_context(r, raw, seats)
        sealed, secret = seal_path(context, commitment(r, key), key, one.policy.shape, seats)
        sealed_paths.append(RecordPath(terms=one, terms_raw=raw, sealed=sealed))
        secrets[one.name], seats_by_path[one.name] = secret, seats
    body = RecordBody(
        record=record,
        author=author.card.fingerprint,
        charter=held.proposal,
        label=CASE_KEY.seal_text(name, place(Place.LABEL, record)),
        replaces=replaces,
        payload=payload or payload_of(name),
        metadata=metadata,
        commitment=commitment(r, key),
        paths=tuple(sealed_paths),
    )
    return Sealed(deed=prove_body(body, secrets, seats_by_path), key=key, secrets=secrets)


def payload_of(name: str, length: int = 64) -> Payload:
    """A payload that nobody has stored."""
    upload = bytes_of(f"upload {name}", 16).hex()
    return Payload(sha256=hashlib.sha256(name.encode()).hexdigest(), length=length, upload=upload)


def prove_body(
    body: RecordBody, secrets: Mapping[str, PathSecrets], seats: Mapping[str, Sequence[SeatPublic]]
) -> RecordSealed:
    """The sealing statement for this body, with proofs by whoever knows each path's e."""
    raw = body.encode()
    proofs = tuple(
        prove_path(
            path.terms.policy.shape,
            seats[path.name],
            path.sealed,
            secrets[path.name],
            dealing_digest(raw, path.name),
        )
        for path in body.paths
    )
    return RecordSealed(body=body, body_raw=raw, proofs=proofs)


# Releases


def ticket(
    state: CaseState,
    record: RecordId,
    path: str,
    reader: Identity,
    *,
    nonce: bytes | None = None,
    **spoiled: str,
) -> str:
    """A reader's ticket. `spoiled` replaces case, record, path or dealing before it is made."""
    where = {"case": state.case, "record": record, "path": path}
    if record in state.records and path in state.records[record].paths:
        where["dealing"] = state.records[record].paths[path].digest
    where |= spoiled
    nonce = nonce or bytes_of(f"nonce {reader.card} {where}")
    keys = reader.ticket_keys(
        where["case"], where["record"], where["path"], bytes.fromhex(where["dealing"]), nonce
    )
    made = Ticket.make(card=reader.card, nonce=nonce, keys=keys, **where)
    return jws.sign(reader, TICKET_TYP, made.emit())


def asking(record: RecordId, path: str, tickets: Iterable[str] = ()) -> ReleaseRequested:
    return ReleaseRequested(
        record=record,
        path=path,
        tickets=tuple(tickets),
        purpose=CASE_KEY.seal_text("to rule on it", place(Place.REQUEST_PURPOSE, record, path)),
    )


def answer(state: CaseState, request: Hash, seat: str, author: Identity) -> tuple[SignedOff, bytes]:
    """A seat's sign-off and its share object: an answer and p for every ticket, or for the public."""
    asked = state.requests[request]
    path = state.records[asked.record].paths[asked.path]
    keys = author.seat_keys(state.case, seat)
    index = [public.seat for public in path.seats].index(seat)
    p = check_envelope(path.context, path.record_path.sealed, index, seat, keys.kem)
    shares = make_share_object(state, request, seat, keys, p)
    raw = shares.encode()
    return SignedOff(request=request, seat=seat, shares=share_hash(raw)), raw


# Chains


class Chain(Protocol):
    """Where a case's statements go."""

    @property
    def state(self) -> CaseState: ...

    def append(self, raw: str) -> Entry:
        """Let a statement enter; the rules' errors pass through. The same again: its first entry."""
        ...


@dataclass
class MemoryChain:
    """A ledger in a list, kept by an honest service."""

    clock: Clock = field(default_factory=Clock)
    service: Identity = SERVICE
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
                return Entry.read(self.entries[admitted.already], self.service.card)
            head = self.replayed.head
            case, n, prev = self.replayed.case, head.n + 1, head.hash
            at = max(self.clock(), self.replayed.received_at)
        made = entries.compose(self.service, case=case, n=n, prev=prev, received_at=at, statement=raw)
        return self.take(made)

    def take(self, made: str) -> Entry:
        """Add an entry as it is, whoever made it."""
        self.replayed = extend(self.replayed, made)
        self.entries.append(made)
        return Entry.read(made, self.service.card)


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
        return self.post(self.seats[seat], asking(record, path, made))

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
        return self.post(self.seats[seat], EnvelopeReported(record=record, path=path, seat=seat))

    def note(self, text: str = "note", author: Identity | None = None) -> Hash:
        sealed = CASE_KEY.seal_text(text, place(Place.NOTE, self.id))
        return self.post(author or self.convenor, Note(text=sealed))


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
