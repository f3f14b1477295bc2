"""An entry: the service's signature over one statement, its place in the chain and the time it came.

It is the receipt that the author gets back. Its hash covers the entry before it, so a head fixes the whole
chain. Whether the statement inside is allowed is not asked here (replay.py).
"""

from dataclasses import dataclass
from datetime import datetime

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label
from escrow.errors import MalformedError
from escrow.ledger import jws
from escrow.ledger.statement import MAX_STATEMENT, Head, UnverifiedStatement
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Hash
from escrow.model.wire import MAX_INTEGER, Fields, decode_json, to_time

TYP = "escrow.entry.v1"
MAX_ENTRY = 9 * 1024 * 1024
"""Characters of the compact form: a statement of 6 MiB in base64url once more, and a few lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Entry `n` of a case, signed by the service. `prev` is the hash of entry n-1, None for the first."""

    raw: str
    case: CaseId
    n: int
    prev: Hash | None
    hash: Hash
    received_at: datetime
    statement_raw: str

    @property
    def head(self) -> Head:
        return Head(n=self.n, hash=self.hash)

    @classmethod
    def read(cls, raw: str, service: Card) -> "Entry":
        """Check the signature by `service`, then read. ForgedError `signature_false`, or a MalformedError."""
        token = _parse(raw)
        token.verify(service)
        return _read(token)

    @classmethod
    def read_own(cls, raw: str) -> "Entry":
        """An entry that this very process has just signed: its signature is not checked again."""
        return _read(_parse(raw))

    @classmethod
    def read_opening(cls, raw: str) -> "Entry":
        """The first entry of a case: signed by the service card that the charter inside it pins.

        That charter stays unread, as the statement of every entry does: `verify_opening` tells who signed it.
        """
        token = _parse(raw)
        entry = _read(token)
        token.verify(UnverifiedStatement.parse(entry.statement_raw).untrusted_service())
        return entry


def compose(
    service: Identity, *, case: CaseId, n: int, prev: Hash | None, received_at: datetime, statement: str
) -> str:
    """Sign entry `n`. The compact form; times are kept to the millisecond."""
    payload = {
        "case": case,
        "n": n,
        "prev": prev,
        "received_at": to_time(received_at),
        "statement": statement,
    }
    return jws.sign(service, TYP, payload)


def _parse(raw: str) -> jws.UnverifiedJws:
    token = jws.UnverifiedJws.parse(raw, limit=MAX_ENTRY, field="entry")
    token.require_typ(TYP)
    return token


def _read(token: jws.UnverifiedJws) -> Entry:
    fields = Fields(decode_json(token.payload, limit=MAX_ENTRY, field="entry"), at="entry")
    case = fields.hex("case", size=CASE_BYTES)
    n = fields.integer("n", least=0, most=MAX_INTEGER)
    prev = fields.maybe("prev", lambda key: fields.hex(key, size=HASH_BYTES))
    received_at = fields.time("received_at")
    statement = fields.text("statement", limit=MAX_STATEMENT)
    fields.done()
    if (n == 0) != (prev is None):
        raise MalformedError("entry_prev_malformed", field="entry.prev")
    return Entry(
        raw=token.compact,
        case=case,
        n=n,
        prev=prev,
        hash=token.name(Label.ENTRY),
        received_at=received_at,
        statement_raw=statement,
    )
