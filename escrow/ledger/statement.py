"""A statement: one deed, signed by its author, with its case and the head that the author had last seen.

Types carry trust: an `UnverifiedStatement` has nothing to act upon; only `verify` makes a `Statement`.
Whether the case allows the deed is not asked here (replay.py).
"""

from dataclasses import dataclass

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label
from escrow.errors import MalformedError, RefusedError
from escrow.ledger import jws
from escrow.model.charter import convenor_of, service_card_of
from escrow.model.deeds import DEEDS, AnyDeed, CaseOpened, CharterProposed
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Fingerprint, Hash
from escrow.model.wire import MAX_INTEGER, Fields, Json, decode_json

MAX_STATEMENT = 6 * 1024 * 1024
"""Characters of the compact form: a record's body of 3 MiB, twice in base64url, and what stands around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An entry of the chain: its number, and its hash, which fixes everything before it."""

    n: int
    hash: Hash

    @classmethod
    def read(cls, fields: Fields) -> "Head":
        n = fields.integer("n", least=0, most=MAX_INTEGER)
        found = cls(n=n, hash=fields.hex("hash", size=HASH_BYTES))
        fields.done()
        return found

    def emit(self) -> Json:
        return {"n": self.n, "hash": self.hash}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Signed by `author` beyond doubt. `case` and `head` are None for the opening, and only there."""

    raw: str
    hash: Hash
    author: Card
    case: CaseId | None
    head: Head | None
    deed: AnyDeed


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedStatement:
    """A well-formed envelope of a known kind. `kid` says who is said to have signed."""

    raw: str
    hash: Hash
    kid: Fingerprint
    typ: str
    untrusted_jws: jws.UnverifiedJws

    @classmethod
    def parse(cls, raw: str) -> "UnverifiedStatement":
        """MalformedError: not of our form, or `statement_kind_unknown`; TooLargeError beyond the limit."""
        token = jws.UnverifiedJws.parse(raw, limit=MAX_STATEMENT, field="statement")
        if token.typ not in DEEDS:
            raise MalformedError("statement_kind_unknown", field="statement.header.typ")
        return cls(
            raw=raw, hash=token.name(Label.STATEMENT), kid=token.kid, typ=token.typ, untrusted_jws=token
        )

    def verify(self, card: Card) -> Statement:
        """Signature first, then the words. ForgedError `signature_false`, or a MalformedError that names the
        field.
        """
        self.untrusted_jws.verify(card)
        return self._read(card)

    def verify_opening(self) -> Statement:
        """An opening statement stands for itself: it is signed by the convenor that its own charter names.

        The signature is checked before the rest of the charter is read, which costs much more.

        Whether that is the case one means, the case's id says, which is the hash of this statement.
        """
        convenor = convenor_of(self._opening_charter())
        if convenor.fingerprint != self.kid:
            raise RefusedError("opening_not_by_convenor", author=self.kid, convenor=convenor.fingerprint)
        return self.verify(convenor)

    def untrusted_service(self) -> Card:
        """The service's card in the charter of an opening or a proposal, its signature not checked."""
        if self.typ == CharterProposed.TYP:
            return service_card_of(self._fields().inner("charter"))
        return service_card_of(self._opening_charter())

    def untrusted_proposal(self) -> Hash:
        """Which proposal an acceptance says it accepts, its signature not checked."""
        return self._fields().hex("proposal", size=HASH_BYTES)

    def _opening_charter(self) -> Fields:
        if self.typ != CaseOpened.TYP:
            raise RefusedError("opening_expected", typ=self.typ)
        return self._fields().inner("charter")

    def _fields(self) -> Fields:
        return Fields(decode_json(self.untrusted_jws.payload, limit=MAX_STATEMENT, field="statement"))

    def _read(self, author: Card) -> Statement:
        fields = self._fields()
        kind = DEEDS[self.typ]
        case: CaseId | None = None
        head: Head | None = None
        if kind is not CaseOpened:
            case = fields.hex("case", size=CASE_BYTES)
            head = Head.read(fields.inner("head"))
        deed = kind.read(fields)
        fields.done()
        return Statement(raw=self.raw, hash=self.hash, author=author, case=case, head=head, deed=deed)


def compose(identity: Identity, deed: AnyDeed, *, case: CaseId | None, head: Head | None) -> str:
    """Sign a deed. `case` and `head` are both None for the opening, both given for every other."""
    payload = deed.emit()
    opening = isinstance(deed, CaseOpened)
    if opening != (case is None) or opening != (head is None):
        raise MalformedError("statement_place_malformed", field="head")
    if case is not None and head is not None:
        payload |= {"case": case, "head": head.emit()}
    return jws.sign(identity, deed.TYP, payload)
