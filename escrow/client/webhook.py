"""For receivers of webhooks: is this message from the service, of now, and what does it say?

    message = webhook.verify(
        request.headers, request.body, key, owner=owner, hook=hook, now=datetime.now(UTC)
    )

`key` is what `Session.webhook_key()` gave when the hook was added (`whpk_...`, also at `/v1/service`),
`owner` the fingerprint of the card that added it, and `hook` its id. The service signs for everybody who
has a hook there; only a message's id says for whom it is. A message may come twice: keep `message.id` and
pass over those that you have. It says only that a case has grown. What came is read, and verified, by
`session.case(message.case)`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from escrow.crypto import webhook_key
from escrow.errors import ForgedError, MalformedError, RefusedError, TooLargeError
from escrow.model.ids import FINGERPRINT_BYTES, CaseId, Fingerprint, Hash
from escrow.model.webhook import HOOK_BYTES, ID, MAX_BODY, SIGNATURE, TIMESTAMP, Message, message_id, signed
from escrow.model.wire import check_hex

TOLERANCE = timedelta(minutes=5)
MAX_SIGNATURES = 10
"""Standard Webhooks lets a sender sign by several keys, parted by blanks, while it changes them."""
_ID = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that the service signed: entry `n` of `case` came `at` (aware UTC).

    `id` is the same if it comes again. `kind` and `statement` are None where you hold no seat.
    """

    id: Hash
    case: CaseId
    n: int
    at: datetime
    kind: str | None
    statement: Hash | None


def verify(
    headers: Mapping[str, str], body: bytes, key: str, *, owner: Fingerprint, hook: str, now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Notice:  # fmt: skip
    """What the service says, or why it is not believed. `headers`: names in any case; `now`: aware.

    MalformedError `webhook_header_missing`, `webhook_header_malformed` (header), `webhook_key_malformed`,
    `field_not_hex` (owner, hook), or what is wrong with the body; ForgedError `webhook_signature_false`, and
    `webhook_of_another_hook` for what the service told another; RefusedError `webhook_stale` (seconds) for
    one that was signed longer ago, or further ahead, than `tolerance`: a replay, or a clock that is wrong.
    """
    check_hex(owner, size=FINGERPRINT_BYTES, field="owner")
    check_hex(hook, size=HOOK_BYTES, field="hook")
    found = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if name not in found:
            raise MalformedError("webhook_header_missing", field="headers", header=name)
    name, seconds = found[ID], found[TIMESTAMP]
    for header, shape, text in ((ID, _ID, name), (TIMESTAMP, _SECONDS, seconds)):
        if not shape.fullmatch(text):
            raise MalformedError("webhook_header_malformed", field="headers", header=header)
    if len(body) > MAX_BODY:
        raise TooLargeError("field_too_large", field="body", limit=MAX_BODY)
    _require_signature(found[SIGNATURE], signed(name, int(seconds), body), key)
    apart = abs(int(now.timestamp()) - int(seconds))
    if apart > tolerance.total_seconds():
        raise RefusedError("webhook_stale", seconds=apart)
    told = Message.parse(body)
    if name != message_id(owner, hook, told.case, told.n):
        raise ForgedError("webhook_of_another_hook")
    return Notice(
        id=name, case=told.case, n=told.n, at=told.at, kind=told.kind, statement=told.statement
    )  # fmt: skip


def _require_signature(given: str, over: bytes, key: str) -> None:
    """One of several is enough."""
    for one in given.split(" ")[:MAX_SIGNATURES]:
        try:
            webhook_key.verify(key, over, one)
            return
        except ForgedError:
            continue
    raise ForgedError("webhook_signature_false")
