"""Cases in a store, without their service: which there are, and what each is when it is replayed."""

from collections.abc import Iterator

from escrow.errors import ForgedError, MalformedError, NotFoundError, RefusedError, UnavailableError
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.replay import extend
from escrow.ledger.state import CaseState
from escrow.model.ids import CaseId
from escrow.store import names
from escrow.store.interface import Bucket, Store


def cases(store: Store) -> Iterator[CaseId]:
    """Every case that has entries, in order of their ids, found without reading the entries' names."""
    after = ""
    while page := store.names(Bucket.LEDGER, names.CASES, after=after, limit=1):
        case = names.parse_entry(page[0]).case
        yield case
        after = names.after_case(case)


def find_case(store: Store, begins: str) -> CaseId:
    """The one case whose id begins so.

    NotFoundError `case_unknown`; RefusedError `case_ambiguous` (first, second).
    """
    found = [case for case in cases(store) if case.startswith(begins)]
    if not found:
        raise NotFoundError("case_unknown")
    if len(found) > 1:
        raise RefusedError("case_ambiguous", first=found[0], second=found[1])
    return found[0]


def replay(store: Store, case: CaseId) -> CaseState:
    """The case as its entries say: chain, signatures and rules, but not the proofs of dealings.

    NotFoundError `case_unknown`; ForgedError and others of the ledger's rules; MalformedError;
    UnavailableError `ledger_damaged` (case, n, reason) where an entry is missing and later ones are there:
    what was withdrawn must not pass for signed off because an entry was taken out.
    """
    state: CaseState | None = None
    while True:
        n = 0 if state is None else state.head.n + 1
        try:
            raw = store.get(Bucket.LEDGER, names.entry(case, n), limit=MAX_ENTRY)
        except NotFoundError:
            break
        try:
            state = extend(state, raw.decode("ascii"), proofs=False, texts=False)
        except UnicodeDecodeError as error:
            raise MalformedError("jws_malformed", field="entry") from error
        if state.case != case:
            raise ForgedError("case_unexpected", expected=case, found=state.case)
    prefix, last = names.entries(case), "" if state is None else names.entry(case, state.head.n)
    if store.names(Bucket.LEDGER, prefix, after=last, limit=1):
        missing = 0 if state is None else state.head.n + 1
        raise UnavailableError("ledger_damaged", case=case, n=missing, reason="entry_missing")
    if state is None:
        raise NotFoundError("case_unknown")
    return state
