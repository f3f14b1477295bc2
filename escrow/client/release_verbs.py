"""Verbs on releases: introduce a reader, request, review, sign off, withdraw, open."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from escrow.client import texts
from escrow.client.desk import Desk
from escrow.client.envelopes import OwnEnvelopes
from escrow.client.following import KnownCase
from escrow.client.opening import Opened, open_release
from escrow.client.posting import Posting, Receipt
from escrow.client.progress import Progress, silent
from escrow.client.review import make_review
from escrow.client.showing import show_request
from escrow.client.tickets import make_ticket
from escrow.client.views import RequestView, Review
from escrow.client.withdrawals import show_withdrawals
from escrow.errors import ForgedError, NotFoundError, RefusedError
from escrow.ledger.shares import make_share_object, require_share_object
from escrow.ledger.state import PathState, RequestState
from escrow.model.deeds import ReleaseRequested, SignedOff, SignOffWithdrawn
from escrow.model.handover import Introduction
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.model.path import AudienceKind, PathTerms
from escrow.model.share_object import share_hash
from escrow.model.wire import to_time
from escrow.policy.verdict import assess_date


class ReleaseVerbs(Desk):
    """See the verbs."""

    def introduce(self, case: CaseId, record: RecordId, path: str) -> Introduction:
        """What a reader needs to make a ticket. RefusedError `path_needs_no_ticket` for a public path."""
        known = self.known(case)
        held = known.state.record(record).path(path)
        if held.record_path.terms.audience.kind is AudienceKind.PUBLIC:
            raise RefusedError("path_needs_no_ticket", path=path)
        charter = known.state.opening.charter
        return Introduction(
            service=known.state.pinned,
            case=case,
            record=record,
            path=path,
            dealing=held.digest,
            convenor=charter.convenor.fingerprint,
            introduced_by=self.card.fingerprint,
        )

    def make_ticket(self, introduction: Introduction) -> str:
        """A ticket of this party's own (see tickets.make_ticket): a seat may be a reader too."""
        return make_ticket(self.identity, introduction)

    def prepare_request(
        self, case: CaseId, record: RecordId, path: str, tickets: Sequence[str] = (), purpose: str = ""
    ) -> Posting:
        """Ask for one record by one path, for the readers of these tickets or (none) for the public."""
        known = self.known(case)
        sealed = texts.seal_request_purpose(
            self.case_key(known), case, record, path, self.card.fingerprint, purpose
        )
        dealing = known.state.record(record).path(path).digest
        deed = ReleaseRequested(
            record=record, path=path, dealing=dealing, tickets=tuple(tickets), purpose=sealed
        )
        return self.compose(known, deed)

    def request(
        self, case: CaseId, record: RecordId, path: str, tickets: Sequence[str] = (), purpose: str = ""
    ) -> Receipt:
        """The request's id is `receipt.statement`."""
        return self.send(self.prepare_request(case, record, path, tickets, purpose))

    def requests(self, case: CaseId) -> tuple[RequestView, ...]:
        """Every release request of the case, in order; `released_at` (aware UTC) is None until then."""
        known = self.known(case)
        requests = known.state.requests.values()
        taken_back = show_withdrawals(self.memory, known, requests)
        return tuple(show_request(known, asked, self.clock(), taken_back[asked.hash]) for asked in requests)

    def review(self, case: CaseId, request: Hash) -> Review:
        """Everything a seat must be shown before it signs off. NotFoundError `request_unknown`."""
        known = self.known(case)
        asked = known.state.requests.get(request)
        if asked is None:
            raise NotFoundError("request_unknown", request=request)
        taken_back = show_withdrawals(self.memory, known, [asked])[request]
        return make_review(known, asked, OwnEnvelopes(self.identity, known), self.clock(), taken_back)

    def prepare_sign_off(self, case: CaseId, request: Hash, seat: str | None = None) -> Posting:
        """Consent to one request with one seat. Show `review` first: what is sent cannot be recalled.

        With a bad envelope of one's own the share goes without p. RefusedError `seat_not_asked` (path, seats,
        asked), `not_a_seat`, `not_the_holder`, `seat_ambiguous`; `too_early` before the path's date by this
        machine's own clock, whatever times the service wrote into the chain.
        """
        known = self.known(case)
        asked, path, own = self._asked(known, request)
        mine = own.seats(path)
        seat = self._own_seat(known, path, mine, seat, [name for name in mine if name not in asked.signed])
        _require_date(path.record_path.terms, self.clock())
        p = own.content(path, seat)
        raw = make_share_object(known.state, request, seat, own.keys(seat), p).encode()
        deed = SignedOff(request=request, seat=seat, dealing=path.digest, shares=share_hash(raw))
        return self.compose(known, deed, raw)

    def sign_off(self, case: CaseId, request: Hash, seat: str | None = None) -> Receipt:
        """Sign off and send, which cannot be recalled; errors as `prepare_sign_off`. A second time helps only
        where `is_share_lost`.

        review = session.review(case, request)   # show this to a person first
        session.sign_off(case, request)
        """
        return self.send(self.prepare_sign_off(case, request, seat))

    def is_share_lost(self, case: CaseId, request: Hash, seat: str) -> bool:
        """Whether one's own seat has signed off and the service no longer gives a true share object of it:
        then it helps to sign off again. The service's word: one that is held back looks lost.
        """
        known = self.known(case)
        sent = known.state.request(request).sign_offs.get(seat, ())
        return bool(sent) and not any(self._has_share(known, request, seat, one.shares) for one in sent)

    def _has_share(self, known: KnownCase, request: Hash, seat: str, shares: Hash) -> bool:
        try:
            raw = self.courier.share(known.case, shares)
            require_share_object(known.state, request, seat, shares, raw)
        except (NotFoundError, ForgedError):
            return False
        return True

    def prepare_withdraw(
        self,
        case: CaseId,
        request: Hash,
        seat: str | None = None,
        reason: str | None = None,
        *,
        sign_off: Hash | None = None,
    ) -> Posting:
        """Take a seat's sign-offs back, before the release. Procedural: who has the share keeps it.

        `sign_off`: the hash of one that was signed and may not have arrived; left out, the latest that stands
        (RefusedError `nothing_to_withdraw`, `withdrawn_before`). `reason` is a text under the case key.
        RefusedError `already_released`; seats are refused as by `prepare_sign_off`.
        """
        known = self.known(case)
        asked, path, own = self._asked(known, request)
        mine = own.seats(path)
        seat = self._own_seat(known, path, mine, seat, [name for name in mine if name in asked.signed])
        if asked.released_at is not None:
            raise RefusedError("already_released", request=request)
        sign_off = sign_off or _standing(known, asked, seat)
        sealed = None
        if reason is not None:
            sealed = texts.seal_reason(self.case_key(known), case, request, seat, reason)
        return self.compose(
            known, SignOffWithdrawn(request=request, seat=seat, sign_off=sign_off, reason=sealed)
        )

    def withdraw(
        self, case: CaseId, request: Hash, seat: str | None = None, reason: str | None = None
    ) -> Receipt:
        """Withdraw and send; errors as `prepare_withdraw`. The share that was sent stays where it went."""
        return self.send(self.prepare_withdraw(case, request, seat, reason))

    def open(
        self,
        case: CaseId,
        request: Hash,
        out: Path,
        *,
        ticket: str | None = None,
        overwrite: bool = False,
        progress: Progress = silent,
    ) -> Opened:
        """Open a released record as a reader that it names, with a seat or without, or as anybody.

        A member's look at the case is remembered and compared as by every verb; who has no seat sees no more
        than the bundle. Arguments and errors: see opening.open_release.
        """
        known = self.known_if_any(case)
        return open_release(
            self.courier,
            case,
            request,
            out,
            identity=self.identity,
            ticket=ticket,
            overwrite=overwrite,
            progress=progress,
            known=known,
        )

    def _asked(self, known: KnownCase, request: Hash) -> tuple[RequestState, PathState, OwnEnvelopes]:
        asked = known.state.request(request)
        path = known.state.record(asked.record).path(asked.path)
        return asked, path, OwnEnvelopes(self.identity, known)

    def _own_seat(
        self, known: KnownCase, path: PathState, mine: Sequence[str], seat: str | None, likely: Sequence[str]
    ) -> str:
        """The seat of `mine` in this path that was named, or the only one of those `likely` to be meant."""
        if seat is not None and seat in mine:
            return seat
        if seat is None and mine:
            return _only_seat(tuple(likely or mine))
        author = self.card.fingerprint
        named = known.state.seats_of(author) if seat is None else (seat,)
        asked = tuple(one.seat for one in path.seats)
        if not named:
            raise RefusedError("not_a_seat", author=author)
        for name in named:
            if name in asked:
                raise RefusedError("not_the_holder", seat=name, author=author)
            if name not in known.state.current.charter.seats:
                path.seat(name)
        raise RefusedError(
            "seat_not_asked", path=path.record_path.name, seats=named, asked=asked, case=known.case
        )


def _require_date(terms: PathTerms, now: datetime) -> None:
    """A share cannot be recalled, so one misdated entry must not be enough to draw it out early."""
    if terms.not_before is not None and not assess_date(terms.not_before, now).met:
        raise RefusedError("too_early", path=terms.name, opens_at=to_time(terms.not_before))


def _standing(known: KnownCase, asked: RequestState, seat: str) -> Hash:
    """The seat's latest sign-off that it has not withdrawn."""
    if seat in asked.sign_offs:
        return asked.sign_offs[seat][-1].hash
    if seat in asked.withdrawals:
        raise RefusedError("withdrawn_before", case=known.case, request=asked.hash, seat=seat)
    raise RefusedError("nothing_to_withdraw", case=known.case, request=asked.hash, seat=seat)


def _only_seat(seats: tuple[str, ...]) -> str:
    if len(seats) > 1:
        raise RefusedError("seat_ambiguous", seats=seats)
    return seats[0]
