"""An entry: the service's signature over one statement, its place in the chain and the time it came.

It is the receipt that the author gets back. Its hash covers the entry before it, so a head fixes the whole
chain. Which card may sign (signer.py) and whether the statement inside is allowed (replay.py) is not asked
here.
"""

from dataclasses import dataclass
from datetime import datetime

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label
from escrow.errors import MalformedError
from escrow.ledger import jws
from escrow.ledger.statement import MAX_STATEMENT, Head, UnverifiedStatement
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Fingerprint, Hash
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
    signer: Card

    @property
    def head(self) -> Head:
        return Head(n=self.n, hash=self.hash)

    @classmethod
    def read(cls, raw: str, service: Card) -> "Entry":
        """Check the signature by `service`, then read. ForgedError `signature_false`, or a MalformedError."""
        return UnverifiedEntry.parse(raw).verify(service)

    @classmethod
    def read_own(cls, raw: str, service: Card) -> "Entry":
        """An entry that this very process has just signed by this card, which is not checked again."""
        return _read(_parse(raw), service)

    @classmethod
    def read_opening(cls, raw: str) -> "Entry":
        """The first entry of a case: signed by the service card that the charter inside it pins.

        That charter stays unread, as the statement of every entry does: `verify_opening` tells who signed it.
        """
        untrusted = UnverifiedEntry.parse(raw)
        return untrusted.verify(
            UnverifiedStatement.parse(untrusted.untrusted_statement()).untrusted_service()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedEntry:
    """Well-formed as signed words, and no more. `kid` says who is said to have signed."""

    kid: Fingerprint
    untrusted_jws: jws.UnverifiedJws

    @classmethod
    def parse(cls, raw: str) -> "UnverifiedEntry":
        """MalformedError; TooLargeError beyond the limit."""
        token = _parse(raw)
        return cls(kid=token.kid, untrusted_jws=token)

    def verify(self, service: Card) -> Entry:
        """Signature first, then the words. ForgedError `signature_false`, or a MalformedError."""
        self.untrusted_jws.verify(service)
        return _read(self.untrusted_jws, service)

    def untrusted_statement(self) -> str:
        """The statement in it, to learn from which card may sign. MalformedError."""
        return _fields(self.untrusted_jws).text("statement", limit=MAX_STATEMENT)


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


def _fields(token: jws.UnverifiedJws) -> Fields:
    return Fields(decode_json(token.payload, limit=MAX_ENTRY, field="entry"), at="entry")


def _read(token: jws.UnverifiedJws, signer: Card) -> Entry:
    fields = _fields(token)
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
        signer=signer,
    )
