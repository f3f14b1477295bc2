"""Make every kind of deed and leave posting it to the test, so that a test can spoil one field."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from support.parties import (
    CASE_KEY,
    CONVENOR,
    SEALED,
    START,
    audience,
    bytes_of,
    charter,
)

from escrow.crypto.card import Card
from escrow.crypto.identity import Identity
from escrow.crypto.metadata import SEALED_METADATA_BYTES
from escrow.crypto.sealing import (
    PathSecrets,
    SeatPublic,
    check_envelope,
    commitment,
    dealing_digest,
    path_context,
    prove_path,
    record_context,
    seal_path,
)
from escrow.crypto.seat_keys import SeatKeys, prove_seat_keys
from escrow.ledger import jws
from escrow.ledger.shares import make_share_object
from escrow.ledger.state import CaseState
from escrow.ledger.statement import compose
from escrow.model.case_key import CaseKey, Place, place
from escrow.model.charter import Charter
from escrow.model.contexts import seat_keys_context
from escrow.model.deeds import (
    CaseOpened,
    CharterAccepted,
    CharterProposed,
    EnvelopeReported,
    RecordSealed,
    ReleaseRequested,
    SignedOff,
)
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.model.path import AudienceKind, PathTerms
from escrow.model.record import Payload, RecordBody, RecordPath
from escrow.model.share_object import share_hash
from escrow.model.ticket import TYP as TICKET_TYP
from escrow.model.ticket import Ticket


def opening(
    words: Charter | None = None, *, convenor: Identity = CONVENOR, case_key: CaseKey = CASE_KEY
) -> str:
    """An opening statement, signed by the convenor."""
    deed = CaseOpened(
        charter=words or charter(convenor=convenor, case_key=case_key),
        wrapped_case_key=case_key.wrap_for_oneself(convenor),
    )
    return compose(convenor, deed, case=None, head=None)


def proposing(
    state: CaseState, words: Charter, author: Identity, case_key: CaseKey = CASE_KEY
) -> CharterProposed:
    """A charter in place of the one that holds now."""
    wrapped = case_key.wrap_for_oneself(author)
    return CharterProposed(replaces=state.current.proposal, charter=words, wrapped_case_key=wrapped)


def acceptance(
    case: CaseId,
    proposal: Hash,
    seat: str,
    author: Identity,
    *,
    keys: SeatKeys | None = None,
    case_key: CaseKey = CASE_KEY,
) -> CharterAccepted:
    """A seat's acceptance with its own keys, or with `keys` (and a true proof of those)."""
    own = keys or author.seat_keys(case, seat)
    return CharterAccepted(
        proposal=proposal,
        seat=seat,
        opening_key=own.opening_key,
        kem_key=own.kem_key,
        proof=prove_seat_keys(own, seat_keys_context(case, seat, proposal, author.card)),
        wrapped_case_key=case_key.wrap_for_oneself(author),
    )


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A deposit before it is signed, and what only the depositor knows."""

    deed: RecordSealed
    key: bytes
    secrets: Mapping[str, PathSecrets]

    @property
    def record(self) -> RecordId:
        return self.deed.body.record


def terms(
    state: CaseState, name: str, *, not_before: datetime | None = START, cards: Sequence[Card] = ()
) -> PathTerms:
    """The charter's path of this name, with `not_before` where its template leaves the date open."""
    template = state.current.charter.path(name)
    readers = template.audience
    if readers.kind is AudienceKind.NAMED and not readers.cards:
        readers = audience(cards=cards)
    date = not_before if template.date_open else template.not_before
    return PathTerms(name=name, policy=template.policy, audience=readers, not_before=date)


def seal_record(
    state: CaseState,
    author: Identity,
    name: str = "record",
    *,
    paths: Sequence[PathTerms] | None = None,
    payload: Payload | None = None,
    key: bytes | None = None,
    metadata: bytes = bytes(SEALED_METADATA_BYTES),
    replaces: RecordId | None = None,
) -> Sealed:
    """Seal for the charter that holds, by all its paths unless told otherwise. `name` draws all ids."""
    record = bytes_of(f"record {name}", 16).hex()
    key = key or bytes_of(f"key {name}")
    held = state.current
    r = record_context(author.card.fingerprint, state.case, held.proposal, record)
    sealed_paths, secrets, seats_by_path = [], {}, {}
    for one in paths or [terms(state, template.name) for template in held.charter.paths]:
        raw = one.encode()
        seats = [held.seat_public(seat) for seat in one.policy.seats]
        context = path_context(r, raw, seats)
        sealed, secret = seal_path(context, commitment(r, key), key, one.policy.shape, seats)
        sealed_paths.append(RecordPath(terms=one, terms_raw=raw, context=context, sealed=sealed))
        secrets[one.name], seats_by_path[one.name] = secret, seats
    body = RecordBody(
        record=record,
        author=author.card.fingerprint,
        charter=held.proposal,
        label=CASE_KEY.seal_text(name, place(Place.LABEL, state.case, record)),
        replaces=replaces,
        payload=payload or payload_of(name),
        metadata=metadata,
        commitment=commitment(r, key),
        paths=tuple(sealed_paths),
    )
    return Sealed(deed=prove_body(body, secrets, seats_by_path), key=key, secrets=secrets)


def refit(state: CaseState, body: RecordBody) -> RecordBody:
    """The body with every path's context as it must be for its author, whoever made the dealings."""
    r = record_context(body.author, state.case, body.charter, body.record)
    held = state.charters[body.charter]

    def fitting(path: RecordPath) -> RecordPath:
        seats = [held.seat_public(seat) for seat in path.terms.policy.seats]
        return replace(path, context=path_context(r, path.terms_raw, seats))

    return replace(body, paths=tuple(fitting(path) for path in body.paths))


def payload_of(name: str, length: int = 64) -> Payload:
    """A payload that nobody has stored."""
    upload = bytes_of(f"upload {name}", 16).hex()
    return Payload(sha256=hashlib.sha256(name.encode()).hexdigest(), length=length, upload=upload)


def prove_body(
    body: RecordBody, secrets: Mapping[str, PathSecrets], seats: Mapping[str, Sequence[SeatPublic]]
) -> RecordSealed:
    """The sealing statement for this body, with proofs by whoever knows each path's e."""
    raw = body.encode()
    proofs = tuple(
        prove_path(
            path.terms.policy.shape,
            seats[path.name],
            path.sealed,
            secrets[path.name],
            dealing_digest(raw, path.name),
        )
        for path in body.paths
    )
    return RecordSealed(body=body, body_raw=raw, proofs=proofs)


def ticket(
    state: CaseState,
    record: RecordId,
    path: str,
    reader: Identity,
    *,
    nonce: bytes | None = None,
    **spoiled: str,
) -> str:
    """A reader's ticket. `spoiled` replaces case, record, path or dealing before it is made."""
    where = {"case": state.case, "record": record, "path": path}
    where["dealing"] = dealing_of(state, record, path)
    where |= spoiled
    nonce = nonce or bytes_of(f"nonce {reader.card} {where}")
    keys = reader.ticket_keys(
        where["case"], where["record"], where["path"], bytes.fromhex(where["dealing"]), nonce
    )
    made = Ticket.make(card=reader.card, nonce=nonce, keys=keys, **where)
    return jws.sign(reader, TICKET_TYP, made.emit())


def dealing_of(state: CaseState, record: RecordId, path: str) -> Hash:
    """The dealing's digest, or nonsense where there is no such record or path."""
    found = state.records.get(record)
    return found.paths[path].digest if found is not None and path in found.paths else "00" * 32


def asking(
    state: CaseState, record: RecordId, path: str, tickets: Iterable[str] = (), *, purpose: bytes = SEALED
) -> ReleaseRequested:
    """A request with these tickets. `purpose` is a text under the case key, which no rule can read."""
    return ReleaseRequested(
        record=record,
        path=path,
        dealing=dealing_of(state, record, path),
        tickets=tuple(tickets),
        purpose=purpose,
    )


def reporting(state: CaseState, record: RecordId, path: str, seat: str) -> EnvelopeReported:
    """A seat's word that its envelope is bad."""
    return EnvelopeReported(record=record, path=path, seat=seat, dealing=dealing_of(state, record, path))


def answer(state: CaseState, request: Hash, seat: str, author: Identity) -> tuple[SignedOff, bytes]:
    """A seat's sign-off and its share object: an answer and p for every ticket, or for the public."""
    asked = state.requests[request]
    path = state.records[asked.record].paths[asked.path]
    keys = author.seat_keys(state.case, seat)
    index = [public.seat for public in path.seats].index(seat)
    p = check_envelope(path.context, path.record_path.sealed, index, seat, keys.kem)
    shares = make_share_object(state, request, seat, keys, p)
    raw = shares.encode()
    deed = SignedOff(request=request, seat=seat, dealing=path.digest, shares=share_hash(raw))
    return deed, raw
