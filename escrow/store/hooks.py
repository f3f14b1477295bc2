"""Webhooks as they lie in the records bucket: who wants to be told where, and until when.

A hook is opened by one create-only object and closed by another; nothing is rewritten, and nothing need be
deleted. Its messages lie in its outbox (names.py), with a mark for each try that failed or got through.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from escrow.errors import MalformedError, NotFoundError, UnavailableError
from escrow.model.ids import Fingerprint
from escrow.model.webhook import MAX_URL, Target
from escrow.model.wire import Fields, decode_json, encode_json, to_time
from escrow.store import names
from escrow.store.interface import Bucket, Outcome, Store
from escrow.store.listing import every_name

MAX_HOOK: Final = 1024
"""Bytes of either object."""
_RECORDS: Final = Bucket.RECORDS


class Ending(StrEnum):
    """Why a hook is closed: its owner removed it; its receiver answered 410; nothing got through for days."""

    REMOVED = "removed"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """When and why a hook takes no more messages."""

    at: datetime
    why: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook of the card `owner`, which chose its id. Two cards may choose the same; they share
    nothing.
    """

    owner: Fingerprint
    id: str
    url: str
    created: datetime


def open_hook(store: Store, hook: Hook) -> Outcome:
    """ALREADY_OTHER: the id is taken, be it by the same URL at another time."""
    raw = encode_json({"url": hook.url, "created": to_time(hook.created)})
    return store.create(_RECORDS, names.hook_opened(hook.owner, hook.id), raw)


def close_hook(store: Store, owner: Fingerprint, hook: str, closed: Closed) -> None:
    """Of several that close it, the first says why."""
    raw = encode_json({"at": to_time(closed.at), "why": closed.why.value})
    store.create(_RECORDS, names.hook_closed(owner, hook), raw)


def read_hook(store: Store, owner: Fingerprint, hook: str) -> Hook:
    """NotFoundError `object_unknown`; UnavailableError `stored_object_differs` where it is damaged."""
    name = names.hook_opened(owner, hook)
    try:
        fields = _read(store, name)
        found = Hook(
            owner=owner, id=hook, url=fields.text("url", limit=MAX_URL), created=fields.time("created")
        )
        fields.done()
        Target.parse(found.url)
    except MalformedError as error:
        raise UnavailableError("stored_object_differs", object=name) from error
    return found


def read_closed(store: Store, owner: Fingerprint, hook: str) -> Closed | None:
    """None: it is open, or there is none."""
    name = names.hook_closed(owner, hook)
    try:
        fields = _read(store, name)
        found = Closed(
            at=fields.time("at"), why=Ending(fields.choice("why", tuple(one.value for one in Ending)))
        )
        fields.done()
    except NotFoundError:
        return None
    except MalformedError as error:
        raise UnavailableError("stored_object_differs", object=name) from error
    return found


def listed(store: Store, prefix: str) -> dict[tuple[Fingerprint, str], bool]:
    """Hooks under a prefix (`names.HOOKS`, `names.hooks_of`), and whether each is closed."""
    found: dict[tuple[Fingerprint, str], bool] = {}
    for one in map(names.parse_hook, every_name(store, _RECORDS, prefix)):
        key = one.fingerprint, one.hook
        found[key] = found.get(key, False) or one.is_closed
    return found


def is_closed(store: Store, hook: Hook) -> bool:
    """One store call, which reads no object."""
    name = names.hook_closed(hook.owner, hook.id)
    return name in store.names(_RECORDS, name.removesuffix("closed"))


def outbox(store: Store, prefix: str, *, after: str = "") -> Iterator[names.OutboxName]:
    """All that is known of messages, in order: one store call for each thousand names."""
    return map(names.parse_outbox, every_name(store, _RECORDS, prefix, after=after))


def _read(store: Store, name: str) -> Fields:
    raw = store.get(_RECORDS, name, limit=MAX_HOOK)
    return Fields(decode_json(raw, limit=MAX_HOOK, field="hook"), at="hook")
