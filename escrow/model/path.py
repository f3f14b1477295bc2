"""Release paths: the template a charter holds, and the terms by which one record instantiates it.

Rules (numbered as in README.md):
 P1  A path has a name, a policy, an audience, at most one date, and no notice period (refused until that is
     built).
 P2  An audience is the public, a list of seats, or named readers; named readers may be limited to listed
     cards.
 P3  A record's terms equal their template's, except where the template leaves a date or the cards open.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from escrow.crypto.card import Card
from escrow.errors import MalformedError, RefusedError
from escrow.model.case_key import read_sealed
from escrow.model.wire import (
    Fields,
    Json,
    check_time,
    decode_json,
    encode_json,
    from_time,
    to_base64,
    to_time,
)
from escrow.policy.text import MAX_TEXT_CHARS
from escrow.policy.text import parse as parse_policy
from escrow.policy.tree import MAX_SEAT_NAME_CHARS, Policy, Seat

MAX_CARDS = 16
"""Readers of one request, and cards that a path may list: bounds a sign-off's work and size."""
MAX_TERMS = 64 * 1024
MAX_CARD_TEXT = 100
AT_DEPOSIT = "at-deposit"
"""In a template's `not_before`: the depositor fills the date in."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class AudienceKind(StrEnum):
    """For whom a path opens: everybody, parties in seats, or readers with tickets."""

    PUBLIC = "public"
    SEATS = "seats"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who may open: `seats` only for SEATS, `cards` only for NAMED (empty: whoever the request names)."""

    kind: AudienceKind
    seats: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind is AudienceKind.SEATS) != bool(self.seats):
            raise MalformedError("audience_malformed", field="audience.seats")
        for seat in self.seats:
            Seat(seat)
        if self.cards and self.kind is not AudienceKind.NAMED:
            raise MalformedError("audience_malformed", field="audience.cards")
        if len(set(self.seats)) != len(self.seats) or len(set(self.cards)) != len(self.cards):
            raise MalformedError("audience_repeats", field="audience")

    @classmethod
    def read(cls, fields: Fields) -> "Audience":
        kind = AudienceKind(fields.choice("kind", tuple(AudienceKind)))
        seats: tuple[str, ...] = ()
        cards: tuple[Card, ...] = ()
        if kind is AudienceKind.SEATS:
            seats = fields.texts("seats", least=1, most=MAX_CARDS, limit=MAX_SEAT_NAME_CHARS)
        if kind is AudienceKind.NAMED:
            cards = tuple(
                Card.parse(text)
                for text in fields.texts("cards", least=0, most=MAX_CARDS, limit=MAX_CARD_TEXT)
            )
        fields.done()
        return cls(kind=kind, seats=seats, cards=cards)

    def emit(self) -> Json:
        out: Json = {"kind": self.kind.value}
        if self.kind is AudienceKind.SEATS:
            out["seats"] = list(self.seats)
        if self.kind is AudienceKind.NAMED:
            out["cards"] = [str(card) for card in self.cards]
        return out


def check_path_name(name: str, *, field: str) -> str:
    """Lowercase words joined by hyphens, at most 40 characters."""
    if len(name) > 40 or not _NAME.fullmatch(name):
        raise MalformedError("path_name_malformed", field=field)
    return name


def read_seat(fields: Fields) -> str:
    """The field `seat`: a name that a seat could have. Whether the case has it is asked later."""
    return Seat(fields.text("seat", limit=MAX_SEAT_NAME_CHARS)).name


def _read_policy(fields: Fields) -> Policy:
    return parse_policy(fields.text("policy", limit=MAX_TEXT_CHARS))


def _refuse_notice(fields: Fields, name: str) -> None:
    if fields.take("notice") is not None:
        raise RefusedError("notice_not_supported", path=name)


def _read_template_date(fields: Fields) -> tuple[datetime | None, bool]:
    text = fields.maybe("not_before", lambda key: fields.text(key, limit=40))
    if text is None or text == AT_DEPOSIT:
        return None, text is not None
    return from_time(text, field=fields.name("not_before")), False


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTemplate:
    """A path as the charter promises it. `date_open`: each deposit fills `not_before` in.

    `alone` is a text under the case key; without it, a path that one party can open alone is refused (rule
    C4).
    """

    name: str
    policy: Policy
    audience: Audience
    not_before: datetime | None = None
    date_open: bool = False
    alone: bytes | None = None

    def __post_init__(self) -> None:
        check_path_name(self.name, field="path.name")
        if self.date_open and self.not_before is not None:
            raise MalformedError("path_date_twice", field="not_before")
        if self.not_before is not None:
            check_time(self.not_before, field="not_before")

    @classmethod
    def read(cls, fields: Fields) -> "PathTemplate":
        name = fields.text("name", limit=40)
        policy = _read_policy(fields)
        audience = Audience.read(fields.inner("audience"))
        _refuse_notice(fields, name)
        not_before, date_open = _read_template_date(fields)
        alone = fields.maybe("alone", lambda key: read_sealed(fields, key))
        fields.done()
        return cls(
            name=name,
            policy=policy,
            audience=audience,
            not_before=not_before,
            date_open=date_open,
            alone=alone,
        )

    def emit(self) -> Json:
        date = AT_DEPOSIT if self.date_open else None if self.not_before is None else to_time(self.not_before)
        return {
            "name": self.name,
            "policy": str(self.policy),
            "audience": self.audience.emit(),
            "not_before": date,
            "notice": None,
            "alone": None if self.alone is None else to_base64(self.alone),
        }

    def require_instance(self, terms: "PathTerms") -> None:
        """Rule P3: insist that a record's terms are this template's, blanks filled in."""

        def differs(field: str) -> RefusedError:
            return RefusedError("terms_differ_from_charter", path=self.name, field=field)

        if terms.name != self.name:
            raise differs("name")
        if str(terms.policy) != str(self.policy):
            raise differs("policy")
        if terms.audience.kind is not self.audience.kind or terms.audience.seats != self.audience.seats:
            raise differs("audience")
        if self.audience.cards and terms.audience.cards != self.audience.cards:
            raise differs("audience.cards")
        if self.date_open:
            if terms.not_before is None:
                raise RefusedError("terms_need_a_date", path=self.name)
        elif terms.not_before != self.not_before:
            raise differs("not_before")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTerms:
    """The complete conditions under which one record may be opened by one path.

    `purpose` is a text under the case key. The exact bytes that were sealed are kept beside it by whoever
    parsed them.
    """

    name: str
    policy: Policy
    audience: Audience
    not_before: datetime | None = None
    purpose: bytes | None = None

    def __post_init__(self) -> None:
        check_path_name(self.name, field="path.name")
        if self.not_before is not None:
            check_time(self.not_before, field="not_before")

    @classmethod
    def parse(cls, raw: bytes) -> "PathTerms":
        fields = Fields(decode_json(raw, limit=MAX_TERMS, field="terms"), at="terms")
        name = fields.text("name", limit=40)
        policy = _read_policy(fields)
        audience = Audience.read(fields.inner("audience"))
        _refuse_notice(fields, name)
        not_before = fields.maybe("not_before", fields.time)
        purpose = fields.maybe("purpose", lambda key: read_sealed(fields, key))
        fields.done()
        return cls(name=name, policy=policy, audience=audience, not_before=not_before, purpose=purpose)

    def encode(self) -> bytes:
        return encode_json(
            {
                "name": self.name,
                "policy": str(self.policy),
                "audience": self.audience.emit(),
                "not_before": None if self.not_before is None else to_time(self.not_before),
                "notice": None,
                "purpose": None if self.purpose is None else to_base64(self.purpose),
            }
        )

    def entitled(self, holders: Mapping[str, Card]) -> tuple[Card, ...]:
        """The cards that this path limits its readers to; empty when a request may name anyone (or for the
        public).
        """
        if self.audience.kind is AudienceKind.SEATS:
            return tuple(dict.fromkeys(holders[seat] for seat in self.audience.seats))
        return self.audience.cards
