"""A case as it is after one of its entries, written down and signed by the service for itself.

It spares a process that starts the replay of what one before it has replayed. Nobody else may believe it, and
nobody else reads it: clients and auditors replay entries. The service believes its own signature, and only
where the chain has that very entry (`escrow/store/snapshots.py` asks).

    compact JWS of the service, newline, the state as JSON

The JWS (`typ` escrow.snapshot.v1) says case, head, form, and length and digest of what follows. What can be
computed from other fields is not written: keys and uploads in use, a record's paths from its body and the
charter, the exact bytes of a body that is in our own spelling. The form is a hash of how all types in the
state are made, and of VERSION: a snapshot of another form is none of our business.
"""

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, get_type_hints

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.transcript import Label, digest
from escrow.errors import EscrowError
from escrow.ledger import jws
from escrow.ledger.rules_record import path_state
from escrow.ledger.state import CaseState, CharterState, RecordState, RequestState
from escrow.ledger.statement import Head
from escrow.ledger.written import FIELD, Form, describe, expect, form_of, form_of_fields, malformed
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Hash
from escrow.model.wire import Fields, Json, decode_json, encode_json, from_base64, to_base64

TYP: Final = "escrow.snapshot.v1"
VERSION: Final = 1
"""To be raised where the same fields come to mean something else, so that older snapshots are ignored."""
MAX_SNAPSHOT: Final = 32 * 1024 * 1024
"""Bytes. A case whose state is larger has none: 10,000 entries of which 1,500 deposit take 12 MiB."""
_MAX_HEAD: Final = 2048
_MAX_ITEMS: Final = 4_000_000
"""Values: one an eighth byte at most, of what we signed ourselves."""

_FOLLOWING: Final = ("dealing_keys", "ticket_keys", "uploads")
_COLUMNS: Final = ("statements", "entries")
_OWN: Final = ("records", "requests")
_RECORD = frozenset({"body_raw", "paths"})

FORM: Final = digest(Label.SNAPSHOT_FORM, bytes([VERSION]), describe(CaseState).encode()).hex()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the signature covers."""

    case: CaseId
    head: Head
    form: str
    length: int
    digest: Hash

    def emit(self) -> Json:
        return {
            "case": self.case, "head": self.head.emit(), "form": self.form, "length": self.length,
            "digest": self.digest,
        }  # fmt: skip

    @classmethod
    def read(cls, fields: Fields) -> "Told":
        found = cls(
            case=fields.hex("case", size=CASE_BYTES),
            head=Head.read(fields.inner("head")),
            form=fields.hex("form", size=8),
            length=fields.integer("length", least=1, most=MAX_SNAPSHOT),
            digest=fields.hex("digest", size=HASH_BYTES),
        )
        fields.done()
        return found


def form_of_service(service: Card) -> str:
    """As FORM, of those that this card signed: no other process reads or writes them."""
    return digest(Label.SNAPSHOT_FORM, bytes.fromhex(FORM) + service.public).hex()[:16]


def freeze(state: CaseState) -> CaseState:
    """A copy that the next entry does not change. What a state's containers hold is frozen: only they are
    copied, which takes less than a millisecond for 10,000 entries.
    """
    frozen = replace(state)
    for field in fields(state):
        value = getattr(state, field.name)
        if isinstance(value, dict | list):
            setattr(frozen, field.name, value.copy())
    return frozen


def seal(service: Identity, state: CaseState) -> bytes:
    """Write down and sign. ValueError where reading it back would not give this very state, or it is longer
    than MAX_SNAPSHOT: a snapshot that is wrong has no other witness.
    """
    body = dump(state)
    if len(body) > MAX_SNAPSHOT - _MAX_HEAD:
        raise ValueError("too_large")
    if restore(body) != state:
        raise ValueError("not_the_same_read_back")
    told = Told(
        case=state.case, head=state.head, form=FORM, length=len(body),
        digest=digest(Label.SNAPSHOT, body).hex(),
    )  # fmt: skip
    return jws.sign(service, TYP, told.emit()).encode("ascii") + b"\n" + body


def unseal(raw: bytes, *, service: Card, case: CaseId) -> CaseState:
    """The state, if this service signed it as one of this case. ForgedError `signature_false`, or a
    MalformedError (`snapshot_malformed`, or of a field).
    """
    signed, _, body = raw.partition(b"\n")
    try:
        token = jws.UnverifiedJws.parse(signed.decode("ascii"), limit=_MAX_HEAD, field=FIELD)
    except UnicodeDecodeError as error:
        raise malformed() from error
    token.require_typ(TYP)
    token.verify(service)
    told = Told.read(Fields(decode_json(token.payload, limit=_MAX_HEAD, field=FIELD), at=FIELD))
    if (told.case, told.form, told.length) != (case, FORM, len(body)):
        raise malformed()
    if told.digest != digest(Label.SNAPSHOT, body).hex():
        raise malformed()
    state = restore(body)
    if (state.case, state.head) != (case, told.head):
        raise malformed()
    return state


def dump(state: CaseState) -> bytes:
    """ValueError for a state of sparse replay, which has no number for every entry."""
    hints = get_type_hints(CaseState)
    written: Json = {
        field.name: form_of(hints[field.name]).emit(getattr(state, field.name))
        for field in fields(CaseState)
        if field.name not in (*_FOLLOWING, *_COLUMNS, *_OWN)
    }
    numbers = list(range(state.head.n + 1))
    if list(state.statements.values()) != numbers or list(state.entries) != numbers:
        raise ValueError("sparse")
    written["statements"] = to_base64(bytes.fromhex("".join(state.statements)))
    written["entries"] = to_base64(bytes.fromhex("".join(state.entries.values())))
    written["records"] = [_emit_record(one) for one in state.records.values()]
    written["requests"] = [form_of(RequestState).emit(one) for one in state.requests.values()]
    return encode_json(written)


def restore(body: bytes) -> CaseState:
    """What `dump` wrote. MalformedError for anything else, as far as that shows."""
    written = decode_json(body, limit=MAX_SNAPSHOT, field=FIELD, items=_MAX_ITEMS)
    try:
        return _restored(written)
    except (EscrowError, ValueError, KeyError, TypeError) as error:  # or a class refused what it was given
        raise malformed() from error


def _restored(written: Json) -> CaseState:
    hints = get_type_hints(CaseState)
    plain = {field.name for field in fields(CaseState)} - {*_FOLLOWING, *_COLUMNS, *_OWN}
    if set(written) != {*plain, *_COLUMNS, *_OWN}:
        raise malformed()
    held: dict[str, Any] = {name: form_of(hints[name]).read(written[name]) for name in plain}
    count = held["head"].n + 1
    held["statements"] = {name: n for n, name in enumerate(_hashes(written["statements"], count))}
    held["entries"] = dict(enumerate(_hashes(written["entries"], count)))
    records = [_record(one, held["charters"]) for one in expect(written["records"], list)]
    requests = [form_of(RequestState).read(one) for one in expect(written["requests"], list)]
    state = CaseState(
        records={record.body.record: record for record in records},
        requests={request.hash: request for request in requests},
        **held,
    )
    sizes = (len(state.statements), len(state.records), len(state.requests))
    if sizes != (count, len(records), len(requests)):
        raise malformed()
    _follow(state)
    return state


def _follow(state: CaseState) -> None:
    """Whose are the keys and uploads in use."""
    for record in state.records.values():
        state.uploads[record.body.payload.upload] = record.body.record
        for path in record.body.paths:
            state.dealing_keys[path.sealed.dealing.E] = record.body.record
    for request in state.requests.values():
        for ticket in request.tickets:
            state.ticket_keys[ticket.Q] = ticket.dealing


def _record_form() -> Form:
    return form_of_fields(RecordState, without=_RECORD)


def _emit_record(record: RecordState) -> list[Any]:
    """The body's exact bytes only where they are not in our own spelling."""
    raw = None if record.body.encode() == record.body_raw else to_base64(record.body_raw)
    return [raw, _record_form().emit(record)]


def _record(written: object, charters: dict[Hash, CharterState]) -> RecordState:
    raw, rest = expect(written, list)
    held = _record_form().read(rest)
    body = held["body"]
    body_raw = body.encode() if raw is None else from_base64(expect(raw, str), field=FIELD)
    charter = charters[held["charter"]]
    paths = {path.name: path_state(held["r"], body_raw, charter, path) for path in body.paths}
    return RecordState(body_raw=body_raw, paths=MappingProxyType(paths), **held)


def _hashes(column: object, count: int) -> list[Hash]:
    """So many hashes, one after the other."""
    digits = from_base64(expect(column, str), field=FIELD).hex()
    size = 2 * HASH_BYTES
    if len(digits) != count * size:
        raise malformed()
    return [digits[i : i + size] for i in range(0, len(digits), size)]
