"""Audit what was published of a case against its ledger. Rules, as in README.md:

A12 In the public bucket lies only what the ledger shows released to everybody; nothing lay there before.
A13 A publication proves itself (C1 to C4), and every entry of its bundle is the ledger's own.
A14 One without its manifest counts for nothing: a warning, since whoever publishes goes on after a crash.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from escrow.admin.listings import Found
from escrow.admin.public_copy import Public
from escrow.admin.release_check import checked_release
from escrow.errors import EscrowError
from escrow.ledger.audit import Fault
from escrow.ledger.shares import path_of
from escrow.ledger.state import CaseState, RequestState
from escrow.model.ids import CaseId, Hash
from escrow.model.path import AudienceKind
from escrow.store import names
from escrow.store.clocks import MAX_CLOCK_DIFFERENCE
from escrow.store.names import Released


def publication_faults(
    public: Public, case: CaseId, state: CaseState | None, published: Sequence[Found]
) -> Iterator[tuple[Fault, bool]]:
    """What is wrong, and whether it is a fault (or a warning). `state` None: the case could not be replayed.

    `published`: the public objects of this case, sorted; also such as were deleted.
    """
    for request, objects in groupby(published, key=lambda one: names.parse_released(one.name).request):
        yield from _Publication(public, case, state, request, list(objects)).faults()


class _Publication:
    """What lies there of one request."""

    def __init__(
        self, public: Public, case: CaseId, state: CaseState | None, request: Hash, objects: Sequence[Found]
    ) -> None:
        self._public, self._case, self._state, self._request = public, case, state, request
        self._objects = objects
        self._asked = None if state is None else state.requests.get(request)

    def faults(self) -> Iterator[tuple[Fault, bool]]:
        if self._state is None:
            yield self._fault("publication_without_ledger"), True
            return
        reason = _unreleased(self._state, self._asked)
        if reason:
            yield self._fault("publication_not_released", reason=reason), True
            return
        if self._is_early():
            yield self._fault("publication_before_release"), True
        manifest = names.released(self._case, self._request, Released.MANIFEST)
        if any(one.name == manifest for one in self._objects):
            yield from self._contents(self._state)
        else:
            yield self._fault("publication_incomplete"), False

    def _contents(self, state: CaseState) -> Iterator[tuple[Fault, bool]]:
        """A13."""
        try:
            _, verified = checked_release(self._public, self._case, self._request)
        except EscrowError as error:
            about = {name: value for name, value in error.fields.items() if name == "object"}
            yield self._fault("publication_false", reason=error.code, **about), True
            return
        theirs = verified.state.entries
        if any(n > state.head.n or state.entries.get(n, entry) != entry for n, entry in theirs.items()):
            yield self._fault("publication_of_other_ledger"), True

    def _is_early(self) -> bool:
        """By the storage's clock, where it says when the first version came."""
        released = None if self._asked is None else self._asked.released_at
        written = [one.first.written_at for one in self._objects if one.first is not None]
        return released is not None and any(at < released - MAX_CLOCK_DIFFERENCE for at in written)

    def _fault(self, code: str, **about: object) -> Fault:
        n = 0 if self._asked is None else self._asked.n
        return Fault(code=code, n=n, party="", fields={"request": self._request, **_text(about)})


def _unreleased(state: CaseState, asked: RequestState | None) -> str:
    """Why it should not be there; empty if it may."""
    if asked is None:
        return "request_unknown"
    if path_of(state, asked).record_path.terms.audience.kind is not AudienceKind.PUBLIC:
        return "not_for_everybody"
    return "" if asked.released_at is not None else "not_released"


def _text(about: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in about.items()}
