"""Rules S6 to S8: a release is asked for, signed off, withdrawn.

A request is released by the entry with which its path's policy is met. The shares themselves are not on the
chain; whoever holds a share object checks it (the service on arrival, everybody after the release).
"""

from dataclasses import replace
from types import MappingProxyType

from escrow.crypto.sign_off import mask
from escrow.errors import ForgedError, RefusedError
from escrow.ledger import jws
from escrow.ledger.rules_record import require_dealing, require_holder
from escrow.ledger.scene import Effect, Scene
from escrow.ledger.state import PathState, RecordState, RequestState, SignOffState, holdings
from escrow.model.deeds import ReleaseRequested, SignedOff, SignOffWithdrawn
from escrow.model.path import AudienceKind
from escrow.model.ticket import MAX_TICKET, TYP, Ticket
from escrow.model.wire import Fields, decode_json, to_time
from escrow.policy.verdict import assess, assess_date

MAX_SIGN_OFFS = 8
"""A seat may sign off again when a share object was lost or bad; beyond this it only fills the chain."""
MAX_WITHDRAWALS = 8
"""One may name a sign-off that has not arrived, so without a limit a seat could withdraw nothing for ever."""


def request(scene: Scene, deed: ReleaseRequested) -> Effect:
    """S6: by a seat, for readers whose tickets it carries, or for the public without any."""
    state = scene.state
    record = state.record(deed.record)
    scene.require_seen(record.n)
    path = record.path(deed.path)
    charter = state.charters[record.charter].charter
    if not state.seats_of(scene.fingerprint) and not holdings(charter, scene.fingerprint):
        raise RefusedError("not_a_seat", author=scene.fingerprint)
    require_dealing(path, deed.dealing)
    tickets = tuple(read_ticket(raw, at=f"tickets[{i}]") for i, raw in enumerate(deed.tickets))
    _require_audience(scene, record, path, tickets)
    for ticket in tickets:
        _require_ticket(scene, record, path, ticket)
    asked = RequestState(
        hash=scene.hash,
        record=deed.record,
        path=deed.path,
        tickets=tickets,
        tickets_raw=deed.tickets,
        author=scene.author,
        purpose=deed.purpose,
        n=scene.n,
        received_at=scene.at,
    )

    def effect() -> None:
        state.requests[asked.hash] = asked
        state.records[deed.record] = replace(record, requests=(*record.requests, asked.hash))
        for ticket in tickets:
            state.ticket_keys[ticket.Q] = ticket.dealing

    return effect


def read_ticket(raw: str, *, at: str) -> Ticket:
    """A ticket signed by the card it names; ForgedError `ticket_signature_false` (card)."""
    token = jws.UnverifiedJws.parse(raw, limit=MAX_TICKET, field=at)
    token.require_typ(TYP)
    ticket = Ticket.read(Fields(decode_json(token.payload, limit=MAX_TICKET, field=at), at=at))
    try:
        token.verify(ticket.card)
    except ForgedError as error:
        raise ForgedError("ticket_signature_false", card=ticket.card.fingerprint) from error
    return ticket


def _require_audience(
    scene: Scene, record: RecordState, path: PathState, tickets: tuple[Ticket, ...]
) -> None:
    terms = path.record_path.terms
    if terms.audience.kind is AudienceKind.PUBLIC:
        if tickets:
            raise RefusedError("tickets_not_wanted", path=terms.name)
        return
    if not tickets:
        raise RefusedError("tickets_missing", path=terms.name)
    entitled = terms.entitled(scene.state.charters[record.charter].charter.seats)
    seen = set()
    for ticket in tickets:
        card = ticket.card
        if entitled and card not in entitled:
            raise RefusedError("reader_not_entitled", path=terms.name, card=card.fingerprint)
        if card in seen:
            raise RefusedError("ticket_card_twice", card=card.fingerprint)
        seen.add(card)


def _require_ticket(scene: Scene, record: RecordState, path: PathState, ticket: Ticket) -> None:
    """Made for this very dealing, by one who knows q, with a Q that masks nothing else."""
    card = ticket.card.fingerprint
    place = (ticket.case, ticket.record, ticket.path, ticket.dealing)
    if place != (scene.state.case, record.body.record, path.record_path.name, path.digest):
        raise RefusedError("ticket_for_other_dealing", card=card)
    if scene.state.ticket_keys.get(ticket.Q, path.digest) != path.digest:
        raise RefusedError("ticket_key_reused", card=card)
    mask(path.record_path.sealed.dealing.E, ticket.Q)
    if scene.proofs:
        try:
            ticket.require_proof()
        except ForgedError as error:
            raise ForgedError(error.code, card=card) from error


def sign_off(scene: Scene, deed: SignedOff) -> Effect:
    """S7: by the holder as sealed, who knows of its own last withdrawal, not before the path's date.

    The last that is needed releases.
    """
    state = scene.state
    asked, path = _asked(scene, deed.request, deed.seat)
    scene.require_seen(max(asked.withdrawals.get(deed.seat, ()), default=0))
    require_dealing(path, deed.dealing)
    terms = path.record_path.terms
    if terms.not_before is not None and not assess_date(terms.not_before, scene.at).met:
        raise RefusedError("too_early", path=terms.name, opens_at=to_time(terms.not_before))
    count = asked.counts.get(deed.seat, 0)
    if count >= MAX_SIGN_OFFS:
        raise RefusedError("sign_off_limit", seat=deed.seat, limit=MAX_SIGN_OFFS)
    mine = (*asked.sign_offs.get(deed.seat, ()), SignOffState(hash=scene.hash, shares=deed.shares, n=scene.n))
    after = replace(
        asked,
        sign_offs=MappingProxyType({**asked.sign_offs, deed.seat: mine}),
        counts=MappingProxyType({**asked.counts, deed.seat: count + 1}),
    )
    verdict = assess(terms.policy, after.signed, not_before=terms.not_before, at=scene.at)
    if verdict.met and after.released_at is None:
        after = replace(after, released_at=scene.at, released_n=scene.n)

    def effect() -> None:
        state.requests[deed.request] = after

    return effect


def withdraw(scene: Scene, deed: SignOffWithdrawn) -> Effect:
    """S8: before the release, by the same seat, a few times. All its sign-offs go, and with the named one
    never return.

    The one named may still be on its way, so it need not lie below the author's head.
    """
    state = scene.state
    asked, _ = _asked(scene, deed.request, deed.seat)
    if asked.released_at is not None:
        raise RefusedError("already_released", request=deed.request)
    if (deed.seat, deed.sign_off) in asked.barred:
        raise RefusedError("already_withdrawn", sign_off=deed.sign_off)
    standing = {mine.hash for mine in asked.sign_offs.get(deed.seat, ())}
    if deed.sign_off in state.statements and deed.sign_off not in standing:
        raise RefusedError("withdrawal_names_another", sign_off=deed.sign_off)
    earlier = asked.withdrawals.get(deed.seat, ())
    if len(earlier) >= MAX_WITHDRAWALS:
        raise RefusedError("withdrawal_limit", seat=deed.seat, limit=MAX_WITHDRAWALS)
    left = {seat: theirs for seat, theirs in asked.sign_offs.items() if seat != deed.seat}
    after = replace(
        asked,
        sign_offs=MappingProxyType(left),
        withdrawals=MappingProxyType({**asked.withdrawals, deed.seat: (*earlier, scene.n)}),
        barred=asked.barred | {(deed.seat, taken) for taken in standing | {deed.sign_off}},
    )

    def effect() -> None:
        state.requests[deed.request] = after

    return effect


def require_not_barred(scene: Scene, deed: SignedOff) -> None:
    """L3: a sign-off that its seat withdrew never enters, whether it had been on the chain before or not."""
    asked = scene.state.requests.get(deed.request)
    if asked is not None and (deed.seat, scene.hash) in asked.barred:
        raise RefusedError("sign_off_withdrawn", seat=deed.seat, sign_off=scene.hash)


def _asked(scene: Scene, request_hash: str, seat: str) -> tuple[RequestState, PathState]:
    """The request and its path, where the author holds this seat."""
    asked = scene.state.request(request_hash)
    scene.require_seen(asked.n)
    path = scene.state.record(asked.record).path(asked.path)
    require_holder(scene, path, seat)
    return asked, path
