"""What a statement says, kind by kind: one frozen dataclass each, parsed strictly, checked at birth.

A deed knows its own fields only; whether the case allows it, the replay asks (escrow/ledger). The table
`DEEDS` at the end is the list of kinds; later kinds join it.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from escrow.crypto.drop_off import SEALED_SALT_BYTES
from escrow.crypto.group import Point
from escrow.crypto.kem import check_public
from escrow.model.case_key import WRAPPED_KEY_BYTES, read_sealed
from escrow.model.charter import Charter
from escrow.model.drop_off import MAX_ORDER
from escrow.model.ids import HASH_BYTES, RECORD_BYTES, Hash, RecordId
from escrow.model.path import MAX_CARDS, check_path_name, read_seat
from escrow.model.record import MAX_BODY, MAX_RECORD_PATHS, PROOF_BYTES, RecordBody
from escrow.model.ticket import KEM_KEY_BYTES, MAX_TICKET
from escrow.model.wire import Fields, Json, to_base64


class Deed(Protocol):
    """The part of a statement that differs from kind to kind. `TYP` is the JWS header's `typ`."""

    TYP: ClassVar[str]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Take this kind's fields; the caller takes `case` and `head`, and calls `done`."""
        ...

    def emit(self) -> Json: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """The convenor opens a case with its first charter. Names no case: the case's id is its hash."""

    TYP: ClassVar[str] = "escrow.case-opened.v1"
    charter: Charter
    wrapped_case_key: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        charter = Charter.read(fields.inner("charter"))
        return cls(charter=charter, wrapped_case_key=fields.data("wrapped_case_key", size=WRAPPED_KEY_BYTES))

    def emit(self) -> Json:
        return {"charter": self.charter.emit(), "wrapped_case_key": to_base64(self.wrapped_case_key)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterProposed:
    """A charter in place of the one that it names (`replaces`: the hash of that one's proposal)."""

    TYP: ClassVar[str] = "escrow.charter-proposed.v1"
    replaces: Hash
    charter: Charter
    wrapped_case_key: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        replaces = fields.hex("replaces", size=HASH_BYTES)
        charter = Charter.read(fields.inner("charter"))
        wrapped = fields.data("wrapped_case_key", size=WRAPPED_KEY_BYTES)
        return cls(replaces=replaces, charter=charter, wrapped_case_key=wrapped)

    def emit(self) -> Json:
        return {
            "replaces": self.replaces,
            "charter": self.charter.emit(),
            "wrapped_case_key": to_base64(self.wrapped_case_key),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterAccepted:
    """A seat accepts the charter of `proposal` (hash of the statement that carries it), with its keys."""

    TYP: ClassVar[str] = "escrow.charter-accepted.v1"
    proposal: Hash
    seat: str
    opening_key: Point
    kem_key: bytes
    proof: bytes
    wrapped_case_key: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            proposal=fields.hex("proposal", size=HASH_BYTES),
            seat=read_seat(fields),
            opening_key=Point.decode(fields.data("opening_key", size=32), field="opening_key"),
            kem_key=check_public(fields.data("kem_key", size=KEM_KEY_BYTES), field="kem_key"),
            proof=fields.data("proof", size=PROOF_BYTES),
            wrapped_case_key=fields.data("wrapped_case_key", size=WRAPPED_KEY_BYTES),
        )

    def emit(self) -> Json:
        return {
            "proposal": self.proposal,
            "seat": self.seat,
            "opening_key": to_base64(self.opening_key.encode()),
            "kem_key": to_base64(self.kem_key),
            "proof": to_base64(self.proof),
            "wrapped_case_key": to_base64(self.wrapped_case_key),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSealed:
    """A seat deposits a record. `body_raw`: the exact bytes that the dealings' digests cover.

    `proofs`: one for each path, in their order.
    """

    TYP: ClassVar[str] = "escrow.record-sealed.v1"
    body: RecordBody
    body_raw: bytes
    proofs: tuple[bytes, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        body_raw = fields.data("body", limit=MAX_BODY)
        body = RecordBody.parse(body_raw)
        count = len(body.paths)
        proofs = tuple(
            Fields({"proof": item}, at=at).data("proof", size=PROOF_BYTES)
            for at, item in fields.items("proofs", least=min(count, MAX_RECORD_PATHS), most=count)
        )
        return cls(body=body, body_raw=body_raw, proofs=proofs)

    def emit(self) -> Json:
        return {"body": to_base64(self.body_raw), "proofs": [to_base64(proof) for proof in self.proofs]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDroppedOff:
    """The service seals a record by a seat's order. `order`: that order, a compact JWS, as it came.

    `salt` is under the record key; it opens the order's digest (escrow/crypto/drop_off.py).
    """

    TYP: ClassVar[str] = "escrow.record-dropped-off.v1"
    sealed: RecordSealed
    order: str
    salt: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            sealed=RecordSealed.read(fields),
            order=fields.text("order", limit=MAX_ORDER),
            salt=fields.data("salt", size=SEALED_SALT_BYTES),
        )

    def emit(self) -> Json:
        return self.sealed.emit() | {"order": self.order, "salt": to_base64(self.salt)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeReported:
    """A seat says that its envelope in a path does not hold the p that the record promises.

    An allegation, signed.
    """

    TYP: ClassVar[str] = "escrow.envelope-reported.v1"
    record: RecordId
    path: str
    dealing: Hash
    seat: str

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            record=fields.hex("record", size=RECORD_BYTES),
            path=check_path_name(fields.text("path", limit=40), field="path"),
            dealing=fields.hex("dealing", size=HASH_BYTES),
            seat=read_seat(fields),
        )

    def emit(self) -> Json:
        return {"record": self.record, "path": self.path, "dealing": self.dealing, "seat": self.seat}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequested:
    """A seat asks for one record by one path. `tickets` in compact form name the readers.

    None: for the public. `dealing` is the digest of the path's dealing, so that nobody can show the request
    beside another sealing of that record id. `purpose` is a text under the case key. The request's id is its
    statement's hash.
    """

    TYP: ClassVar[str] = "escrow.release-requested.v1"
    record: RecordId
    path: str
    dealing: Hash
    tickets: tuple[str, ...]
    purpose: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            record=fields.hex("record", size=RECORD_BYTES),
            path=check_path_name(fields.text("path", limit=40), field="path"),
            dealing=fields.hex("dealing", size=HASH_BYTES),
            tickets=fields.texts("tickets", least=0, most=MAX_CARDS, limit=MAX_TICKET),
            purpose=read_sealed(fields, "purpose"),
        )

    def emit(self) -> Json:
        return {
            "record": self.record,
            "path": self.path,
            "dealing": self.dealing,
            "tickets": list(self.tickets),
            "purpose": to_base64(self.purpose),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOff:
    """A seat consents to one request. `shares` is the hash of its share object, which travels beside it.

    `dealing`: what the shares are of, as in the request.
    """

    TYP: ClassVar[str] = "escrow.signed-off.v1"
    request: Hash
    seat: str
    dealing: Hash
    shares: Hash

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            request=fields.hex("request", size=HASH_BYTES),
            seat=read_seat(fields),
            dealing=fields.hex("dealing", size=HASH_BYTES),
            shares=fields.hex("shares", size=HASH_BYTES),
        )

    def emit(self) -> Json:
        return {
            "request": self.request,
            "seat": self.seat,
            "dealing": self.dealing,
            "shares": self.shares,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffWithdrawn:
    """A seat takes its sign-off (named by its statement's hash) back, before the request has a quorum.

    The sign-off need not have arrived: one that was withdrawn first never enters.
    """

    TYP: ClassVar[str] = "escrow.sign-off-withdrawn.v1"
    request: Hash
    seat: str
    sign_off: Hash
    reason: bytes | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            request=fields.hex("request", size=HASH_BYTES),
            seat=read_seat(fields),
            sign_off=fields.hex("sign_off", size=HASH_BYTES),
            reason=fields.maybe("reason", lambda key: read_sealed(fields, key)),
        )

    def emit(self) -> Json:
        return {
            "request": self.request,
            "seat": self.seat,
            "sign_off": self.sign_off,
            "reason": None if self.reason is None else to_base64(self.reason),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text under the case key for all seats to read; changes nothing."""

    TYP: ClassVar[str] = "escrow.note.v1"
    text: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(text=read_sealed(fields, "text"))

    def emit(self) -> Json:
        return {"text": to_base64(self.text)}


AnyDeed = (
    CaseOpened
    | CharterProposed
    | CharterAccepted
    | RecordSealed
    | RecordDroppedOff
    | EnvelopeReported
    | ReleaseRequested
    | SignedOff
    | SignOffWithdrawn
    | Note
)

DEEDS: dict[str, type[AnyDeed]] = {
    kind.TYP: kind
    for kind in (
        CaseOpened,
        CharterProposed,
        CharterAccepted,
        RecordSealed,
        RecordDroppedOff,
        EnvelopeReported,
        ReleaseRequested,
        SignedOff,
        SignOffWithdrawn,
        Note,
    )
}


def sealing_in(deed: AnyDeed) -> RecordSealed | None:
    """The sealed record in a deed of either kind that has one."""
    if isinstance(deed, RecordDroppedOff):
        return deed.sealed
    return deed if isinstance(deed, RecordSealed) else None


SEALING = frozenset((RecordSealed.TYP, RecordDroppedOff.TYP))
"""The kinds that `sealing_in` answers for."""
