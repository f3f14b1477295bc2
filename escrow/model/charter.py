"""The charter: what every seat accepts before the first deposit, so that all know beforehand how anything may
be opened.

Rules (numbered as in README.md):
 C1  1 to 256 seats, each with a name of its own and a card; 1 to 32 paths, each with a name of its own.
 C2  Every seat that a path's policy or audience names is a seat of the charter.
 C3  What happens on deadlock and how long records are retained is always said.
 C4  A path that one party's seats can open alone carries words about it (under the case key), or the charter
     is refused.
 C5  The charter pins the service's card and the case key's hash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from escrow.crypto.card import Card
from escrow.errors import MalformedError, RefusedError
from escrow.model.case_key import read_sealed
from escrow.model.ids import HASH_BYTES, Hash
from escrow.model.path import MAX_CARD_TEXT, PathTemplate, read_seat
from escrow.model.wire import Fields, Json, check_count, check_hex, to_base64
from escrow.policy.explain import can_open_alone
from escrow.policy.tree import Seat

MAX_SEATS = 256
MAX_PATHS = 32
MAX_URL = 500
MAX_NOTICE_TEXT = 4000
MAX_RETENTION_DAYS = 365 * 100
MAX_PROSE_BLOCKS = 256
"""The rules that a case goes by: 64 KiB, padding included."""

_URL = re.compile(r"https?://[!-~]{1,400}")


class Deadlock(StrEnum):
    """What happens when a release is asked for and never agreed. Shown to all; the program never acts on it
    alone.
    """

    STAY_SEALED = "stay-sealed"
    DECIDER_RULES = "decider-rules"
    PUBLISH_REDACTED = "publish-redacted"
    DESTROY = "destroy"


class Visibility(StrEnum):
    """What the public may know of the case before a release (the ladder of the README)."""

    DARK = "dark"
    CATEGORY = "category"
    NOTICE = "notice"
    INDEX = "index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service that keeps the case: its public URL, and the card that its entries are signed by."""

    url: str
    card: Card

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.url) or self.url.endswith("/"):
            raise MalformedError("service_url_malformed", field="service.url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter:
    """See the rules above. `seats` keeps its order; `prose` is a text under the case key.

    `drop_off`: the service may seal a seat's plain file by that seat's order, and sees it meanwhile.
    """

    service: Service
    convenor: Card
    seats: Mapping[str, Card]
    case_key_hash: Hash
    prose: bytes
    paths: tuple[PathTemplate, ...]
    retention_days: int
    deadlock: Deadlock
    visibility: Visibility
    public_notice: str
    drop_off: bool = False

    def __post_init__(self) -> None:
        check_count(len(self.seats), least=1, most=MAX_SEATS, field="seats")
        check_count(len(self.paths), least=1, most=MAX_PATHS, field="paths")
        check_hex(self.case_key_hash, size=HASH_BYTES, field="case_key_hash")
        for seat in self.seats:
            Seat(seat)
        names = [path.name for path in self.paths]
        if len(set(names)) != len(names):
            raise MalformedError("path_name_twice", field="paths")
        seats = frozenset(self.seats)
        for path in self.paths:
            path.policy.require_known(seats)
            for seat in path.audience.seats:
                if seat not in seats:
                    raise MalformedError(
                        "policy_seat_unknown", field="audience.seats", seat=seat, path=path.name
                    )
        self._require_words_where_one_party_can_open_alone()

    def _require_words_where_one_party_can_open_alone(self) -> None:
        held: dict[str, set[str]] = {}
        for seat, card in self.seats.items():
            held.setdefault(card.fingerprint, set()).add(seat)
        groups = {fingerprint: frozenset(seats) for fingerprint, seats in held.items()}
        for path in self.paths:
            alone = can_open_alone(path.policy, groups)
            if alone and path.alone is None:
                seats = tuple(seat for seat in self.seats if self.seats[seat].fingerprint == alone[0])
                raise RefusedError("one_party_can_open_alone", path=path.name, seats=seats)

    def path(self, name: str) -> PathTemplate:
        for path in self.paths:
            if path.name == name:
                return path
        raise RefusedError("path_not_in_charter", path=name, paths=tuple(path.name for path in self.paths))

    @classmethod
    def read(cls, fields: Fields) -> "Charter":
        service = fields.inner("service")
        pinned = Service(url=service.text("url", limit=MAX_URL), card=_card(service, "card"))
        service.done()
        convenor = _card(fields, "convenor")
        seats = _read_seats(fields)
        case_key_hash = fields.hex("case_key_hash", size=HASH_BYTES)
        prose = read_sealed(fields, "prose", blocks=MAX_PROSE_BLOCKS)
        paths = tuple(
            PathTemplate.read(Fields(item, at=at))
            for at, item in fields.items("paths", least=1, most=MAX_PATHS)
        )
        retention_days = fields.integer("retention_days", least=1, most=MAX_RETENTION_DAYS)
        deadlock = Deadlock(fields.choice("deadlock", tuple(Deadlock)))
        visibility = Visibility(fields.choice("visibility", tuple(Visibility)))
        public_notice = fields.text("public_notice", limit=MAX_NOTICE_TEXT)
        drop_off = fields.flag("drop_off")
        fields.done()
        return cls(
            service=pinned,
            convenor=convenor,
            seats=seats,
            case_key_hash=case_key_hash,
            prose=prose,
            paths=paths,
            retention_days=retention_days,
            deadlock=deadlock,
            visibility=visibility,
            public_notice=public_notice,
            drop_off=drop_off,
        )

    def emit(self) -> Json:
        return {
            "service": {"url": self.service.url, "card": str(self.service.card)},
            "convenor": str(self.convenor),
            "seats": [{"seat": seat, "card": str(card)} for seat, card in self.seats.items()],
            "case_key_hash": self.case_key_hash,
            "prose": to_base64(self.prose),
            "paths": [path.emit() for path in self.paths],
            "retention_days": self.retention_days,
            "deadlock": self.deadlock.value,
            "visibility": self.visibility.value,
            "public_notice": self.public_notice,
            "drop_off": self.drop_off,
        }


def convenor_of(charter: Fields) -> Card:
    """The convenor's card alone, of a charter not read yet: enough to check the signature over all of it.

    Reading a charter of many seats costs far more than refusing a false signature.
    """
    return _card(charter, "convenor")


def service_card_of(charter: Fields) -> Card:
    """The pinned service's card alone, of a charter not read yet: enough to check an entry's signature."""
    return _card(charter.inner("service"), "card")


def _card(fields: Fields, key: str) -> Card:
    return Card.parse(fields.text(key, limit=MAX_CARD_TEXT))


def _read_seats(fields: Fields) -> dict[str, Card]:
    seats: dict[str, Card] = {}
    for at, item in fields.items("seats", least=1, most=MAX_SEATS):
        row = Fields(item, at=at)
        name = read_seat(row)
        if name in seats:
            raise MalformedError("seat_twice", field=at, seat=name)
        seats[name] = _card(row, "card")
        row.done()
    return seats
