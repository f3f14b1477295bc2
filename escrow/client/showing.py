"""Turn verified state into views: what people are shown of charters, records and requests.

Knows words for audiences, and which text lies where; decides nothing. The one clock it is handed says whether
a path's date has come.
"""

from collections.abc import Mapping
from datetime import datetime

from escrow.client import texts
from escrow.client.following import KnownCase
from escrow.client.views import (
    CaseView,
    CharterView,
    NoteView,
    PathView,
    RecordView,
    ReplacementView,
    RequestView,
    SeatView,
    Standing,
    WithdrawalView,
)
from escrow.crypto.card import Card
from escrow.ledger.state import CharterState, CharterStatus, PathState, RecordState, RequestState
from escrow.model.path import Audience, AudienceKind, PathTemplate
from escrow.policy.explain import can_open_alone, explain
from escrow.policy.tree import Policy
from escrow.policy.verdict import assess


def show_case(known: KnownCase, me: Card) -> CaseView:
    """A verified case as `me` may see it; without its key, texts are None."""
    state = known.state
    pending = [
        charter
        for charter in state.charters.values()
        if charter.status is CharterStatus.PENDING and charter.proposal != state.current.proposal
    ]
    return CaseView(
        case=known.case,
        service=state.pinned,
        convenor=state.opening.charter.convenor,
        head=state.head,
        received_at=state.received_at,
        in_force=state.in_force,
        charter=show_charter(known, state.current, me),
        proposals=tuple(show_charter(known, charter, me) for charter in pending),
        seats=state.seats_of(me.fingerprint),
        has_case_key=known.key is not None,
        records=len(state.records),
        requests=len(state.requests),
        notes=show_notes(known),
    )


def show_charter(known: KnownCase, held: CharterState, me: Card) -> CharterView:
    """One of its charters, with every path in plain words."""
    charter = held.charter
    prose = texts.open_prose(known.key, charter.prose)
    return CharterView(
        proposal=held.proposal,
        standing=Standing(held.status.value),
        author=held.author,
        title=None if prose is None else prose.title,
        rules=None if prose is None else prose.rules,
        seats=tuple(
            SeatView(
                seat=seat, card=card, accepted=(seat, card.fingerprint) in held.acceptances, mine=card == me
            )
            for seat, card in charter.seats.items()
        ),
        paths=tuple(_show_template(known, template, charter.seats) for template in charter.paths),
        waiting_for=tuple(dict.fromkeys(seat for seat, _ in held.missing)),
        charter=charter,
    )


def show_notes(known: KnownCase) -> tuple[NoteView, ...]:
    """Notes in order; one that does not decrypt has the text None."""
    return tuple(
        NoteView(
            author=note.author,
            text=texts.open_note(known.key, known.case, note.author.fingerprint, note.text),
            n=note.n,
            received_at=note.received_at,
        )
        for note in known.state.notes
    )


def show_record(known: KnownCase, record: RecordState) -> RecordView:
    """A record; its label and purposes are None where they do not decrypt."""
    body = record.body
    return RecordView(
        record=body.record,
        label=texts.open_label(known.key, known.case, body.record, body.label),
        author=record.depositor,
        author_seats=record.author_seats,
        charter=record.charter,
        paths=tuple(show_path(known, record, path) for path in record.paths.values()),
        size_bytes=body.payload.length,
        replaces=body.replaces,
        replacements=tuple(
            ReplacementView(
                record=other.body.record,
                author=other.depositor,
                author_seats=other.author_seats,
                received_at=other.received_at,
            )
            for other in known.state.records.values()
            if other.body.replaces == body.record
        ),
        reports=tuple((path, seat) for path, seat, _ in record.reports),
        dropped_off=record.ordered is not None,
        n=record.n,
        received_at=record.received_at,
    )


def show_path(known: KnownCase, record: RecordState, path: PathState) -> PathView:
    """A path as one record was sealed under it."""
    terms = path.record_path.terms
    audience = say_audience(terms.audience)
    return PathView(
        name=terms.name,
        policy=str(terms.policy),
        audience=audience,
        readers=terms.audience.cards,
        not_before=terms.not_before,
        date_at_deposit=False,
        note=texts.open_path_purpose(known.key, known.case, record.body.record, terms.name, terms.purpose),
        can_open_alone=_alone(terms.policy, known.state.charters[record.charter].charter.seats),
        sentences=explain(terms.policy, audience=audience, not_before=terms.not_before).sentences,
    )


def show_request(
    known: KnownCase, asked: RequestState, at: datetime, withdrawals: tuple[WithdrawalView, ...]
) -> RequestView:
    """A request with its verdict at `at` (aware UTC). `withdrawals`: see withdrawals.py."""
    record = known.state.record(asked.record)
    terms = record.path(asked.path).record_path.terms
    author = asked.author.fingerprint
    purpose = texts.open_request_purpose(
        known.key, known.case, asked.record, asked.path, author, asked.purpose
    )
    return RequestView(
        request=asked.hash,
        record=asked.record,
        path=asked.path,
        label=texts.open_label(known.key, known.case, asked.record, record.body.label),
        author=asked.author,
        author_seats=known.state.seats_of(author),
        public=terms.audience.kind is AudienceKind.PUBLIC,
        readers=tuple(ticket.card for ticket in asked.tickets),
        purpose=purpose,
        verdict=assess(terms.policy, asked.signed, not_before=terms.not_before, at=at),
        signed_off=tuple(seat for seat in terms.policy.seats if seat in asked.signed),
        withdrawn=tuple(seat for seat in terms.policy.seats if seat in {seat for seat, _ in asked.barred}),
        withdrawals=withdrawals,
        n=asked.n,
        received_at=asked.received_at,
        released_at=asked.released_at,
    )


def say_audience(audience: Audience) -> str:
    """In words that fit "this path opens to ..."."""
    if audience.kind is AudienceKind.PUBLIC:
        return "the public"
    if audience.kind is AudienceKind.SEATS:
        return f"the parties in the seats {', '.join(audience.seats)}, where a request names them"
    if audience.cards:
        return "readers of the listed cards, where a request names them"
    return "whichever readers the request names"


def _alone(policy: Policy, seats: Mapping[str, Card]) -> tuple[Card, ...]:
    """The parties that need nobody else, by all the seats that each holds."""
    held: dict[Card, frozenset[str]] = {}
    for seat, card in seats.items():
        held[card] = held.get(card, frozenset()) | {seat}
    alone = can_open_alone(policy, {card.fingerprint: names for card, names in held.items()})
    return tuple(card for card in held if card.fingerprint in alone)


def _show_template(known: KnownCase, template: PathTemplate, seats: Mapping[str, Card]) -> PathView:
    audience = say_audience(template.audience)
    return PathView(
        name=template.name,
        policy=str(template.policy),
        audience=audience,
        readers=template.audience.cards,
        not_before=template.not_before,
        date_at_deposit=template.date_open,
        note=texts.open_alone(known.key, template.name, template.alone),
        can_open_alone=_alone(template.policy, seats),
        sentences=explain(template.policy, audience=audience, not_before=template.not_before).sentences,
    )
