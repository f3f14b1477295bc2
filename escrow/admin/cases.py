"""Cases in a store, without their service: which there are, and what each is when it is replayed."""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final

from escrow.admin.listings import case_ids
from escrow.errors import (
    EscrowError,
    ForgedError,
    MalformedError,
    NotFoundError,
    RefusedError,
    TooLargeError,
    UnavailableError,
)
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId, Fingerprint
from escrow.store import names
from escrow.store.interface import Bucket, Store
from escrow.store.listing import every_name

MAX_OWNER = 100
HOPELESS: Final = (
    "unreachable", "credentials_refused", "access_denied", "bucket_missing", "clock_differs",
    "certificate_refused", "credential_needed", "speaks_no_tls",
)  # fmt: skip
"""Reasons of `storage_failed` that are of the whole storage."""


def ends_run(error: EscrowError) -> bool:
    """Whether everything after it would meet this error too: nobody answers, or the credential is wrong."""
    return isinstance(error, UnavailableError) and error.fields.get("reason") in HOPELESS


def cases(store: Store, *, start: CaseId = "") -> Iterator[CaseId]:
    """Every case that has entries, in order of their ids from `start` on, none of them kept in memory."""
    return case_ids(store, Bucket.LEDGER, names.CASES, start=start)


def find_case(store: Store, begins: str) -> CaseId:
    """The one case whose id begins so.

    NotFoundError `case_unknown`; RefusedError `case_ambiguous` (first, second).
    """
    found = list(islice(takewhile(lambda case: case.startswith(begins), cases(store, start=begins)), 2))
    if not found:
        raise NotFoundError("case_unknown")
    if len(found) > 1:
        raise RefusedError("case_ambiguous", first=found[0], second=found[1])
    return found[0]


def replay(store: Store, case: CaseId, *, seen: CaseState | None = None) -> CaseState:
    """The case as its entries say: chain, signatures and rules, but not the proofs of dealings.

    `seen`: what was replayed of it before, which is gone on with.

    NotFoundError `case_unknown`; ForgedError and others of the ledger's rules; MalformedError;
    UnavailableError `ledger_damaged` (case, n, reason) where an entry is missing and later ones are there:
    what was withdrawn must not pass for signed off because an entry was taken out.
    """
    state = seen
    while True:
        n = 0 if state is None else state.head.n + 1
        try:
            raw = store.get(Bucket.LEDGER, names.entry(case, n), limit=MAX_ENTRY)
        except NotFoundError:
            if not _comes_after(store, case, n):
                break
            continue  # it was appended just now
        try:
            state = extend(state, raw.decode("ascii"), proofs=False, texts=False)
        except UnicodeDecodeError as error:
            raise MalformedError("jws_malformed", field="entry") from error
        if state.case != case:
            raise ForgedError("case_unexpected", expected=case, found=state.case)
    if state is None:
        raise NotFoundError("case_unknown")
    return state


Owners = tuple[Fingerprint, ...]
"""Cards of the service whose store it is: its first one, then what was noted beside it. Empty: not known."""


def owners_of(store: Store) -> Owners:
    """As the first start and every change of the key noted."""
    try:
        return with_later(store, read_owner(store.get(Bucket.LEDGER, names.SERVICE, limit=MAX_OWNER)))
    except NotFoundError:
        return ()
    except TooLargeError:
        return with_later(store, "")


def with_later(store: Store, first: Fingerprint) -> Owners:
    """The first card, and those of later keys."""
    later = every_name(store, Bucket.LEDGER, names.SERVICES)
    return (first, *(name.removeprefix(names.SERVICES) for name in later))


def read_owner(raw: bytes) -> Fingerprint:
    return raw.decode("ascii", "replace").removesuffix("\n")


def require_own(owners: Owners, state: CaseState) -> None:
    """Who may write to a store may put a whole case there, which holds in itself, of a service of its own.

    Asked of the card that the case was opened under: to which it moved is its seats' own. ForgedError
    `case_of_other_service` (expected: the first card, found).
    """
    found = state.opening.charter.service.card.fingerprint
    if owners and found not in owners:
        raise ForgedError("case_of_other_service", expected=ascii(owners[0])[1:-1], found=found)


def _comes_after(store: Store, case: CaseId, n: int) -> bool:
    """Whether entry `n` has come meanwhile. UnavailableError `ledger_damaged` where later ones are there."""
    last = names.entry(case, n - 1) if n else ""
    page = store.names(Bucket.LEDGER, names.entries(case), after=last, limit=1)
    if page and page != [names.entry(case, n)]:
        raise UnavailableError("ledger_damaged", case=case, n=n, reason="entry_missing")
    return bool(page)
