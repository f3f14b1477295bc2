"""The share object of a sign-off, made and checked against the case: one seat's answers to one request.

Used by the seat that makes it, by the service on arrival, by readers and by the auditor, so that all of them
ask the same. Rules, numbered as in README.md:

 W1  The object's bytes have the hash that the signed sign-off names.
 W2  It is for this request and this seat.
 W3  It answers every ticket of the request, in their order; or the public, with one answer.
 W4  Every answer's proof holds for the seat's key as sealed, this ticket's mask, and this request.

What is false here is the fault of the seat's holder: its signature covers the object's hash. Whether the p
that is passed on is the right one, only who can open the envelope sees (bundle.py).
"""

from escrow.crypto.envelope import enclose, ticket_context
from escrow.crypto.seat_keys import SeatKeys
from escrow.crypto.sign_off import answer, mask, verify_answer
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError, ForgedError
from escrow.ledger.state import CaseState, PathState, RequestState
from escrow.model.contexts import sign_off_context
from escrow.model.ids import CaseId, Hash
from escrow.model.share_object import ShareObject, TicketAnswer, share_hash


def path_of(state: CaseState, request: RequestState) -> PathState:
    """The path by which a request asks."""
    return state.record(request.record).path(request.path)


def make_share_object(
    state: CaseState, request: Hash, seat: str, keys: SeatKeys, p: bytes | None
) -> ShareObject:
    """The seat's answers to a request. `p` is None where the seat's own envelope was bad.

    RefusedError: `request_unknown`, `seat_not_in_path`.
    """
    asked = state.request(request)
    path = path_of(state, asked)
    context = _context(state.case, asked, path, seat)
    E = path.record_path.sealed.dealing.E
    if not asked.tickets:
        public = answer(keys, mask(E, None), context)
        return ShareObject(request=request, seat=seat, public_answer=public, public_p=p)
    place = ticket_context(bytes.fromhex(request), seat)
    tickets = tuple(
        TicketAnswer(
            answer=answer(keys, mask(E, ticket.Q), context),
            passed=None if p is None else enclose(p, ticket.kem_key, Label.TICKET_ENVELOPE, place),
        )
        for ticket in asked.tickets
    )
    return ShareObject(request=request, seat=seat, tickets=tickets)


def require_share_object(
    state: CaseState, request: Hash, seat: str, expected: Hash, raw: bytes
) -> ShareObject:
    """Rules W1 to W4 for the object that the sign-off by `seat` names as `expected`.

    ForgedError `share_object_swapped` (W1: nobody is proven guilty), `share_object_for_other_request` (W2),
    `share_count_wrong` (W3), `share_false` (W4), `share_object_malformed`, each with `seat` and, where the
    seat is to blame, `author`.
    """
    asked = state.request(request)
    path = path_of(state, asked)
    if share_hash(raw) != expected:
        raise ForgedError("share_object_swapped", seat=seat, shares=expected)
    author = path.seat(seat).fingerprint
    try:
        shares = ShareObject.parse(raw, public=not asked.tickets)
    except EscrowError as error:
        raise ForgedError("share_object_malformed", seat=seat, author=author, reason=error.code) from error
    if (shares.request, shares.seat) != (request, seat):
        raise ForgedError("share_object_for_other_request", seat=seat, author=author)
    if len(shares.tickets) != len(asked.tickets):
        raise ForgedError("share_count_wrong", seat=seat, author=author)
    _require_answers(state.case, asked, path, shares)
    return shares


def _require_answers(case: CaseId, asked: RequestState, path: PathState, shares: ShareObject) -> None:
    """W4."""
    holder = path.seat(shares.seat)
    context = _context(case, asked, path, shares.seat)
    E = path.record_path.sealed.dealing.E
    answers = [
        (ticket.Q, theirs.answer) for ticket, theirs in zip(asked.tickets, shares.tickets, strict=True)
    ]
    try:
        for Q, given in answers:
            verify_answer(holder.opening_key, mask(E, Q), given, context)
        if shares.public_answer is not None:
            verify_answer(holder.opening_key, mask(E, None), shares.public_answer, context)
    except EscrowError as error:
        raise ForgedError("share_false", seat=shares.seat, author=holder.fingerprint) from error


def _context(case: CaseId, asked: RequestState, path: PathState, seat: str) -> bytes:
    return sign_off_context(case, path.digest, asked.hash, seat, path.seat(seat).fingerprint)
