"""Shapes of what comes in and goes out. They show; they never make bytes that are signed.

Unknown fields are refused (StrictParser), every length is capped, and every answer is documented as it is.
"""

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.model.wire import MAX_INTEGER, to_time
from escrow.service.about import UPLOAD_WAYS
from escrow.store.interface import MAX_PARTS

_HEX16 = validate.Regexp(r"^[0-9a-f]{32}\Z")
_DIGITS = re.compile(r"-?[0-9]{1,16}")
_HEX32 = validate.Regexp(r"^[0-9a-f]{64}\Z")

MAX_STATEMENT_TEXT = 6 * 1024 * 1024
MAX_ATTACHMENT_TEXT = (MAX_SHARE_OBJECT * 4 + 2) // 3
DEFAULT_PAGE = 50
MAX_PAGE = 200
MAX_ADDRESSES = 100
"""In one answer: each takes a millisecond to sign."""


class Time(fields.String):
    """RFC 3339 in UTC with milliseconds."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else to_time(value)


class Whole(fields.Integer):
    """A JSON integer, not a text or a float that looks like one."""

    def __init__(self, *, least: int, most: int = MAX_INTEGER, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(least, most), **kwargs)

    def _validated(self, value: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Number(fields.Integer):
    """A number in a query: ASCII digits, and nothing else that Python takes for a number."""

    def __init__(self, *, least: int, most: int, default: int) -> None:
        super().__init__(load_default=default, validate=validate.Range(least, most))

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Posting(ma.Schema):
    """A signed statement in compact form, and a sign-off's share object."""

    statement = fields.String(required=True, validate=validate.Length(1, MAX_STATEMENT_TEXT))
    attachment = fields.String(validate=validate.Length(1, MAX_ATTACHMENT_TEXT))


class Opening(ma.Schema):
    """The statement that opens a case."""

    statement = fields.String(required=True, validate=validate.Length(1, MAX_STATEMENT_TEXT))


class UploadAnnounced(ma.Schema):
    """How a payload will arrive, in bytes."""

    length = Whole(least=1, required=True)
    part_size = Whole(least=1, required=True)


class Page(ma.Schema):
    """`after`: the number of an entry; what comes later is shown."""

    after = Number(least=-1, most=MAX_INTEGER, default=-1)
    limit = Number(least=1, most=MAX_PAGE, default=DEFAULT_PAGE)


class CasePage(ma.Schema):
    after = fields.String(load_default="", validate=_HEX32)
    limit = Number(least=1, most=MAX_PAGE, default=DEFAULT_PAGE)


class AddressPage(ma.Schema):
    """`after`: the number of a part; addresses of later ones are shown."""

    after = Number(least=0, most=MAX_PARTS, default=0)
    limit = Number(least=1, most=MAX_ADDRESSES, default=MAX_ADDRESSES)


class InboxPage(ma.Schema):
    after = fields.String(load_default=None, validate=validate.Regexp(r"^[0-9a-f]{64}\.[0-9]{1,15}\Z"))
    limit = Number(least=1, most=MAX_PAGE, default=DEFAULT_PAGE)


class Head(ma.Schema):
    n = fields.Integer(required=True)
    hash = fields.String(required=True)


class Receipt(ma.Schema):
    """The entry that holds the statement, signed by the service."""

    receipt = fields.String(required=True, attribute="entry")
    n = fields.Integer(required=True)
    hash = fields.String(required=True)
    statement = fields.String(required=True)


class Limits(ma.Schema):
    statement = fields.Integer(required=True)
    attachment = fields.Integer(required=True)
    upload = fields.Integer(required=True)
    drop_off = fields.Integer(required=True, metadata={"description": "0: this service seals nothing itself"})
    part_size = fields.Integer(required=True)
    entries_per_case = fields.Integer(required=True)
    records_per_case = fields.Integer(required=True)
    hooks_per_card = fields.Integer(required=True, metadata={"description": "0: no webhooks are offered"})


class About(ma.Schema):
    card = fields.String(required=True)
    fingerprint = fields.String(required=True)
    url = fields.String(required=True)
    time = Time(required=True)
    version = fields.String(required=True)
    limits = fields.Nested(Limits, required=True)
    convenors = fields.String(required=True, validate=validate.OneOf(["open", "listed"]))
    uploads = fields.List(fields.String(validate=validate.OneOf(UPLOAD_WAYS)), required=True)
    webhook_key = fields.String(
        required=True, metadata={"description": "by which receivers check webhooks (Standard Webhooks, v1a)"}
    )


class CaseSummary(ma.Schema):
    """`damaged`: the case cannot be read now, and has no head to show."""

    case = fields.String(required=True)
    head = fields.Nested(Head, required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["in-force", "pending", "damaged"]))
    seats = fields.List(fields.String(), required=True)


class CaseList(ma.Schema):
    cases = fields.List(fields.Nested(CaseSummary), required=True)
    next = fields.String(required=True, allow_none=True)


class Seat(ma.Schema):
    seat = fields.String(required=True)
    card = fields.String(required=True)
    fingerprint = fields.String(required=True)
    accepted = fields.Boolean(required=True)


class Charter(ma.Schema):
    proposal = fields.String(required=True)
    replaces = fields.String(required=True, allow_none=True)
    n = fields.Integer(required=True)
    status = fields.String(required=True)
    missing = fields.List(fields.String(), required=True)


class Case(ma.Schema):
    case = fields.String(required=True)
    head = fields.Nested(Head, required=True)
    received_at = Time(required=True)
    in_force = fields.String(required=True, allow_none=True)
    convenor = fields.String(required=True)
    seats = fields.List(fields.Nested(Seat), required=True)
    charters = fields.List(fields.Nested(Charter), required=True)
    records = fields.Integer(required=True)
    requests = fields.Integer(required=True)


class Entries(ma.Schema):
    entries = fields.List(fields.String(), required=True)
    next = fields.Integer(required=True, allow_none=True)


class Verdict(ma.Schema):
    """Whether a condition is met, what is missing, and what enforces it."""

    met = fields.Boolean(required=True)
    need = fields.Integer(required=True)
    have = fields.Integer(required=True)
    label = fields.String(required=True)
    missing = fields.List(fields.String(), required=True)
    opens_at = Time(required=True, allow_none=True)
    enforced = fields.String(required=True, validate=validate.OneOf(["cryptographic", "procedural"]))
    children = fields.List(fields.Nested(lambda: Verdict()), required=True)


class Path(ma.Schema):
    name = fields.String(required=True)
    policy = fields.String(required=True)
    audience = fields.String(required=True)
    seats = fields.List(fields.String(), required=True)
    cards = fields.List(fields.String(), required=True)
    not_before = Time(required=True, allow_none=True)
    dealing = fields.String(required=True)
    verdict = fields.Nested(Verdict, required=True)
    requests = fields.List(fields.String(), required=True)


class Report(ma.Schema):
    path = fields.String(required=True)
    seat = fields.String(required=True)
    n = fields.Integer(required=True)


class Record(ma.Schema):
    record = fields.String(required=True)
    n = fields.Integer(required=True)
    received_at = Time(required=True)
    statement = fields.String(required=True)
    author = fields.String(required=True)
    charter = fields.String(required=True)
    replaces = fields.String(required=True, allow_none=True)
    sha256 = fields.String(required=True)
    length = fields.Integer(required=True)
    paths = fields.List(fields.Nested(Path), required=True)
    reports = fields.List(fields.Nested(Report), required=True)
    dropped_off = fields.Boolean(
        required=True, metadata={"description": "Sealed by the service, by an order"}
    )


class Records(ma.Schema):
    records = fields.List(fields.Nested(Record), required=True)
    next = fields.Integer(required=True, allow_none=True)


class SignOff(ma.Schema):
    seat = fields.String(required=True)
    statement = fields.String(required=True)
    shares = fields.String(required=True)
    n = fields.Integer(required=True)


class Request(ma.Schema):
    request = fields.String(required=True)
    record = fields.String(required=True)
    path = fields.String(required=True)
    n = fields.Integer(required=True)
    received_at = Time(required=True)
    author = fields.String(required=True)
    public = fields.Boolean(required=True)
    readers = fields.List(fields.String(), required=True)
    sign_offs = fields.List(fields.Nested(SignOff), required=True)
    verdict = fields.Nested(Verdict, required=True)
    released_at = Time(required=True, allow_none=True)


class Requests(ma.Schema):
    requests = fields.List(fields.Nested(Request), required=True)
    next = fields.Integer(required=True, allow_none=True)


class Part(ma.Schema):
    """`sha256` null: the storage keeps no digests of parts. The payload's own decides in the end."""

    number = fields.Integer(required=True)
    length = fields.Integer(required=True)
    sha256 = fields.String(required=True, allow_none=True)


class Payload(ma.Schema):
    length = fields.Integer(required=True)
    sha256 = fields.String(required=True)


class Address(ma.Schema):
    number = fields.Integer(required=True)
    url = fields.String(required=True)


class Addresses(ma.Schema):
    """`valid_s`: for how many seconds. `next`: what to ask for parts `after`, null at the end."""

    addresses = fields.List(fields.Nested(Address), required=True)
    valid_s = fields.Integer(required=True)
    next = fields.Integer(required=True, allow_none=True)


class Upload(ma.Schema):
    upload = fields.String(required=True)
    length = fields.Integer(required=True)
    part_size = fields.Integer(required=True)
    completed = fields.Boolean(required=True)
    parts = fields.List(fields.Nested(Part), required=True)


class Item(ma.Schema):
    kind = fields.String(
        required=True, validate=validate.OneOf(["accept", "check-envelope", "sign-off", "open", "damaged"])
    )
    case = fields.String(required=True)
    n = fields.Integer(required=True)
    seats = fields.List(fields.String(), required=True)
    proposal = fields.String(required=True, allow_none=True)
    record = fields.String(required=True, allow_none=True)
    path = fields.String(required=True, allow_none=True)
    request = fields.String(required=True, allow_none=True)


class Inbox(ma.Schema):
    items = fields.List(fields.Nested(Item), required=True)
    next = fields.String(required=True, allow_none=True)


class Meaning(ma.Schema):
    """In `detail` and `remedy`, `{name}` stands for that one of the problem's `fields`."""

    code = fields.String(required=True)
    type = fields.String(required=True)
    statuses = fields.List(fields.Integer(), required=True)
    title = fields.String(required=True)
    detail = fields.String(required=True)
    remedy = fields.String(required=True)
    names = fields.List(fields.String(), required=True, data_key="fields", attribute="fields")


class Problems(ma.Schema):
    problems = fields.List(fields.Nested(Meaning), required=True)


class Health(ma.Schema):
    status = fields.String(required=True)
