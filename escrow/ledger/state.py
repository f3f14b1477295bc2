"""What replaying a case's entries says: charters, records, requests, and who may read what.

Only replay.py changes a `CaseState`, entry by entry. Everything it holds is frozen, so a reader may keep what
it took. The state knows no clock, no store and no secret; it grows with the case and is never copied.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from escrow.crypto.card import Card
from escrow.crypto.group import Point
from escrow.crypto.sealing import SeatPublic
from escrow.errors import RefusedError
from escrow.ledger.statement import Head
from escrow.model.charter import Charter, Service
from escrow.model.deeds import RecordDroppedOff
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId, UploadId
from escrow.model.path import AudienceKind
from escrow.model.record import RecordBody, RecordPath
from escrow.model.ticket import Ticket

Pair = tuple[str, Fingerprint]
"""A seat and the card that holds it: who must accept a charter, and whose keys are whose."""


class CharterStatus(StrEnum):
    """What became of a proposal: waits, holds, was replaced, or lost to another that came into force."""

    PENDING = "pending"
    IN_FORCE = "in-force"
    REPLACED = "replaced"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A seat's keys, published by accepting; `n` is the entry of the accepting statement."""

    seat: str
    card: Card
    opening_key: Point
    kem_key: bytes = field(repr=False)
    wrapped_case_key: bytes = field(repr=False)
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterState:
    """A charter, by the statement that opened the case with it or proposed it (`proposal`, at entry `n`).

    `needed`: everybody who must accept it. `in_force_n`: the entry by which the last of them did.
    """

    charter: Charter
    proposal: Hash
    replaces: Hash | None
    n: int
    author: Card
    wrapped_case_key: bytes = field(repr=False)
    needed: tuple[Pair, ...]
    acceptances: Mapping[Pair, Acceptance] = field(default_factory=dict)
    status: CharterStatus = CharterStatus.PENDING
    in_force_n: int | None = None

    @property
    def cards(self) -> dict[Fingerprint, Card]:
        """Of the convenor and of everybody with a seat."""
        return {card.fingerprint: card for card in (self.charter.convenor, *self.charter.seats.values())}

    @property
    def missing(self) -> tuple[Pair, ...]:
        """Who has not accepted yet."""
        return tuple(pair for pair in self.needed if pair not in self.acceptances)

    def seat_public(self, seat: str) -> SeatPublic:
        """The keys of the seat's holder, in a charter that is or was in force: everybody has accepted it."""
        card = self.charter.seats[seat]
        found = self.acceptances[seat, card.fingerprint]
        return SeatPublic(
            seat=seat, fingerprint=card.fingerprint, opening_key=found.opening_key, kem_key=found.kem_key
        )

    def seats_public(self, seats: Iterable[str]) -> tuple[SeatPublic, ...]:
        """As `seat_public`, of each."""
        return tuple(self.seat_public(seat) for seat in seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathState:
    """One path of a sealed record: seats in the order of leaves, the path's context c, the dealing's digest
    d.
    """

    record_path: RecordPath
    seats: tuple[SeatPublic, ...]
    context: bytes
    digest: Hash

    def seat(self, name: str) -> SeatPublic:
        """The seat as sealed. RefusedError `seat_not_in_path`."""
        for seat in self.seats:
            if seat.seat == name:
                return seat
        raise RefusedError("seat_not_in_path", seat=name, path=self.record_path.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedState:
    """The drop-off order that a record was sealed by: its hash, its digest, and the salt under K."""

    hash: Hash
    digest: Hash
    sealed_salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """A sealed record. `charter` is the proposal's hash it was sealed under; `r` the record's context.

    `author` sealed it, and answers for what is false in it. `depositor` has the record from then on, with the
    seats `author_seats`: the author too, except where `ordered` says that the service sealed it for a seat.
    `reports`: (path, seat, entry) of every envelope said to be bad; `requests` in the order they came.
    """

    body: RecordBody
    body_raw: bytes = field(repr=False)
    proofs: tuple[bytes, ...]
    author: Card
    depositor: Card
    author_seats: tuple[str, ...]
    charter: Hash
    statement_hash: Hash
    n: int
    received_at: datetime
    r: bytes
    paths: Mapping[str, PathState]
    reports: tuple[tuple[str, str, int], ...] = ()
    requests: tuple[Hash, ...] = ()
    ordered: OrderedState | None = None

    def path(self, name: str) -> PathState:
        """RefusedError `path_not_in_record`."""
        found = self.paths.get(name)
        if found is None:
            raise RefusedError("path_not_in_record", path=name, paths=tuple(self.paths))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffState:
    """A sign-off: its statement's hash, the hash of its share object, its entry."""

    hash: Hash
    shares: Hash
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestState:
    """A release asked for. `sign_offs` holds those that stand; `barred` (seat, hash) those withdrawn, never
    to return.

    `counts`: how many a seat ever sent; `withdrawals`: the entries with which it withdrew. Released once the
    policy is met: `released_at`, by entry `released_n`.
    """

    hash: Hash
    record: RecordId
    path: str
    tickets: tuple[Ticket, ...]
    tickets_raw: tuple[str, ...] = field(repr=False)
    author: Card
    purpose: bytes = field(repr=False)
    n: int
    received_at: datetime
    sign_offs: Mapping[str, tuple[SignOffState, ...]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    withdrawals: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    barred: frozenset[tuple[str, Hash]] = frozenset()
    released_at: datetime | None = None
    released_n: int | None = None

    @property
    def signed(self) -> frozenset[str]:
        """The seats whose sign-off stands."""
        return frozenset(self.sign_offs)

    @property
    def withdrawn(self) -> frozenset[Hash]:
        return frozenset(sign_off for _, sign_off in self.barred)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteState:
    """A text under the case key. Where the replay was told to leave texts out, there is none of these."""

    hash: Hash
    author: Card
    text: bytes = field(repr=False)
    n: int
    received_at: datetime


@dataclass(slots=True, kw_only=True)
class CaseState:
    """The case as its chain says, up to `head`. `received_at` is that of the
    last entry by a card in force.

    `service`: the card that signs the next entry, as the charter in force says (L5). `signed`: who signed
    those there are, from which number on; a new row where it is another card than before.
    """

    case: CaseId
    service: Card
    head: Head
    received_at: datetime
    charters: dict[Hash, CharterState] = field(default_factory=dict)
    in_force: Hash | None = None
    records: dict[RecordId, RecordState] = field(default_factory=dict)
    requests: dict[Hash, RequestState] = field(default_factory=dict)
    notes: list[NoteState] = field(default_factory=list)
    statements: dict[Hash, int] = field(default_factory=dict)
    entries: dict[int, Hash] = field(default_factory=dict)
    signed: list[tuple[int, Card]] = field(default_factory=list)
    cards: dict[Fingerprint, Card] = field(default_factory=dict)
    opening_keys: dict[Point, Pair] = field(default_factory=dict)
    kem_keys: dict[bytes, Pair] = field(default_factory=dict)
    dealing_keys: dict[Point, RecordId] = field(default_factory=dict)
    ticket_keys: dict[Point, Hash] = field(default_factory=dict)
    uploads: dict[UploadId, RecordId] = field(default_factory=dict)
    charged: dict[Fingerprint, int] = field(default_factory=dict)
    """Entries that each card's statements have taken, as `room.charge` counts them."""

    @property
    def opening(self) -> CharterState:
        """The charter that the case was opened with."""
        return self.charters[self.case]

    @property
    def current(self) -> CharterState:
        """The charter in force, else the opening one."""
        return self.charters[self.in_force or self.case]

    @property
    def pinned(self) -> Service:
        """The service as the case has it now: at the opening charter's address, by the card in force."""
        return replace(self.opening.charter.service, card=self.service)

    def signer_of(self, n: int) -> Card:
        """The card that signed entry n, one of those that were replayed."""
        return next(card for first, card in reversed(self.signed) if first <= n)

    def note_signer(self, n: int, card: Card) -> None:
        """Keep that this card signed entry n, the last one."""
        if not self.signed or self.signed[-1][1] != card:
            self.signed.append((n, card))

    def known_card(self, fingerprint: Fingerprint) -> Card | None:
        """The card, if it is one of this case (`is_member`)."""
        return self.cards.get(fingerprint)

    def card_for(self, typ: str, fingerprint: Fingerprint) -> Card | None:
        """The card, if it is one that may sign statements of this kind at all (L2).

        A drop-off is the service's to state, and nobody else's; everything else is the parties'.
        """
        if typ != RecordDroppedOff.TYP:
            return self.known_card(fingerprint)
        return self.service if fingerprint == self.service.fingerprint else None

    def is_member(self, fingerprint: Fingerprint) -> bool:
        """Whether this card may read the whole chain and post to it. Not a verdict on anything it says.

        The convenor may, and who holds a seat in the opening charter, in one that is or was in force, or in
        a proposal, as long as that is pending.
        """
        return fingerprint in self.cards

    def stays_member(self, fingerprint: Fingerprint) -> bool:
        """Whether nothing that comes later can end that: more than a pending proposal makes it a member."""
        return any(
            fingerprint in charter.cards
            for charter in self.charters.values()
            if charter.proposal == self.case
            or charter.status in (CharterStatus.IN_FORCE, CharterStatus.REPLACED)
        )

    def require_in_force(self, charter: Hash) -> CharterState:
        """The charter of this proposal, if it holds. RefusedError `charter_not_accepted` (case, seats),
        `charter_not_in_force` (charter, current).
        """
        if self.in_force is None:
            seats = tuple(dict.fromkeys(seat for seat, _ in self.opening.missing))
            raise RefusedError("charter_not_accepted", case=self.case, seats=seats)
        if charter != self.in_force:
            raise RefusedError("charter_not_in_force", charter=charter, current=self.in_force)
        return self.charters[self.in_force]

    def seats_of(self, fingerprint: Fingerprint) -> tuple[str, ...]:
        """The seats that this card holds in the charter in force, else in the opening one."""
        return holdings(self.current.charter, fingerprint)

    def record(self, record: RecordId) -> RecordState:
        """RefusedError `record_unknown`."""
        found = self.records.get(record)
        if found is None:
            raise RefusedError("record_unknown", record=record)
        return found

    def request(self, request: Hash) -> RequestState:
        """RefusedError `request_unknown`."""
        found = self.requests.get(request)
        if found is None:
            raise RefusedError("request_unknown", request=request)
        return found

    def is_public(self, request: Hash) -> bool:
        """Whether this request asks for a release to everybody."""
        asked = self.request(request)
        terms = self.record(asked.record).path(asked.path).record_path.terms
        return terms.audience.kind is AudienceKind.PUBLIC

    def readers_of(self, request: Hash) -> tuple[Card, ...]:
        """The cards that the request's tickets name; empty for a request for the public."""
        return tuple(ticket.card for ticket in self.request(request).tickets)

    def may_open(self, fingerprint: Fingerprint | None, record: RecordId) -> tuple[Hash, ...]:
        """The released requests by which this card (None: anybody) may open the record; empty where there are
        none.
        """
        return tuple(
            request
            for request in self.record(record).requests
            if self.requests[request].released_at is not None
            and (
                self.is_public(request)
                or fingerprint in {card.fingerprint for card in self.readers_of(request)}
            )
        )


def holdings(charter: Charter, fingerprint: Fingerprint) -> tuple[str, ...]:
    """The seats that a card holds in a charter, in the charter's order."""
    return tuple(seat for seat, card in charter.seats.items() if card.fingerprint == fingerprint)
