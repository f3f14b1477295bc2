"""What is sent and what comes back: a signed statement ready to post, and the service's receipt for it.

A posting is complete: whoever holds its bytes may post them, with this program, with curl or from another
machine, as often as they like, and it enters the case once. It holds no secret beyond what the service is to
see; the share object of a sign-off travels in it, so keep the file of a sign-off to yourself until it is
sent.
"""

from dataclasses import dataclass, field
from datetime import datetime

from escrow.crypto.card import Card
from escrow.errors import ForgedError, MalformedError
from escrow.ledger.entry import Entry
from escrow.ledger.statement import MAX_STATEMENT, Head, UnverifiedStatement
from escrow.model.deeds import CaseOpened, RecordSealed
from escrow.model.ids import CASE_BYTES, CaseId, Hash
from escrow.model.record import RecordBody
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.model.wire import Fields, Json, check_hex, decode_json, encode_json, to_base64

MAX_POSTING = MAX_STATEMENT + 2 * MAX_SHARE_OBJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One statement in compact form, and the share object beside it where it is a sign-off.

    `case` is None for the opening of a case, whose id is the statement's hash. Signed by whom and allowed or
    not is not asked here: the case decides.
    """

    case: CaseId | None
    statement: str
    attachment: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, statement: str, attachment: bytes | None = None) -> "Posting":
        """From a statement; the case is read out of it. MalformedError if it is none."""
        unverified = UnverifiedStatement.parse(statement)
        case: CaseId | None = None
        if unverified.typ != CaseOpened.TYP:
            payload = decode_json(unverified.untrusted_jws.payload, limit=MAX_STATEMENT, field="statement")
            named = payload.get("case")
            if not isinstance(named, str):
                raise MalformedError("field_missing", field="statement.case")
            case = check_hex(named, size=CASE_BYTES, field="statement.case")
        return cls(case=case, statement=statement, attachment=attachment)

    @property
    def hash(self) -> Hash:
        """The statement's hash: the id of the request, charter or case that it makes."""
        return UnverifiedStatement.parse(self.statement).hash

    @property
    def target(self) -> str:
        """The path to POST to, below the service's URL."""
        return "/v1/cases" if self.case is None else f"/v1/cases/{self.case}/statements"

    def dump(self) -> bytes:
        """The exact body of the POST: what `--out FILE` writes and curl can send."""
        body: Json = {"statement": self.statement}
        if self.attachment is not None:
            body["attachment"] = to_base64(self.attachment)
        return encode_json(body)

    @classmethod
    def load(cls, raw: bytes) -> "Posting":
        """Read what `dump` wrote. MalformedError, TooLargeError."""
        body = decode_json(raw, limit=MAX_POSTING, field="posting")
        fields = Fields(body, at="posting")
        statement = fields.text("statement", limit=MAX_STATEMENT)
        attachment = fields.data("attachment", limit=MAX_SHARE_OBJECT) if "attachment" in body else None
        fields.done()
        return cls.of(statement, attachment)

    def sealed_record(self) -> RecordBody | None:
        """What a deposit says about its record (id, upload, payload's length and digest); None for other
        kinds.
        """
        unverified = UnverifiedStatement.parse(self.statement)
        if unverified.typ != RecordSealed.TYP:
            return None
        payload = decode_json(unverified.untrusted_jws.payload, limit=MAX_STATEMENT, field="statement")
        payload.pop("case", None)
        payload.pop("head", None)
        return RecordSealed.read(Fields(payload, at="statement")).body


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The service's signed word that it received this very statement, as entry `n` of the case.

    `created` is False when the statement had entered before and this is its first receipt again.
    """

    case: CaseId
    statement: Hash
    n: int
    hash: Hash
    received_at: datetime
    entry: str
    created: bool

    @property
    def head(self) -> Head:
        """Where the chain stood with it: number and hash, as people compare them."""
        return Head(n=self.n, hash=self.hash)

    @classmethod
    def check(cls, untrusted_entry: str, posting: Posting, service: Card, *, created: bool) -> "Receipt":
        """Insist that `service` signed a receipt for this posting, in these steps (E1 to E3 of README.md).

        1. The entry is signed by the pinned service: ForgedError `signature_false`, `author`.
        2. It is an entry of the posting's case: ForgedError `receipt_for_another_case`.
        3. It carries this statement, by hash: ForgedError `receipt_for_another_statement`, `statement`.
        """
        return cls.of(Entry.read(untrusted_entry, service), posting, created=created)

    @classmethod
    def of(cls, entry: Entry, posting: Posting, *, created: bool) -> "Receipt":
        """As `check`, steps 2 and 3, of an entry whose signature was checked."""
        if entry.case != (posting.case or posting.hash):
            raise ForgedError("receipt_for_another_case", case=entry.case)
        if UnverifiedStatement.parse(entry.statement_raw).hash != posting.hash:
            raise ForgedError("receipt_for_another_statement", statement=posting.hash)
        return cls(
            case=entry.case, statement=posting.hash, n=entry.n, hash=entry.hash,
            received_at=entry.received_at, entry=entry.raw, created=created,
        )  # fmt: skip
