"""A charter as its author writes it: a TOML file with titles, rules and paths in the clear.

    title = "Keller and Nordwind, mediation"
    rules = "Nothing said here is used elsewhere."     # prose: encrypted under the case key
    retention_days = 3650
    deadlock = "stay-sealed"                           # decider-rules, publish-redacted, destroy
    visibility = "dark"                                # category, notice, index
    public_notice = ""                                 # in the clear: the public may read it
    drop_off = false                                   # true: the service may seal a seat's plain file

    [seats]                                            # in the order in which they are shown
    claimant = "escrowcard1..."
    respondent = "escrowcard1..."

    [paths.settlement]
    policy = "all of (claimant, respondent)"
    audience = "named"                                 # or "public", or ["claimant", "respondent"]
    readers = ["escrowcard1..."]                       # only with "named": these and no others
    not_before = 2027-01-01T00:00:00Z                  # or "at-deposit"
    alone = "..."                                      # needed where one party's seats suffice

The draft knows neither service nor convenor nor case key: `charter` is handed them. Unknown keys are refused.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from escrow.client import texts
from escrow.crypto.card import Card
from escrow.errors import MalformedError, TooLargeError
from escrow.model.case_key import CaseKey
from escrow.model.charter import MAX_NOTICE_TEXT, MAX_RETENTION_DAYS, Charter, Deadlock, Service, Visibility
from escrow.model.path import AT_DEPOSIT, MAX_CARD_TEXT, MAX_CARDS, Audience, AudienceKind, PathTemplate
from escrow.model.wire import Fields, from_time
from escrow.policy.text import parse as parse_policy
from escrow.policy.tree import Seat

_KEYS = frozenset(
    (
        "title",
        "rules",
        "retention_days",
        "deadlock",
        "visibility",
        "public_notice",
        "drop_off",
        "seats",
        "paths",
    )
)
_PATH_KEYS = frozenset(("policy", "audience", "readers", "not_before", "alone"))
MAX_DRAFT = 256 * 1024
MAX_WORDS = 8000
"""Characters of a text under the case key; its limit in bytes stands in escrow/model/path.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPath:
    """One path template, its words about opening alone still in the clear."""

    template: PathTemplate
    alone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterDraft:
    """What a person decides about a case. Made by `from_toml`, or by a program that fills the fields."""

    title: str
    rules: str
    retention_days: int
    deadlock: Deadlock
    visibility: Visibility
    public_notice: str
    seats: Mapping[str, Card]
    paths: tuple[DraftPath, ...]
    drop_off: bool = False

    @classmethod
    def from_toml(cls, text: str) -> "CharterDraft":
        """Read a draft. MalformedError `draft_not_toml`, `draft_seats_missing`, `draft_paths_missing`, or by
        field.
        """
        if len(text) > MAX_DRAFT:
            raise TooLargeError("field_too_large", field="draft", limit=MAX_DRAFT)
        try:
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise MalformedError("draft_not_toml", field="draft", line=_line(error, text)) from error
        _require_no_others(table, _KEYS, at="")
        fields = Fields({"public_notice": "", "rules": "", "drop_off": False} | table)
        draft = cls(
            title=fields.text("title", limit=200),
            rules=fields.text("rules", limit=MAX_WORDS),
            retention_days=fields.integer("retention_days", least=1, most=MAX_RETENTION_DAYS),
            deadlock=Deadlock(fields.choice("deadlock", tuple(Deadlock))),
            visibility=Visibility(fields.choice("visibility", tuple(Visibility))),
            public_notice=fields.text("public_notice", limit=MAX_NOTICE_TEXT),
            drop_off=fields.flag("drop_off"),
            seats=_read_seats(_table(fields, "seats", MalformedError("draft_seats_missing", field="seats"))),
            paths=_read_paths(_table(fields, "paths", MalformedError("draft_paths_missing", field="paths"))),
        )
        for path in draft.paths:
            with _at(path=path.template.name):
                path.template.policy.require_known(frozenset(draft.seats))
        return draft

    def charter(self, *, service: Service, convenor: Card, case_key: CaseKey) -> Charter:
        """The charter itself, prose encrypted. Refuses what the charter's own rules refuse
        (escrow/model/charter.py).
        """
        return Charter(
            service=service,
            convenor=convenor,
            seats=self.seats,
            case_key_hash=case_key.hash,
            prose=texts.seal_prose(case_key, title=self.title, rules=self.rules),
            paths=tuple(_seal_path(path, case_key) for path in self.paths),
            retention_days=self.retention_days,
            deadlock=self.deadlock,
            visibility=self.visibility,
            public_notice=self.public_notice,
            drop_off=self.drop_off,
        )


def _line(error: Exception, text: str) -> int:
    """tomllib says the line in its words only; else it was the end."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else text.count("\n") + 1


def _require_no_others(table: Mapping[str, object], keys: frozenset[str], *, at: str) -> None:
    """A key that is misspelt is named before the one that is missing for it."""
    Fields({key: None for key in table if key not in keys}, at=at).done()


@contextmanager
def _at(**where: str) -> Iterator[None]:
    """Errors within say where in the draft they are."""
    try:
        yield
    except MalformedError as error:
        raise type(error)(error.code, **{**error.fields, **where}) from error


def _table(fields: Fields, key: str, missing: MalformedError) -> dict[str, Any]:
    found = fields.take(key)
    if not isinstance(found, dict) or not found:
        raise missing
    return found


def _read_seats(table: dict[str, Any]) -> dict[str, Card]:
    fields = Fields(table, at="seats")
    seats: dict[str, Card] = {}
    for name in table:
        text = fields.text(Seat(name).name, limit=MAX_CARD_TEXT)
        with _at(field=fields.name(name)):
            seats[name] = Card.parse(text)
    return seats


def _read_paths(table: dict[str, Any]) -> tuple[DraftPath, ...]:
    return tuple(_read_path(name, value) for name, value in table.items())


def _read_path(name: str, value: object) -> DraftPath:
    at = f"paths.{name}"
    optional: dict[str, object] = {"readers": [], "not_before": None, "alone": None}
    if isinstance(value, dict):
        _require_no_others(value, _PATH_KEYS, at=at)
    fields = Fields(optional | value if isinstance(value, dict) else value, at=at)
    with _at(path=name):
        policy = parse_policy(fields.text("policy", limit=MAX_DRAFT))
    audience = _read_audience(fields)
    not_before, date_open = _read_date(fields)
    alone = fields.maybe("alone", lambda key: fields.text(key, limit=MAX_WORDS))
    fields.done()
    template = PathTemplate(
        name=name, policy=policy, audience=audience, not_before=not_before, date_open=date_open
    )
    return DraftPath(template=template, alone=alone)


def _read_audience(fields: Fields) -> Audience:
    value = fields.take("audience")
    listed = fields.texts("readers", least=0, most=MAX_CARDS, limit=MAX_CARD_TEXT)
    cards = tuple(Card.parse(text) for text in listed)
    if isinstance(value, list):
        seats = Fields({"audience": value}, at=fields.name("audience")).texts(
            "audience", least=1, most=MAX_CARDS, limit=40
        )
        return Audience(kind=AudienceKind.SEATS, seats=seats, cards=cards)
    if not isinstance(value, str) or value not in ("public", "named"):
        allowed = ("public", "named", '["seat", ...]')
        raise MalformedError("field_not_a_choice", field=fields.name("audience"), allowed=allowed)
    return Audience(kind=AudienceKind(value), cards=cards)


def _read_date(fields: Fields) -> tuple[datetime | None, bool]:
    """A TOML date-time with an offset, the same as text, "at-deposit", or nothing."""
    value = fields.take("not_before")
    if value is None or value == AT_DEPOSIT:
        return None, value is not None
    field = fields.name("not_before")
    if isinstance(value, str):
        return from_time(value, field=field), False
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise MalformedError("draft_date_without_zone", field=field)
    moment = value.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000), False


def _seal_path(path: DraftPath, case_key: CaseKey) -> PathTemplate:
    template = path.template
    return PathTemplate(
        name=template.name,
        policy=template.policy,
        audience=template.audience,
        not_before=template.not_before,
        date_open=template.date_open,
        alone=None if path.alone is None else texts.seal_alone(case_key, template.name, path.alone),
    )
