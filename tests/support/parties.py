"""Who tests are about: parties from fixed seeds, a clock that stands still, a charter with three paths."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.ledger.keys import ServiceKeys
from escrow.model.case_key import TEXT_BLOCK, TEXT_OVERHEAD, CaseKey, Place, place
from escrow.model.charter import Charter, Deadlock, Service, Visibility
from escrow.model.path import Audience, AudienceKind, PathTemplate
from escrow.policy.text import parse as parse_policy

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
URL = "https://escrow.example"


def bytes_of(text: str, size: int = 32) -> bytes:
    """Fixed bytes that differ for different texts."""
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def party(name: str) -> Identity:
    """The identity of a party in tests, the same in every run."""
    return Identity.from_seed(bytes_of(f"party {name}"))


def sealed(text: str) -> bytes:
    """Fixed bytes of the length of a text under the case key: for rules that cannot read it."""
    return hashlib.shake_256(text.encode()).digest(TEXT_OVERHEAD + TEXT_BLOCK)


SEALED = sealed("words")
SERVICE = party("service")
KEYS = ServiceKeys(SERVICE)
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
