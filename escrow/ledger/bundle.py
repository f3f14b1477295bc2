"""A bundle: what a reader or a court needs to check and open one released record, and nothing else.

Whoever hands it over is believed in nothing. Its anchor is the case's id, which the reader has from its own
ticket's introduction. Numbered as in README.md:

 B1  The first entry opens this very case; it pins the service's card, and later charters in force do (L5).
 B2  Every other entry keeps all rules of the ledger, as far as they can be asked with entries left out.
 B3  It holds the request, and its sign-offs meet the record's policy.
 B4  Each share object is found by the hash that its seat signed, and keeps rules W1 to W4; a seat whose
     object is false is named, one whose object is not there is not at fault. The others may suffice.
 B5  The reader's own ticket is in the request, and its keys are the reader's.
 B6  p is the one that the record promises; each seat that passed on another is named, and the next is tried.
     Where none passed any on, nobody is named: who kept it to itself, nobody else can see.
 B7  S and p unwrap K, and K is the one that the record commits to; else the depositor is named.

What no bundle can show is what was left out of it: that a sign-off in it had been withdrawn, only the chain
tells. A share that was once handed over opens all the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from escrow.crypto.card import Card
from escrow.crypto.envelope import disclose, ticket_context
from escrow.crypto.group import Point
from escrow.crypto.sealing import check_p, open_key
from escrow.crypto.secret import NeverPickled
from escrow.crypto.sign_off import opened_share, recombine
from escrow.crypto.ticket import TicketKeys
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError, ForgedError, NotFoundError, RefusedError, TooLargeError
from escrow.ledger.entry import MAX_ENTRY
from escrow.ledger.replay import extend
from escrow.ledger.shares import path_of, require_share_object
from escrow.ledger.state import CaseState, CharterState, PathState, RecordState, RequestState, SignOffState
from escrow.model.ids import CaseId, Hash
from escrow.model.share_object import MAX_SHARE_OBJECT, ShareObject, share_hash
from escrow.model.ticket import Ticket
from escrow.model.wire import Fields, decode_json, encode_json, from_base64, to_base64
from escrow.policy.verdict import assess_seats

FORMAT = "escrow.bundle.v1"
MAX_BUNDLE = 64 * 1024 * 1024
"""Bytes. The largest release takes 35 MB: 256 seats and 16 readers, with two share objects of each seat
(19 MB), eight sign-offs (3 MB) and eight reports of an envelope (2 MB), the largest record (8 MB), its
charter and all acceptances (3 MB). The rest is for charters that held before it."""
MAX_ENTRIES = 10_000
SHARES_A_SEAT = 2
"""A seat's last share objects: it signs off again when one was lost."""
MAX_SHARES = 256 * SHARES_A_SEAT


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleParts:
    """What to fetch for a bundle: numbers of entries, ascending, and hashes of share objects."""

    entries: tuple[int, ...]
    shares: tuple[Hash, ...]


def select(state: CaseState, request: Hash) -> BundleParts:
    """The parts of a released request's bundle. RefusedError `request_unknown`, `not_released`."""
    asked = state.request(request)
    _require_released(state, asked)
    record = state.record(asked.record)
    sign_offs = [one for theirs in asked.sign_offs.values() for one in theirs]
    numbers = {0, record.n, asked.n, *(n for _, _, n in record.reports), *(one.n for one in sign_offs)}
    until = _charters_until(state, asked.n, last_entry=max(numbers))
    for charter in state.charters.values():
        if _held_before(charter, until):
            numbers |= {charter.n, *(accepted.n for accepted in charter.acceptances.values())}
    last = [one for theirs in asked.sign_offs.values() for one in theirs[-SHARES_A_SEAT:]]
    return BundleParts(entries=tuple(sorted(numbers)), shares=tuple(one.shares for one in last))


def compose(entries: Iterable[str], shares: Mapping[Hash, bytes]) -> bytes:
    """The bundle's bytes. TooLargeError beyond MAX_BUNDLE. Hashes are left out: the reader makes them."""
    raw = encode_json(
        {"format": FORMAT, "entries": list(entries), "shares": [to_base64(one) for one in shares.values()]}
    )
    if len(raw) > MAX_BUNDLE:
        raise TooLargeError("field_too_large", field="bundle", limit=MAX_BUNDLE)
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedBundle:
    """A release that holds. `shares`: by seat, all proofs checked.

    `bad`: (seat, code) of those whose signed object is false. `lost`: seats of which no object is here, which
    is no fault of theirs.
    """

    state: CaseState
    record: RecordState
    request: RequestState
    path: PathState
    shares: Mapping[str, ShareObject]
    bad: tuple[tuple[str, str], ...]
    lost: tuple[str, ...]

    def ticket_of(self, card: Card) -> Ticket:
        """The reader's own ticket, whose nonce its keys are derived from. RefusedError `reader_not_named`."""
        return self.request.tickets[self._place_of(card)]

    def _place_of(self, card: Card | None) -> int:
        """B5."""
        for place, ticket in enumerate(self.request.tickets):
            if ticket.card == card:
                return place
        fingerprint = "" if card is None else card.fingerprint
        raise RefusedError("reader_not_named", card=fingerprint, request=self.request.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Well-formed, and no more. `shares` by the hash of each object."""

    untrusted_entries: tuple[str, ...]
    untrusted_shares: Mapping[Hash, bytes]

    @classmethod
    def parse(cls, raw: bytes) -> "Bundle":
        """MalformedError that names the field; TooLargeError."""
        fields = Fields(decode_json(raw, limit=MAX_BUNDLE, field="bundle"), at="bundle")
        fields.choice("format", (FORMAT,))
        entries = fields.texts("entries", least=1, most=MAX_ENTRIES, limit=MAX_ENTRY)
        limit = (MAX_SHARE_OBJECT * 4 + 2) // 3
        texts = fields.texts("shares", least=0, most=MAX_SHARES, limit=limit)
        fields.done()
        shares = [from_base64(text, field=f"bundle.shares[{i}]") for i, text in enumerate(texts)]
        return cls(untrusted_entries=entries, untrusted_shares={share_hash(one): one for one in shares})

    def verify(self, case: CaseId, request: Hash) -> VerifiedBundle:
        """Rules B1 to B4, for the case and request that the reader means.

        ForgedError `bundle_of_other_case`; whatever the ledger's rules refuse; RefusedError
        `request_unknown`, `not_released` (have, need, missing).
        """
        state = self._replay(case)
        asked = state.request(request)
        _require_released(state, asked)
        shares: dict[str, ShareObject] = {}
        bad: list[tuple[str, str]] = []
        lost: list[str] = []
        for seat, sign_offs in asked.sign_offs.items():
            found = self._share_of(state, asked, seat, sign_offs)
            if isinstance(found, ShareObject):
                shares[seat] = found
            elif found:
                bad.append((seat, found))
            else:
                lost.append(seat)
        return VerifiedBundle(
            state=state,
            record=state.record(asked.record),
            request=asked,
            path=path_of(state, asked),
            shares=shares,
            bad=tuple(bad),
            lost=tuple(lost),
        )

    def _replay(self, case: CaseId) -> CaseState:
        state = extend(None, self.untrusted_entries[0])
        if state.case != case:
            raise ForgedError("bundle_of_other_case", expected=case, found=state.case)
        for raw in self.untrusted_entries[1:]:
            try:
                state = extend(state, raw, sparse=True)
            except NotFoundError as error:  # here nobody is kept from knowing: a stranger's word was put in
                raise ForgedError(error.code, **error.fields) from error
        return state

    def _share_of(
        self, state: CaseState, asked: RequestState, seat: str, sign_offs: Iterable[SignOffState]
    ) -> ShareObject | str:
        """The first object of this seat that holds, else what is wrong with the last; "" if none is here."""
        code = ""
        for sign_off in sign_offs:
            raw = self.untrusted_shares.get(sign_off.shares)
            if raw is None:
                continue
            try:
                return require_share_object(state, asked.hash, seat, sign_off.shares, raw)
            except EscrowError as error:
                code = error.code
        return code


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedKey(NeverPickled):
    """The record's key K. `named`: seats that passed on a wrong p; it opened with another's."""

    key: bytes = field(repr=False)
    named: tuple[str, ...]


def open_shares(
    verified: VerifiedBundle, *, ticket_keys: TicketKeys | None = None, card: Card | None = None
) -> OpenedKey:
    """Rules B5 to B7. A reader gives its card and its ticket's keys; a public release needs neither.

    RefusedError `reader_not_named`, `ticket_keys_wrong`, `shares_below_quorum` (missing, bad, lost),
    `p_missing` (wrong); ForgedError `key_wrap_false`, `commitment_false` (author: the depositor).
    """
    place: int | None = None
    if verified.request.tickets:
        place = verified._place_of(card)
        if ticket_keys is None or ticket_keys.Q != verified.request.tickets[place].Q:
            raise RefusedError("ticket_keys_wrong", request=verified.request.hash)
    require_quorum(verified)
    p, wrong = _find_p(verified, place, ticket_keys)
    q = None if place is None or ticket_keys is None else ticket_keys.q
    sealed, record = verified.path.record_path.sealed, verified.record
    opened = {
        leaf: opened_share(sealed.dealing.C[leaf], _answered(shares, place), seat.opening_key, q)
        for leaf, seat in enumerate(verified.path.seats)
        if (shares := verified.shares.get(seat.seat)) is not None
    }
    S = recombine(verified.path.record_path.terms.policy.shape, opened)
    try:
        key = open_key(verified.path.context, record.body.commitment, sealed, S, p, record.r)
    except ForgedError as error:
        raise ForgedError(error.code, author=record.author.fingerprint) from error
    return OpenedKey(key=key, named=wrong)


def _answered(shares: ShareObject, place: int | None) -> Point:
    given = shares.public_answer if place is None else shares.tickets[place].answer
    if given is None:  # W3: an object for the public holds an answer
        raise ForgedError("share_count_wrong", seat=shares.seat)
    return given.W


def _find_p(
    verified: VerifiedBundle, place: int | None, ticket_keys: TicketKeys | None
) -> tuple[bytes, tuple[str, ...]]:
    """B6: every p that was passed on is tried, so that every wrong one is named."""
    found: bytes | None = None
    wrong: list[str] = []
    for seat, shares in verified.shares.items():
        try:
            p = _passed(verified, shares, place, ticket_keys)
            if p is None:  # as a seat does whose own envelope is bad; that it was, nobody else can see
                continue
            check_p(verified.path.context, p, verified.path.record_path.sealed.p_hash)
            found = p
        except ForgedError:
            wrong.append(seat)
    if found is None:
        raise RefusedError("p_missing", wrong=tuple(wrong))
    return found, tuple(wrong)


def _passed(
    verified: VerifiedBundle, shares: ShareObject, place: int | None, ticket_keys: TicketKeys | None
) -> bytes | None:
    if place is None or ticket_keys is None:
        return shares.public_p
    envelope = shares.tickets[place].passed
    if envelope is None:
        return None
    context = ticket_context(bytes.fromhex(verified.request.hash), shares.seat)
    return disclose(envelope, ticket_keys.kem, Label.TICKET_ENVELOPE, context)


def require_quorum(verified: VerifiedBundle) -> None:
    """That its share objects suffice. RefusedError `shares_below_quorum` (missing, bad, lost)."""
    verdict = assess_seats(verified.path.record_path.terms.policy, frozenset(verified.shares))
    if not verdict.met:
        bad = tuple(seat for seat, _ in verified.bad)
        raise RefusedError("shares_below_quorum", missing=verdict.missing, bad=bad, lost=verified.lost)


def _require_released(state: CaseState, asked: RequestState) -> None:
    if asked.released_at is not None:
        return
    verdict = assess_seats(path_of(state, asked).record_path.terms.policy, asked.signed)
    raise RefusedError("not_released", have=verdict.have, need=verdict.need, missing=verdict.missing)


def _charters_until(state: CaseState, asked: int, *, last_entry: int) -> int:
    """Charters that came into force before this entry are needed: those that held when the release was asked
    for, and later ones up to the last that changed the service's card, by which entries here are signed (L5).
    """
    until = asked
    card = state.opening.charter.service.card
    held = [charter for charter in state.charters.values() if _held_before(charter, last_entry)]
    for charter in sorted(held, key=lambda one: one.in_force_n or 0):
        if charter.charter.service.card != card and charter.in_force_n is not None:
            until = max(until, charter.in_force_n + 1)
        card = charter.charter.service.card
    return until


def _held_before(charter: CharterState, n: int) -> bool:
    """Whether this charter came into force before entry n: whoever acted then may have its seat from it."""
    return charter.in_force_n is not None and charter.in_force_n < n
