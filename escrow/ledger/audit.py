"""Audit: rebuild a whole case from its entries, trusting nothing, and say what is wrong with whom.

Pure: entries come as an iterable, share objects and payload digests by callables, so an administrator, a
party and an outsider with a copy run the same code. It holds one case's state and one object at a time. It
does not stop at the first fault. Numbered as in README.md:

 A1  The first entry opens the case, the expected one if the caller names it. Without it nothing can be said.
 A2  Every entry keeps all rules of the ledger, every proof included. One that does not is left out.
 A3  After an entry was left out or is missing, later ones are checked as far as they can be: a fault that may
     be nothing but its consequence says so (`follows`), and blames nobody for certain.
 A4  A head that the caller remembers is on the chain: nothing was taken off its end, nothing rewritten.
 A5  Every share object of a standing sign-off is there and holds (rules W1 to W4).
 A6  Every payload is there, with the length and the digest that its depositor stated.

A missing or changed object is the fault of whoever keeps it; a false one that is named by its hash in a
signed statement, of who signed. One that cannot be read (`..._unreadable`) stops nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol, TypeVar

from escrow.crypto.card import Card
from escrow.errors import EscrowError, Field, ForgedError, NotFoundError, RefusedError
from escrow.ledger.entry import Entry
from escrow.ledger.replay import extend
from escrow.ledger.shares import require_share_object
from escrow.ledger.signer import read_any
from escrow.ledger.state import CaseState, RecordState, RequestState, SignOffState
from escrow.ledger.statement import Head
from escrow.model.ids import CaseId, Fingerprint, Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Something lies in the place of an object and cannot be read; `reason` is the error's code."""

    reason: str


Shares = Callable[[Hash], bytes | Unreadable | None]
"""A share object by its hash; None where there is none."""
Payloads = Callable[[RecordState], tuple[str, int] | Unreadable | None]
"""A payload's SHA-256 (hex) and length in bytes, as found; None where there is none."""

Work = TypeVar("Work")
Done = TypeVar("Done")


class Each(Protocol):
    """How objects are read one after the other: as `map`, or some ahead."""

    def __call__(self, work: Callable[[Work], Done], items: Iterable[Work], /) -> Iterator[Done]: ...


def one_by_one(work: Callable[[Work], Done], items: Iterable[Work]) -> Iterator[Done]:
    """The `Each` that reads nothing ahead."""
    return map(work, items)


MISPLACED = frozenset(("entry_out_of_order", "entry_of_other_case"))
"""A genuine entry that does not belong here: whoever keeps the list put it there."""
CONTRADICTIONS = frozenset(("entry_chain_broken", "entry_time_backwards", "head_not_of_case"))
"""Two things that the service signed do not agree."""
OF_THE_CHAIN = frozenset(("path_context_differs", "entry_signer_not_in_force"))
"""Forged by what the chain said before. All else that names an author is false by its signed words alone."""
MENDS = 4
"""A missing entry, a broken link, a clock that ran back and a head of another chain, all at one entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`n`: the entry it was found at. `party`: fingerprint of who is at fault, empty where nobody is proven.

    `follows`: the earlier entry from whose absence this may follow, else None.
    """

    code: str
    n: int
    party: Fingerprint
    fields: Mapping[str, Field] = field(default_factory=dict)
    follows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was found. `entries`: how many were seen. `records`: how many hold. `warnings` are no faults.

    `remembered_head`: seen by this auditor before (None: a first look). `state`: what holds, to compare with.
    """

    case: CaseId | None
    head: Head | None
    entries: int
    records: int
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    remembered_head: Head | None = None
    state: CaseState | None = field(default=None, repr=False, compare=False)

    def require_clean(self) -> None:
        """RefusedError `audit_found_faults` (faults, first)."""
        if self.faults:
            raise RefusedError("audit_found_faults", faults=len(self.faults), first=self.faults[0].code)


def audit(
    entries: Iterable[str | Unreadable],
    shares: Shares | None,
    payload: Payloads | None,
    *,
    case: CaseId | None = None,
    service: Card | None = None,
    known: Head | None = None,
    released_only: bool = False,
    each: Each = one_by_one,
) -> AuditReport:
    """Audit one case. `shares` or `payload` None: not looked at. They are asked by way of `each`.

    `case`, `service`, `known`: what the caller expects, or has seen before. `released_only`: share objects of
    requests that are not released are left alone, for parties that cannot have them yet.
    """
    auditor = _Auditor(case, service)
    for raw in entries:
        auditor.take(raw)
    auditor.require_anchor(known)
    if auditor.state is not None:
        if shares is not None:
            auditor.check_shares(auditor.state, shares, each, released_only=released_only)
        if payload is not None:
            auditor.check_payloads(auditor.state, payload, each)
    return auditor.report()


class _Auditor:
    """What has been seen so far. `_expected`: the next number; `_lost`: the first entry not counted."""

    def __init__(self, case: CaseId | None, service: Card | None) -> None:
        self.state: CaseState | None = None
        self._case = case
        self._service = service
        self._seen = 0
        self._expected = 0
        self._lost: int | None = None
        self._faults: list[Fault] = []
        self._warnings: list[Fault] = []

    def report(self) -> AuditReport:
        state = self.state
        return AuditReport(
            case=None if state is None else state.case,
            head=None if state is None else state.head,
            entries=self._seen,
            records=0 if state is None else len(state.records),
            faults=tuple(self._faults),
            warnings=tuple(self._warnings),
            state=state,
        )

    def take(self, raw: str | Unreadable) -> None:
        """A1 to A3 for the next entry."""
        self._seen += 1
        if isinstance(raw, Unreadable):
            self._fault("entry_unreadable", self._expected, fields={"reason": raw.reason})
            self._lose(self._expected)
            self._expected += 1
            return
        if self.state is None:
            if self._seen == 1:
                self._open(raw)
            return
        for _ in range(1 + MENDS):
            try:
                extend(self.state, raw, sparse=self._lost is not None)
            except EscrowError as error:
                if not self._mend(self.state, raw, error):
                    return
            else:
                self._arrive(self.state.head.n)
                self._expected = self.state.head.n + 1
                return

    def _open(self, raw: str) -> None:
        """A1."""
        try:
            state = extend(None, raw, service=self._service)
            if self._case is not None and state.case != self._case:
                raise ForgedError("case_unexpected", expected=self._case, found=state.case)
        except EscrowError as error:
            self._fault(error.code, 0, fields=error.fields)
        else:
            self.state, self._expected = state, 1

    def _mend(self, state: CaseState, raw: str, error: EscrowError) -> bool:
        """Record what is wrong with an entry. Whether to try it again, with that set aside."""
        try:
            entry = read_any(state, raw)
        except EscrowError as unreadable:  # anybody on the way may have changed it
            self._fault(unreadable.code, self._expected, fields=unreadable.fields)
            self._lose(self._expected)
            self._expected += 1
            return False
        if error.code == "entry_out_of_order" and entry.n > self._expected:
            self._arrive(entry.n)
            return True
        if error.code in MISPLACED:
            self._fault(error.code, entry.n, fields=error.fields)
            return False
        if error.code in CONTRADICTIONS:
            other = _contradicted(entry, error)
            same = state.signer_of(other) == entry.signer  # else either may have been shown another
            party = entry.signer.fingerprint if same else ""
            self._fault(error.code, entry.n, party=party, fields=error.fields)
            self._set_aside(state, entry, error)
            return True
        self._blame(state, entry, error)
        self._arrive(entry.n)
        self._lose(entry.n)
        self._expected = max(self._expected, entry.n + 1)
        return False

    def _arrive(self, n: int) -> None:
        """Those between the expected entry and n are missing."""
        if n > self._expected:
            self._fault("entries_missing", self._expected, fields={"first": self._expected, "last": n - 1})
            self._lose(self._expected)
            self._expected = n

    def _set_aside(self, state: CaseState, entry: Entry, error: EscrowError) -> None:
        """Forget what an entry that the service signed contradicts; the words inside may be genuine.

        The one place outside the replay that changes a state: of a faulty chain, to judge the rest of it.
        """
        if error.code == "entry_time_backwards":
            state.received_at = entry.received_at
            return
        rewritten = _contradicted(entry, error)
        state.entries.pop(rewritten, None)
        self._lose(rewritten)

    def _blame(self, state: CaseState, entry: Entry, error: EscrowError) -> None:
        """A proven forger by name; else the service, which let enter what the rules refuse."""
        depends = isinstance(error, RefusedError | NotFoundError) or error.code in OF_THE_CHAIN
        consequence = self._lost is not None and depends
        party: Field = "" if consequence else entry.signer.fingerprint
        if not consequence and isinstance(error, ForgedError) and error.code != "signature_false":
            party = error.fields.get("author", party)
        follows = self._lost if consequence else None
        self._fault(error.code, entry.n, party=str(party), fields=error.fields, follows=follows)

    def _lose(self, n: int) -> None:
        self._lost = n if self._lost is None else min(self._lost, n)

    def _fault(
        self,
        code: str,
        n: int,
        *,
        party: Fingerprint = "",
        fields: Mapping[str, Field] | None = None,
        follows: int | None = None,
    ) -> None:
        self._faults.append(Fault(code=code, n=n, party=party, fields=dict(fields or {}), follows=follows))

    def require_anchor(self, known: Head | None) -> None:
        """A1 and A4."""
        if self.state is None:
            self._fault("audit_without_anchor", 0)
        elif known is None:
            return
        elif known.n > self.state.head.n:
            self._fault("ledger_rolled_back", known.n, fields={"found": self.state.head.n})
        elif self.state.entries.get(known.n, known.hash) != known.hash:
            self._fault("ledger_forked", known.n, party=self.state.signer_of(known.n).fingerprint)

    def check_shares(self, state: CaseState, shares: Shares, each: Each, *, released_only: bool) -> None:
        """A5. Where another object of the same seat holds, a bad one is only worth a warning."""
        wanted = [
            (request, seat, one)
            for request in state.requests.values()
            if request.released_at is not None or not released_only
            for seat, sign_offs in request.sign_offs.items()
            for one in sign_offs
        ]
        raws = each(lambda it: shares(it[2].shares), wanted)
        judged = ((*it, _share_fault(state, *it, raw)) for it, raw in zip(wanted, raws, strict=True))
        for _, group in groupby(judged, key=lambda it: (it[0].hash, it[1])):
            found = [fault for *_, fault in group]
            faults = [fault for fault in found if fault is not None]
            (self._warnings if len(faults) < len(found) else self._faults).extend(faults)

    def check_payloads(self, state: CaseState, payload: Payloads, each: Each) -> None:
        """A6."""
        records = list(state.records.values())
        for record, found in zip(records, each(payload, records), strict=True):
            stated = record.body.payload
            if found is None:
                code = "payload_missing"
            elif isinstance(found, Unreadable):
                code = "payload_unreadable"
            elif found[1] != stated.length:
                code = "payload_length_differs"
            elif found[0] != stated.sha256:
                code = "payload_changed"
            else:
                continue
            self._fault(code, record.n, fields={"record": record.body.record})


def _contradicted(entry: Entry, error: EscrowError) -> int:
    """The number of the earlier entry that this one does not agree with."""
    named = error.fields.get("n")
    return named if error.code == "head_not_of_case" and isinstance(named, int) else entry.n - 1


def _share_fault(
    state: CaseState,
    request: RequestState,
    seat: str,
    sign_off: SignOffState,
    raw: bytes | Unreadable | None,
) -> Fault | None:
    about = {"seat": seat, "request": request.hash, "shares": sign_off.shares}
    if raw is None:
        return Fault(code="share_object_missing", n=sign_off.n, party="", fields=about)
    if isinstance(raw, Unreadable):
        return Fault(code="share_object_unreadable", n=sign_off.n, party="", fields=about)
    try:
        require_share_object(state, request.hash, seat, sign_off.shares, raw)
    except EscrowError as error:
        party = str(error.fields.get("author", ""))
        return Fault(code=error.code, n=sign_off.n, party=party, fields=about)
    return None
