"""What the service shows of a case: plain frozen facts, made from the replayed state, that doors only print.

Texts that parties wrote are under the case key and stay where they are, in the entries. Nothing here is
secret to a member of the case; who may see which is decided in reading.py.
"""

from dataclasses import dataclass
from datetime import datetime

from escrow.ledger.state import CaseState, CharterState, CharterStatus, PathState, RecordState, RequestState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.path import PathTerms
from escrow.policy.verdict import Verdict, assess


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatView:
    seat: str
    card: str
    fingerprint: Fingerprint
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterView:
    """A charter by its proposal. `missing`: seats that have not accepted it."""

    proposal: Hash
    replaces: Hash | None
    n: int
    status: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """One line of a list. `status`: that of the charter, `in-force` or `pending`; or `damaged`, with no head.

    `seats`: those of the caller.
    """

    case: CaseId
    head: Head | None
    status: str
    seats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A whole case at a glance. `seats`: of the charter in force, else of the opening one."""

    case: CaseId
    head: Head
    received_at: datetime
    in_force: Hash | None
    convenor: str
    seats: tuple[SeatView, ...]
    charters: tuple[CharterView, ...]
    records: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    path: str
    seat: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathView:
    """Who may open by one path of a record. `verdict`.

    What it needs, before anybody has signed off anything.
    """

    name: str
    policy: str
    audience: str
    seats: tuple[str, ...]
    cards: tuple[str, ...]
    not_before: datetime | None
    dealing: Hash
    verdict: Verdict
    requests: tuple[Hash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """`author`: fingerprint of the depositor. `sha256` and `length` are those of the ciphertext.

    `dropped_off`: the service sealed it, by the depositor's order.
    """

    record: RecordId
    n: int
    received_at: datetime
    statement: Hash
    author: Fingerprint
    charter: Hash
    replaces: RecordId | None
    sha256: str
    length: int
    paths: tuple[PathView, ...]
    reports: tuple[ReportView, ...]
    dropped_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffView:
    """A sign-off that stands: seat, hash of the statement, hash of its share object."""

    seat: str
    statement: Hash
    shares: Hash
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """`readers`: cards that the tickets name; empty for the public. `verdict`: what is still needed now."""

    request: Hash
    record: RecordId
    path: str
    n: int
    received_at: datetime
    author: Fingerprint
    public: bool
    readers: tuple[str, ...]
    sign_offs: tuple[SignOffView, ...]
    verdict: Verdict
    released_at: datetime | None


def summary_of(state: CaseState, caller: Fingerprint) -> CaseSummary:
    status = CharterStatus.PENDING if state.in_force is None else CharterStatus.IN_FORCE
    return CaseSummary(case=state.case, head=state.head, status=status.value, seats=state.seats_of(caller))


def case_of(state: CaseState) -> CaseView:
    charter = state.current
    return CaseView(
        case=state.case,
        head=state.head,
        received_at=state.received_at,
        in_force=state.in_force,
        convenor=str(charter.charter.convenor),
        seats=tuple(_seat(charter, seat) for seat in charter.charter.seats),
        charters=tuple(_charter(each) for each in state.charters.values()),
        records=len(state.records),
        requests=len(state.requests),
    )


def _seat(charter: CharterState, seat: str) -> SeatView:
    card = charter.charter.seats[seat]
    accepted = (seat, card.fingerprint) in charter.acceptances
    return SeatView(seat=seat, card=str(card), fingerprint=card.fingerprint, accepted=accepted)


def _charter(charter: CharterState) -> CharterView:
    return CharterView(
        proposal=charter.proposal,
        replaces=charter.replaces,
        n=charter.n,
        status=charter.status.value,
        missing=tuple(dict.fromkeys(seat for seat, _ in charter.missing)),
    )


def record_of(state: CaseState, record: RecordState, at: datetime) -> RecordView:
    return RecordView(
        record=record.body.record,
        n=record.n,
        received_at=record.received_at,
        statement=record.statement_hash,
        author=record.depositor.fingerprint,
        charter=record.charter,
        replaces=record.body.replaces,
        sha256=record.body.payload.sha256,
        length=record.body.payload.length,
        paths=tuple(_path(state, record, path, at) for path in record.paths.values()),
        reports=tuple(ReportView(path=path, seat=seat, n=n) for path, seat, n in record.reports),
        dropped_off=record.ordered is not None,
    )


def _path(state: CaseState, record: RecordState, path: PathState, at: datetime) -> PathView:
    terms = path.record_path.terms
    return PathView(
        name=terms.name,
        policy=str(terms.policy),
        audience=terms.audience.kind.value,
        seats=terms.audience.seats,
        cards=tuple(str(card) for card in terms.audience.cards),
        not_before=terms.not_before,
        dealing=path.digest,
        verdict=_verdict(terms, frozenset(), at),
        requests=tuple(each for each in record.requests if state.requests[each].path == terms.name),
    )


def request_of(state: CaseState, asked: RequestState, at: datetime) -> RequestView:
    terms = state.record(asked.record).path(asked.path).record_path.terms
    return RequestView(
        request=asked.hash,
        record=asked.record,
        path=asked.path,
        n=asked.n,
        received_at=asked.received_at,
        author=asked.author.fingerprint,
        public=state.is_public(asked.hash),
        readers=tuple(str(ticket.card) for ticket in asked.tickets),
        sign_offs=tuple(
            SignOffView(seat=seat, statement=each.hash, shares=each.shares, n=each.n)
            for seat, given in sorted(asked.sign_offs.items())
            for each in given
        ),
        verdict=_verdict(terms, asked.signed, at),
        released_at=asked.released_at,
    )


def _verdict(terms: PathTerms, signed: frozenset[str], at: datetime) -> Verdict:
    return assess(terms.policy, signed, not_before=terms.not_before, at=at)
