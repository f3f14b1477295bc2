"""What a service answers, read strictly: JSON of the expected shape within a limit, or one of our errors.

A problem (RFC 9457) is mapped back, by status and code, into the family that the service raised, with the
same fields and `request_id` beside them, and marked `by_service`: it is the service's word. None becomes a
ForgedError, which says that this program verified something and found it false; what a service calls false
(422) it has refused. Whatever else comes is MalformedError `answer_malformed`: from a
service, or from something that stands in its place.
"""

import re
from collections.abc import Mapping
from functools import partial

from escrow.client.courier import (
    Addresses,
    ChangesPage,
    Hook,
    Part,
    ServiceInfo,
    UntrustedReference,
    UntrustedRequest,
    Upload,
)
from escrow.crypto.card import Card
from escrow.errors import (
    ConflictError,
    EscrowError,
    Field,
    MalformedError,
    NotFoundError,
    RefusedError,
    TooLargeError,
    TooManyError,
    UnauthorizedError,
    UnavailableError,
    said_by_service,
)
from escrow.ledger.entry import MAX_ENTRY
from escrow.model.charter import MAX_SEATS, MAX_URL
from escrow.model.ids import CASE_BYTES, HASH_BYTES, UPLOAD_BYTES
from escrow.model.path import MAX_CARD_TEXT
from escrow.model.record import MAX_PAYLOAD
from escrow.model.webhook import MAX_URL as MAX_HOOK_URL
from escrow.model.wire import MAX_INTEGER, Fields, Json, check_hex, decode_json
from escrow.policy.tree import MAX_SEAT_NAME_CHARS

MAX_PROBLEM = 64 * 1024
MAX_PARTS = 10_000
MAX_PAGE = 1000
MAX_CURSOR = 500
MAX_WAYS = 20
MAX_WEBHOOK_KEY = 100
HOOK_BYTES = 16
MAX_WHY = 32
MAX_ADDRESSES = 1000
MAX_ADDRESS = 4096
MAX_VALID_S = 7 * 24 * 3600
"""As long as any S3 server lets a signed address be good."""
RACES = frozenset({"append_conflict"})
"""Codes under 409 that are a race (ask again), not a refusal."""

_FAMILIES: Mapping[int, type[EscrowError]] = {
    400: MalformedError,
    401: UnauthorizedError,
    403: RefusedError,
    404: NotFoundError,
    409: RefusedError,
    413: TooLargeError,
    422: RefusedError,
    429: TooManyError,
    500: UnavailableError,
    503: UnavailableError,
}
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def malformed(field: str, **more: Field) -> MalformedError:
    """What is raised for an answer that is not of its shape: `answer_malformed`, with the field."""
    return MalformedError("answer_malformed", field=field, **more)


def problem(
    status: int, content_type: str, raw: bytes, request_id: str, retry_after: str = ""
) -> EscrowError:
    """The error that a status of 400 or more stands for. `retry_after`: seconds, where the service names
    some.
    """
    identity: dict[str, Field] = {"request_id": request_id} if _plain(request_id) else {}
    if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 7:
        identity["retry_after"] = int(retry_after)
    family = _FAMILIES.get(status)
    if content_type.partition(";")[0].strip() != "application/problem+json" or family is None:
        if status in (429, 500, 502, 503, 504):  # a proxy speaks, not the service
            return UnavailableError("service_unreachable", status=status, **identity)
        return malformed("status", status=status, **identity)
    try:
        body = decode_json(raw, limit=MAX_PROBLEM, field="answer")
    except MalformedError:
        return malformed("answer", status=status, **identity)
    code = body.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return malformed("answer.code", status=status, **identity)
    if family is RefusedError and code in RACES:
        family = ConflictError
    return said_by_service(family(code, **{**_fields(body), **identity}))


def _fields(body: Json) -> dict[str, Field]:
    """The plain facts of a problem; whatever is not one is left out."""
    given = body.get("fields")
    found: dict[str, Field] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        if not _CODE.fullmatch(name) or name == "code":
            continue
        if isinstance(value, list) and all(isinstance(item, str) and _plain(item) for item in value):
            found[name] = tuple(value)
        elif type(value) is int or (isinstance(value, str) and _plain(value)):
            found[name] = value
    incident = body.get("incident")
    if isinstance(incident, str) and _plain(incident):
        found["incident"] = incident
    return found


def _plain(text: str) -> bool:
    """Short and printable: fields end up on terminals."""
    return 0 < len(text) <= 500 and text.isprintable()


def read_service(fields: Fields) -> ServiceInfo:
    """What a service says of itself. As all here: MalformedError for another shape; unknown fields pass."""
    return ServiceInfo(
        card=Card.parse(fields.text("card", limit=MAX_CARD_TEXT)),
        url=fields.text("url", limit=MAX_URL),
        time=fields.time("time"),
        version=fields.text("version", limit=100),
        uploads=_read_ways(fields),
        webhook_key=fields.text("webhook_key", limit=MAX_WEBHOOK_KEY) if fields.has("webhook_key") else None,
    )


def _read_ways(fields: Fields) -> tuple[str, ...]:
    """A service of an earlier version says nothing, and takes parts."""
    if not fields.has("uploads"):
        return ("parts",)
    return fields.texts("uploads", least=1, most=MAX_WAYS, limit=100)


def read_receipt(fields: Fields) -> str:
    """The entry; its number and hash are read out of it, not out of what stands beside."""
    return fields.text("receipt", limit=MAX_ENTRY)


def read_entries(fields: Fields) -> tuple[tuple[str, ...], bool]:
    """Entries (compact JWS) in order, and whether there are more."""
    entries = fields.texts("entries", least=0, most=MAX_PAGE, limit=MAX_ENTRY)
    following = fields.maybe("next", lambda key: fields.integer(key, least=0, most=MAX_INTEGER))
    return entries, following is not None


def read_cases(fields: Fields) -> tuple[tuple[str, ...], str | None]:
    """Ids of cases, and the cursor of the next page; None: that was the last."""
    cases = []
    for at, item in fields.items("cases", least=0, most=MAX_PAGE):
        cases.append(Fields(item, at=at).hex("case", size=CASE_BYTES))
    return tuple(cases), fields.maybe("next", lambda key: fields.text(key, limit=MAX_CURSOR))


def read_changes(fields: Fields) -> ChangesPage:
    """Cases that may have grown, each with its last entry's number where it is told, and the next cursor."""
    cases: dict[str, int | None] = {}
    for at, item in fields.items("cases", least=0, most=MAX_PAGE):
        one = Fields(item, at=at)
        cases[one.hex("case", size=CASE_BYTES)] = one.maybe(
            "n", partial(one.integer, least=0, most=MAX_INTEGER)
        )
    return ChangesPage(cases=cases, next=fields.text("next", limit=MAX_CURSOR), more=fields.flag("more"))


def read_reference(fields: Fields) -> UntrustedReference:
    """The case that a reference leads to, and the proof of it, not looked at yet."""
    return UntrustedReference(
        case=fields.hex("case", size=CASE_BYTES), proof=fields.hex("proof", size=HASH_BYTES)
    )


def read_hook(fields: Fields) -> Hook:
    """A hook of the caller's, as the service tells of it. MalformedError."""
    closed = fields.maybe("closed", fields.inner)
    return Hook(
        hook=fields.hex("hook", size=HOOK_BYTES),
        url=fields.text("url", limit=MAX_HOOK_URL),
        created=fields.time("created"),
        closed=None if closed is None else closed.time("at"),
        why=None if closed is None else closed.text("why", limit=MAX_WHY),
        delivered=fields.maybe("delivered", lambda key: fields.hex(key, size=HASH_BYTES)),
        delivered_at=fields.maybe("delivered_at", fields.time),
        waiting=fields.integer("waiting", least=0, most=MAX_INTEGER),
        waiting_since=fields.maybe("waiting_since", fields.time),
    )


def read_hooks(fields: Fields) -> tuple[Hook, ...]:
    """All of the caller's hooks, at most `MAX_PAGE`. MalformedError."""
    return tuple(read_hook(Fields(item, at=at)) for at, item in fields.items("hooks", least=0, most=MAX_PAGE))


def read_request(fields: Fields) -> UntrustedRequest:
    """What a request waits for; the rest is read from the chain, by who may see that."""
    verdict = fields.inner("verdict")
    return UntrustedRequest(
        have=verdict.integer("have", least=0, most=MAX_INTEGER),
        need=verdict.integer("need", least=0, most=MAX_INTEGER),
        missing=verdict.texts("missing", least=0, most=MAX_SEATS, limit=MAX_SEAT_NAME_CHARS),
        opens_at=verdict.maybe("opens_at", verdict.time),
        released=fields.maybe("released_at", fields.time) is not None,
    )


def read_part(fields: Fields) -> Part:
    """A part that the service has: number from 1, length in bytes, SHA-256 where it knows one."""
    return Part(
        number=fields.integer("number", least=1, most=MAX_PARTS),
        length=fields.integer("length", least=1, most=MAX_PAYLOAD),
        sha256=fields.maybe("sha256", lambda key: fields.hex(key, size=HASH_BYTES)),
    )


def read_payload(fields: Fields) -> tuple[int, str]:
    """Length and digest of what the service has stored."""
    return fields.integer("length", least=1, most=MAX_PAYLOAD), fields.hex("sha256", size=HASH_BYTES)


def read_addresses(fields: Fields) -> Addresses:
    """Not yet asked is whether this client speaks to them."""
    urls: dict[int, str] = {}
    for at, item in fields.items("addresses", least=0, most=MAX_ADDRESSES):
        one = Fields(item, at=at)
        number = one.integer("number", least=1, most=MAX_PARTS)
        urls[number] = one.text("url", limit=MAX_ADDRESS)
    return Addresses(urls=urls, valid_s=fields.integer("valid_s", least=1, most=MAX_VALID_S))


def read_upload(fields: Fields, upload: str) -> Upload:
    """What has arrived of an upload. MalformedError where it is another than the one asked for."""
    if check_hex(fields.text("upload", limit=64), size=UPLOAD_BYTES, field="answer.upload") != upload:
        raise malformed("answer.upload")
    length = fields.integer("length", least=1, most=MAX_PAYLOAD)
    part_size = fields.integer("part_size", least=1, most=MAX_PAYLOAD)
    completed = fields.flag("completed")
    parts = tuple(
        read_part(Fields(item, at=at)) for at, item in fields.items("parts", least=0, most=MAX_PARTS)
    )
    return Upload(upload=upload, length=length, part_size=part_size, completed=completed, parts=parts)
