"""What a webhook says, to whom, and which bytes are signed: shared by who sends and who receives.

A message says that a case has a new entry, by ids and kinds only. Its headers are those of Standard Webhooks:

    webhook-id         64 hex digits, the same whenever this message comes again
    webhook-timestamp  whole seconds since 1970, of this try
    webhook-signature  `v1a,` and base64, over id, timestamp and body with a dot between
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from escrow.crypto.transcript import Label, digest
from escrow.errors import MalformedError
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Fingerprint, Hash
from escrow.model.wire import MAX_INTEGER, Fields, decode_json, encode_json, to_time

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
ENTRY: Final = "entry"
MAX_BODY: Final = 1024
"""Bytes of a message's body; it has about 330."""
MAX_KIND: Final = 64
MAX_URL: Final = 500
HTTPS: Final = 443
HOOK_BYTES: Final = 16
"""Of a hook's id, which its owner draws."""

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_URL = re.compile(
    rf"https://(?P<host>{_LABEL}(\.{_LABEL})*)(:(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a webhook leads. `path` is all that follows host and port. Made by `Target.parse`."""

    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> "Target":
        """MalformedError `hook_url_malformed`.

        An https URL by a name, without user, password and fragment. A host whose last label is a number is an
        IPv4 address in one of its many spellings (inet_aton takes 127.1, 2130706433 and 0x7f.1), not a name.
        """
        found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
        port = HTTPS if found is None or found["port"] is None else int(found["port"])
        if found is None or port > 65535 or len(found["host"]) > 253:
            raise MalformedError("hook_url_malformed", field="url", limit=MAX_URL)
        if _NUMBER.fullmatch(found["host"].rpartition(".")[2]):
            raise MalformedError("hook_url_malformed", field="url", limit=MAX_URL)
        path = (found["path"] or "/") + (found["query"] or "")
        return cls(host=found["host"].lower(), port=port, path=path)

    @property
    def netloc(self) -> str:
        """As the Host header names it."""
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Entry `n` of a case came at `at`.

    `kind` and `statement` (the type and the hash of what it holds) are None for a reader without a seat, who
    is told that something came, and not what.
    """

    case: CaseId
    n: int
    at: datetime
    kind: str | None
    statement: Hash | None

    def emit(self) -> bytes:
        data = {"case": self.case, "n": self.n, "kind": self.kind, "statement": self.statement}
        return encode_json({"type": ENTRY, "timestamp": to_time(self.at), "data": data})

    @classmethod
    def parse(cls, body: bytes) -> "Message":
        """Exactly what `emit` gives. MalformedError."""
        fields = Fields(decode_json(body, limit=MAX_BODY, field="body"), at="body")
        fields.choice("type", (ENTRY,))
        at = fields.time("timestamp")
        data = fields.inner("data")
        found = cls(
            case=data.hex("case", size=CASE_BYTES),
            n=data.integer("n", least=0, most=MAX_INTEGER),
            at=at,
            kind=data.maybe("kind", lambda key: data.text(key, limit=MAX_KIND)),
            statement=data.maybe("statement", lambda key: data.hex(key, size=HASH_BYTES)),
        )
        data.done()
        fields.done()
        return found


def message_id(owner: Fingerprint, hook: str, case: CaseId, n: int) -> Hash:
    """The same whoever makes the message, and whenever."""
    place = (owner.encode(), hook.encode(), case.encode(), str(n).encode())
    return digest(Label.WEBHOOK_MESSAGE, *place).hex()


def signed(message: Hash, timestamp: int, body: bytes) -> bytes:
    """The bytes that a signature is over."""
    return f"{message}.{timestamp}.".encode("ascii") + body
