"""A card's webhooks: where it wants to be told that its cases have grown, and how far that is.

Rules (numbered as in README.md):
 H1  Only where the operator offers them (`hooks_per_card`), for a card that has a case or may open one.
 H2  A hook's id is its card's own choice and means nothing for another card. The same URL again changes
     nothing; another is `hook_taken`. A hook that was closed stays so: `hook_closed`.
 H3  A URL is https by a name, at port 443 unless the operator has named networks. Where the name leads is
     asked at each delivery, not here: it can change a minute later.
 H4  A card has at most `hooks_per_card` open hooks, and MAX_CLOSED closed ones that are not swept yet.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from escrow.errors import MalformedError, NotFoundError, RefusedError
from escrow.model.ids import Fingerprint, Hash
from escrow.model.webhook import HTTPS, Target
from escrow.service.desk import Desk
from escrow.service.gate import unknown
from escrow.store import hooks, names
from escrow.store.changes import minute_of, time_of
from escrow.store.hooks import Closed, Ending, Hook
from escrow.store.interface import Bucket, Outcome
from escrow.store.names import Sent

MAX_CLOSED = 32
"""A sweep removes them after a month; nobody changes receivers more often than daily.

A list reads two objects of each.
"""
SCAN = 10_000
"""Names of one outbox that are looked through to say how far it is: ten listings."""
SHOWN_MINUTES = 7 * 24 * 60
"""Messages of older entries are not looked at: by then they got through, or were given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookView:
    """`waiting`: messages that have not got through yet, of the entries of the last week; `waiting_since`:
    when the oldest entry of them came, to the minute. `delivered`: the newest message that got through,
    and when. Of one that is closed none of these is said.
    """

    hook: str
    url: str
    created: datetime
    closed: Closed | None
    delivered: Hash | None
    delivered_at: datetime | None
    waiting: int
    waiting_since: datetime | None


def add_hook(desk: Desk, caller: Fingerprint, hook: str, url: str) -> tuple[HookView, bool]:
    """The hook, and whether it is new.

    RefusedError `hooks_not_offered`, `hook_needs_case`, `hook_taken`, `hook_closed`, `hooks_full` (limit);
    MalformedError `hook_url_malformed`, `hook_port_refused`.
    """
    _require_offered(desk, caller)
    _require_url(desk, url)
    now = desk.clock()
    made = Hook(
        owner=caller, id=hook, url=url, created=now.replace(microsecond=now.microsecond // 1000 * 1000)
    )
    found = hooks.listed(desk.store, names.hooks_of(caller))
    if (caller, hook) not in found:
        _require_room(desk, list(found.values()))
    outcome = hooks.open_hook(desk.store, made)
    if outcome is Outcome.ALREADY_OTHER and hooks.read_hook(desk.store, caller, hook).url != url:
        raise RefusedError("hook_taken", hook=hook)
    if hooks.read_closed(desk.store, caller, hook) is not None:
        raise RefusedError("hook_closed", hook=hook)
    return _view(desk, caller, hook, None), outcome is Outcome.CREATED


def list_hooks(desk: Desk, caller: Fingerprint) -> tuple[HookView, ...]:
    """All that are not swept yet, closed ones too, in the order of their ids."""
    found = hooks.listed(desk.store, names.hooks_of(caller))
    views = []
    for (_, hook), is_closed in found.items():
        try:
            closed = hooks.read_closed(desk.store, caller, hook) if is_closed else None
            views.append(_view(desk, caller, hook, closed))
        except NotFoundError:
            continue  # half swept
    return tuple(views)


def remove_hook(desk: Desk, caller: Fingerprint, hook: str) -> HookView:
    """Nothing is sent to it any more, within a minute. Again: nothing happens. NotFoundError `not_found`."""
    try:
        hooks.read_hook(desk.store, caller, hook)
    except NotFoundError:
        raise unknown() from None
    if hooks.read_closed(desk.store, caller, hook) is None:
        hooks.close_hook(desk.store, caller, hook, Closed(at=desk.clock(), why=Ending.REMOVED))
    return _view(desk, caller, hook, hooks.read_closed(desk.store, caller, hook))


def _require_offered(desk: Desk, caller: Fingerprint) -> None:
    """H1. Where anybody may open cases, anybody may have a hook: both take room alike."""
    if desk.settings.hooks_per_card == 0:
        raise RefusedError("hooks_not_offered")
    if desk.convenors is None or caller in desk.convenors:
        return
    if not desk.store.names(Bucket.LEDGER, names.card_indexes(caller), limit=1):
        raise RefusedError("hook_needs_case")


def _require_url(desk: Desk, url: str) -> None:
    """H3."""
    if Target.parse(url).port != HTTPS and not desk.settings.webhook_networks:
        raise MalformedError("hook_port_refused", field="url")


def _require_room(desk: Desk, closed: list[bool]) -> None:
    """H4. Of several that come at once, each may still see room."""
    if closed.count(False) >= desk.settings.hooks_per_card:
        raise RefusedError("hooks_full", limit=desk.settings.hooks_per_card)
    if closed.count(True) >= MAX_CLOSED:
        raise RefusedError("hooks_full", limit=MAX_CLOSED)


def _view(desk: Desk, caller: Fingerprint, hook: str, closed: Closed | None) -> HookView:
    """The outbox of one that is closed is not read: it may be long, and nothing waits there."""
    opened = hooks.read_hook(desk.store, caller, hook)
    if closed is not None:
        return HookView(
            hook=hook, url=opened.url, created=opened.created, closed=closed, delivered=None,
            delivered_at=None, waiting=0, waiting_since=None,
        )  # fmt: skip
    oldest = max(0, minute_of(desk.clock()) - SHOWN_MINUTES)
    prefix = names.outbox_of(caller, hook)
    listed = hooks.outbox(desk.store, prefix, after=names.outbox_since(caller, hook, oldest))
    minutes: dict[Hash, int] = {}
    delivered: dict[Hash, int] = {}
    for one in islice(listed, SCAN):
        if one.what is Sent.MESSAGE:
            minutes[one.message] = one.minute
        elif one.what is Sent.DELIVERED and one.at is not None:
            delivered[one.message] = one.at
    waiting = [minute for message, minute in minutes.items() if message not in delivered]
    newest = max(delivered, key=lambda message: delivered[message], default=None)
    return HookView(
        hook=hook, url=opened.url, created=opened.created, closed=None,
        delivered=newest, delivered_at=None if newest is None else time_of(delivered[newest]),
        waiting=len(waiting), waiting_since=time_of(min(waiting)) if waiting else None,
    )  # fmt: skip
