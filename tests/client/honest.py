"""A whole honest service in memory, spoken to as a courier; and a courier that lies as it is told to.

Both let the SDK run without HTTP, so that a test can put its lie exactly where the wire would carry it.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from support import dropping
from support.build import SERVICE, Clock, MemoryChain, party

from escrow.client import CharterDraft, Memory, Posting, Session
from escrow.client.courier import (
    Addresses,
    CasesPage,
    ChangesPage,
    Courier,
    EntriesPage,
    Part,
    PayloadStream,
    ServiceInfo,
    UntrustedReceipt,
    UntrustedReference,
    UntrustedRequest,
    Upload,
)
from escrow.crypto.identity import Identity
from escrow.errors import NotFoundError
from escrow.ledger import bundle
from escrow.ledger.order import UnverifiedOrder
from escrow.ledger.shares import require_share_object
from escrow.ledger.state import CaseState
from escrow.ledger.statement import UnverifiedStatement, compose
from escrow.model.deeds import SignedOff
from escrow.model.drop_off import DropOffOrder, OrderFile
from escrow.model.record import Payload
from escrow.policy.verdict import assess

URL = "https://escrow.example"
PAGE = 3  # small, so that following a chain always takes several


@dataclass
class Service:
    """What one honest service keeps."""

    clock: Clock = field(default_factory=Clock)
    identity: Identity = SERVICE
    former: tuple[Identity, ...] = ()
    chains: dict[str, MemoryChain] = field(default_factory=dict)
    uploads: dict[str, tuple[int, int, dict[int, bytes]]] = field(default_factory=dict)
    shares: dict[str, bytes] = field(default_factory=dict)
    parts_taken: list[int] = field(default_factory=list)
    ways: tuple[str, ...] = ("parts",)
    completed: set[str] = field(default_factory=set)
    references: dict[tuple[str, str], UntrustedReference] = field(default_factory=dict)

    def keep(self, made: dropping.Dropped) -> None:
        """The ciphertext of a drop-off."""
        upload = made.deed.sealed.body.payload.upload
        self.uploads[upload] = (len(made.sealed), len(made.sealed), {1: made.sealed})
        self.completed.add(upload)

    def new_key(self, identity: Identity, *, lost: bool = False) -> None:
        """A new key for new cases; the old one is kept for those under it, unless it is lost."""
        self.identity, self.former = identity, () if lost else (self.identity, *self.former)
        for chain in self.chains.values():
            chain.service, chain.more = self.identity, self.former

    def state(self, case: str) -> CaseState:
        if case not in self.chains:
            raise NotFoundError("not_found")
        return self.chains[case].state


@dataclass
class HonestCourier:
    """One party's line to the service; nobody's, where `identity` is None."""

    honest: Service
    identity: Identity | None = None
    url: str = URL

    @property
    def _fingerprint(self) -> str:
        return "" if self.identity is None else self.identity.card.fingerprint

    def _state(self, case: str) -> CaseState:
        state = self.honest.state(case)
        if not state.is_member(self._fingerprint):
            raise NotFoundError("not_found")
        return state

    def service(self) -> ServiceInfo:
        return ServiceInfo(
            card=self.honest.identity.card, url=self.url, time=self.honest.clock(), version="1",
            uploads=self.honest.ways,
        )  # fmt: skip

    def post(self, posting: Posting) -> UntrustedReceipt:
        untrusted = UnverifiedStatement.parse(posting.statement)
        chain = self.honest.chains.get(posting.case or untrusted.hash)
        if chain is None:
            chain = MemoryChain(clock=self.honest.clock, service=self.honest.identity)
        known = 0 if chain.replayed is None else len(chain.entries)
        if posting.attachment is not None and posting.case is not None:
            self._take_share(self.honest.state(posting.case), posting, posting.attachment)
        entry = chain.append(posting.statement)
        self.honest.chains[entry.case] = chain
        return UntrustedReceipt(entry=entry.raw, created=entry.n == known)

    def _take_share(self, state: CaseState, posting: Posting, raw: bytes) -> None:
        untrusted = UnverifiedStatement.parse(posting.statement)
        card = state.known_card(untrusted.kid)
        assert card is not None
        deed = untrusted.verify(card).deed
        assert isinstance(deed, SignedOff)
        require_share_object(state, deed.request, deed.seat, deed.shares, raw)
        self.honest.shares[deed.shares] = raw

    def cases(self, *, after: str | None) -> CasesPage:
        """Of members, and of readers whom a request names."""
        return CasesPage(cases=tuple(filter(self._concerns, self.honest.chains)), next=None)

    def _concerns(self, case: str) -> bool:
        state = self.honest.state(case)
        readers = {one.card.fingerprint for asked in state.requests.values() for one in asked.tickets}
        return state.is_member(self._fingerprint) or self._fingerprint in readers

    def changes(self, *, after: str | None) -> ChangesPage:
        """Every case may have grown, as far as this service knows."""
        found = () if after is None else self.cases(after=None).cases
        return ChangesPage(cases={case: self._state(case).head.n for case in found}, next="1", more=False)

    def reference(self, reference: str) -> UntrustedReference:
        found = self.honest.references.get((self._fingerprint, reference))
        if found is None:
            raise NotFoundError("not_found")
        return found

    def give_reference(self, reference: str, case: str, proof: str) -> None:
        given = UntrustedReference(case=case, proof=proof)
        assert self.honest.references.setdefault((self._fingerprint, reference), given) == given

    def close(self) -> None:
        pass

    def entries(self, case: str, *, after: int) -> EntriesPage:
        self._state(case)
        entries = self.honest.chains[case].entries
        page = tuple(entries[after + 1 : after + 1 + PAGE])
        return EntriesPage(entries=page, more=after + 1 + len(page) < len(entries))

    def begin_upload(self, case: str, upload: str, *, length: int, part_size: int) -> Upload:
        self._state(case)
        length, part_size, parts = self.honest.uploads.setdefault(upload, (length, part_size, {}))
        there = tuple(_part(number, data) for number, data in sorted(parts.items()))
        completed = upload in self.honest.completed
        return Upload(upload=upload, length=length, part_size=part_size, completed=completed, parts=there)

    def put_part(self, case: str, upload: str, number: int, data: bytes) -> Part:
        self.honest.uploads[upload][2][number] = data
        self.honest.parts_taken.append(number)
        return _part(number, data)

    def put_payload(
        self, case: str, upload: str, pieces: Callable[[], Iterator[bytes]], *, payload: Payload
    ) -> None:
        """Every part counts as soon as it is whole, whatever comes after it."""
        _, size, parts = self.honest.uploads[upload]
        held = b""
        for piece in pieces():
            held += piece
            while len(held) >= size:
                parts[len(parts) + 1], held = held[:size], held[size:]
        if held:
            parts[len(parts) + 1] = held
        self.honest.completed.add(upload)

    def drop_off(
        self, case: str, order: bytes, pieces: Callable[[], Iterator[bytes]], *, length: int
    ) -> UntrustedReceipt:
        document, file = b"".join(pieces()), OrderFile.load(order)
        assert len(document) == length
        words = DropOffOrder.parse(UnverifiedOrder.parse(file.order).untrusted_jws.payload)
        state, service = self.honest.state(case), self.honest.identity
        made = dropping.carry_out(state, file, words, document, service=service)
        self.honest.keep(made)
        return self.post(
            Posting(case=case, statement=compose(service, made.deed, case=case, head=state.head))
        )

    def addresses(self, case: str, upload: str, *, after: int) -> Addresses:
        length, size, _ = self.honest.uploads[upload]
        numbers = range(after + 1, min(after + PAGE, -(-length // size)) + 1)
        return Addresses(urls={n: f"https://s3.example/{upload}/{n}" for n in numbers}, valid_s=900)

    def put_to_address(self, url: str, data: bytes) -> None:
        _, upload, number = url.rsplit("/", 2)
        self.put_part("", upload, int(number), data)

    @contextmanager
    def payload(self, case: str, record: str, *, start: int) -> Iterator[PayloadStream]:
        body = self.honest.state(case).record(record).body
        parts = self.honest.uploads[body.payload.upload][2]
        raw = b"".join(data for _, data in sorted(parts.items()))
        yield PayloadStream(total=len(raw), chunks=iter([raw[start:]] if start < len(raw) else []))

    def request(self, case: str, request: str) -> UntrustedRequest:
        state = self.honest.state(case)
        asked = state.request(request)
        named = [ticket.card.fingerprint for ticket in asked.tickets]
        if not state.is_member(self._fingerprint) and self._fingerprint not in named:
            raise NotFoundError("not_found")
        terms = state.record(asked.record).path(asked.path).record_path.terms
        verdict = assess(terms.policy, asked.signed, not_before=terms.not_before, at=self.honest.clock())
        return UntrustedRequest(
            have=verdict.have,
            need=verdict.need,
            missing=verdict.missing,
            opens_at=verdict.opens_at,
            released=asked.released_at is not None,
        )

    def bundle(self, case: str, request: str) -> bytes:
        state = self.honest.state(case)
        if state.request(request).released_at is None:
            raise NotFoundError("not_found")
        parts = bundle.select(state, request)
        entries = self.honest.chains[case].entries
        return bundle.compose(
            [entries[n] for n in parts.entries],
            {name: self.honest.shares[name] for name in parts.shares if name in self.honest.shares},
        )

    def share(self, case: str, shares: str) -> bytes:
        if shares not in self.honest.shares:
            raise NotFoundError("not_found")
        return self.honest.shares[shares]


def _part(number: int, data: bytes) -> Part:
    return Part(number=number, length=len(data), sha256=hashlib.sha256(data).hexdigest())


class LyingCourier:
    """Speaks honestly, except where `lies[name]` makes something else of a true answer."""

    def __init__(self, honest: Courier) -> None:
        self._honest = honest
        self.lies: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, name: str) -> Any:
        true = getattr(self._honest, name)
        if not callable(true):
            return true

        def answer(*args: Any, **named: Any) -> Any:
            lie = self.lies.get(name)
            said = true(*args, **named)
            return said if lie is None else lie(said, *args, **named)

        return answer


class WatchedCourier(LyingCourier):
    """As that; `heard` is what was asked and told there."""

    def __init__(self, honest: Courier) -> None:
        super().__init__(honest)
        self.heard: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name != "url":
            self.heard.append(name)
        return super().__getattr__(name)


DRAFT = """
title = "Keller and Nordwind, mediation"
rules = "Nothing said here is used elsewhere."
retention_days = 365
deadlock = "stay-sealed"
visibility = "dark"

[seats]
claimant = "{claimant}"
respondent = "{respondent}"
mediator = "{mediator}"

[paths.settlement]
policy = "2 of (claimant, respondent, mediator)"
audience = "named"

[paths.memo]
policy = "all of (claimant, respondent)"
audience = "public"
not_before = "at-deposit"

[paths.exchange]
policy = "all of (claimant, any of (respondent, mediator))"
audience = ["claimant", "respondent"]
"""


def draft(**seats: Identity) -> CharterDraft:
    cards = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
    return CharterDraft.from_toml(
        DRAFT.format(**cards | {seat: str(who.card) for seat, who in seats.items()})
    )


def accepted(session: Callable[[str], Session], **changed: Any) -> tuple[str, dict[str, Session]]:
    """A case that everybody has accepted, and everybody's session. `changed`: in the draft."""
    convenor = session("institution")
    case = convenor.open_case(replace(draft(), **changed)).case
    people = {"institution": convenor}
    for seat, invitation in convenor.invitations(case).items():
        people[seat] = session(seat)
        people[seat].join(invitation)
        people[seat].accept(case, invitation.proposal)
    return case, people


@dataclass
class World:
    """A service, and every party with a home and a line of its own."""

    folder: Path
    service: Service = field(default_factory=Service)

    def session(self, name: str, *, home: str | None = None) -> Session:
        identity = party(name)
        courier = LyingCourier(HonestCourier(self.service, identity))
        return Session(identity, courier, Memory(self.folder / (home or name)), clock=self.service.clock)

    def accepted(self, **changed: Any) -> tuple[str, dict[str, Session]]:
        """As the function."""
        return accepted(self.session, **changed)

    def document(self, text: bytes = b"We agree on 4,000,000.", name: str = "settlement.txt") -> Path:
        path = self.folder / name
        path.write_bytes(text)
        return path


def courier_of(session: Session) -> LyingCourier:
    """The session's courier, to be told what to lie about."""
    assert isinstance(session.courier, LyingCourier)
    return session.courier
