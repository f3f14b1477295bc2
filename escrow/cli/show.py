"""How cases, records, requests and charters look to a person: lines of plain text, in which nothing that
somebody else wrote can pass for our own words.

What decides whether a record can open is always said with its label, [cryptographic] or [procedural], in
the words of the policy room.
"""

from collections.abc import Iterator, Mapping

from escrow.cli.foreign import brief, prose
from escrow.cli.output import moment, size, table
from escrow.client import (
    Card,
    CaseView,
    CharterView,
    EnvelopeState,
    PathView,
    RecordView,
    RequestView,
    Review,
    Standing,
)
from escrow.policy.explain import DROP_OFFS
from escrow.policy.verdict import Verdict

SHORT = 12
"""Hex digits of an id in lists: enough to type, and unambiguous among any number of records a case can
hold.
"""

TITLE = 60
"""Columns of a case's title in one line."""
RULES = 100
"""Lines of a charter's rules: whoever accepts is shown them, but no more than a person scrolls back."""


def short(identifier: str) -> str:
    return identifier[:SHORT]


def trouble(code: str) -> str:
    """In place of the title of a case that cannot be shown."""
    from escrow.words import WORDS

    return f"cannot be shown: {WORDS[code].title if code in WORDS else code}"


def who(card: Card, seats: tuple[str, ...] = ()) -> str:
    """A party: the seats it holds if it holds any, and the fingerprint to compare."""
    named = f"{', '.join(seats)}  " if seats else ""
    return f"{named}{card.groups}"


def case_lines(it: CaseView) -> Iterator[str]:
    yield f"Case {it.case}"
    rows = [
        ("title", brief(it.charter.title, columns=TITLE)),
        ("service", f"{it.service.url}  {it.service.card.groups}"),
        ("convenor", it.convenor.groups),
        ("your seats", ", ".join(it.seats) or "none"),
        ("head", f"entry {it.head.n}, {moment(it.received_at)}"),
    ]
    yield from table(rows)
    yield ""
    yield from charter_lines(it.charter)
    for proposal in it.proposals:
        yield ""
        yield from charter_lines(proposal)
        yield from move_lines(it, proposal)


def move_lines(case: CaseView, it: CharterView) -> Iterator[str]:
    """What a charter would change of the service's key, where it does."""
    named = it.charter.service.card
    if named == case.service.card:
        return
    yield "This charter gives the case a NEW KEY of the service, by which all that follows is signed:"
    yield from table([("now", case.service.card.groups), ("then", named.groups)])
    yield "  Let the service's people tell you the new one, not by way of the service, and compare all of it."
    yield "  Whoever has that key can misdate what comes and withhold it; it opens nothing."


def charter_lines(it: CharterView) -> Iterator[str]:
    yield f"Charter {short(it.proposal)}, {_standing(it)}"
    facts = it.charter
    rows = [
        ("title", brief(it.title, columns=TITLE)),
        ("retained", f"{facts.retention_days} days"),
        ("deadlock", facts.deadlock.value.replace("-", " ")),
        ("the public may know", facts.visibility.value),
    ]
    yield from table(rows)
    if facts.public_notice:
        yield "  public notice"
        yield from prose(facts.public_notice)
    if it.rules != "":
        yield "  rules"
        yield from prose(it.rules, most=RULES)
    if facts.drop_off:
        yield "  drop-offs"
        yield from (f"    {sentence}" for sentence in DROP_OFFS)
    compare = " (compare these fingerprints aloud before anybody accepts)" if it.waiting_for else ""
    yield f"  seats{compare}"
    yield from table(
        [
            (
                one.seat,
                one.card.groups,
                "accepted" if one.accepted else "not accepted",
                "(you)" if one.mine else "",
            )
            for one in it.seats
        ],
        indent=4,
    )
    held: dict[Card, tuple[str, ...]] = {}
    for one in it.seats:
        held[one.card] = (*held.get(one.card, ()), one.seat)
    for path in it.paths:
        yield from path_lines(path)
        yield from _alone_lines(path, held)


def _alone_lines(it: PathView, held: Mapping[Card, tuple[str, ...]]) -> Iterator[str]:
    """Who needs nobody else, worked out on this machine, and what the charter says of it."""
    for card in it.can_open_alone:
        yield f"    ! {who(card, held.get(card, ()))}  CAN OPEN THIS ALONE, whatever all others say."
    if it.can_open_alone:
        yield "    why the parties agree to that, in the charter's words:"
        yield from prose(it.note, indent=6)
    elif it.note:
        yield "    in its author's words:"
        yield from prose(it.note, indent=6)


def _standing(it: CharterView) -> str:
    if it.standing is Standing.PENDING:
        return f"waiting for {', '.join(it.waiting_for)} to accept"
    return {Standing.IN_FORCE: "in force", Standing.REPLACED: "replaced", Standing.LAPSED: "lapsed"}[
        it.standing
    ]


def path_lines(it: PathView, *, indent: str = "  ") -> Iterator[str]:
    yield f"{indent}path {it.name}: {it.policy}, to {it.audience}"
    inner = indent + "  "
    for sentence in it.sentences:
        yield f"{inner}{sentence}"
    for card in it.readers:
        yield f"{inner}only reader: {card.groups}"
    if it.date_at_deposit:
        yield f"{inner}[procedural] Each deposit names its own date."


def record_rows(records: tuple[RecordView, ...]) -> list[str]:
    named = {one.record: f"{short(one.record)} of {', '.join(one.author_seats)}" for one in records}
    return table(
        [
            (
                short(one.record),
                brief(one.label),
                "by " + (", ".join(one.author_seats) or one.author.groups),
                ", ".join(path.name for path in one.paths),
                size(one.size_bytes),
                moment(one.received_at),
                _remarks(one, named),
            )
            for one in records
        ]
    )


def _remarks(it: RecordView, named: Mapping[str, str]) -> str:
    """`named`: each record of the case, short and with its depositor's seats."""
    parts = ["dropped off: the service saw it"] if it.dropped_off else []
    if it.replaces:
        parts.append(f"replaces {named[it.replaces]}")
    if it.replaced_by:
        parts.append(f"replaced by {', '.join(named[one] for one in it.replaced_by)}")
    parts += [f"{seat} reports a bad envelope ({path})" for path, seat in it.reports]
    return "; ".join(parts)


def request_rows(requests: tuple[RequestView, ...]) -> list[str]:
    rows = table(
        [
            (
                short(one.request),
                brief(one.label),
                f"path {one.path}",
                "to the public" if one.public else f"to {len(one.readers)} named",
                _progress(one),
            )
            for one in requests
        ]
    )
    return [line for row, one in zip(rows, requests, strict=True) for line in (row, *_withdrawn_lines(one))]


def _withdrawn_lines(it: RequestView) -> Iterator[str]:
    """What seats took back, and why, in their words."""
    for one in it.withdrawals:
        yield f"    withdrawn by {who(one.author, (one.seat,))}, {moment(one.received_at)}"
        yield from _said(one.reason, indent=6)


def _progress(it: RequestView) -> str:
    if it.released_at is not None:
        return f"released {moment(it.released_at)}"
    verdict = it.verdict
    signed = f"signed off by {', '.join(it.signed_off)}" if it.signed_off else "no sign-off yet"
    opens = f"; not before {moment(verdict.opens_at)}" if verdict.opens_at else ""
    return f"{signed}; have {verdict.have} of {verdict.need}{opens}"


def review_lines(it: Review) -> Iterator[str]:
    """All that a seat must see before it signs off."""
    request, record = it.request, it.record
    yield f"Request {request.request}"
    yield "  label of the record, in its depositor's words"
    yield from _said(record.label)
    yield "  purpose, in the words of whoever asks"
    yield from _said(request.purpose)
    yield from table(
        [
            ("record", record.record),
            ("deposited by", f"{who(record.author, record.author_seats)}, {moment(record.received_at)}"),
            ("asked for by", f"{who(request.author, request.author_seats)}, {moment(request.received_at)}"),
            ("so far", _progress(request)),
        ]
    )
    yield from _withdrawn_lines(request)
    if record.dropped_off:
        yield "  The service sealed this record by a drop-off order, and saw the file."
    if request.public:
        yield "  readers: THE PUBLIC. Anyone will be able to open it, for ever."
    else:
        yield "  readers (compare these fingerprints with the people you mean)"
        yield from (f"    {card.groups}" for card in request.readers)
    yield from path_lines(it.path)
    for card in it.path.can_open_alone:
        yield f"    ! {card.groups}  can open this alone: it needs no sign-off but its own."
    if it.path.note:
        yield "    in the depositor's words:"
        yield from prose(it.path.note, indent=6)
    for seat, state in it.envelopes:
        if state is EnvelopeState.BAD:
            yield f"  The envelope of {seat} is bad: run `escrow report`. It still opens with another's."
    yield from (f"  {sentence}" for sentence in it.warnings)


def _said(text: str | None, *, indent: int = 4) -> Iterator[str]:
    return iter([" " * indent + "(none given)"]) if text == "" else prose(text, indent=indent)


def verdict_lines(it: Verdict, *, indent: str = "  ") -> Iterator[str]:
    """The answer as a tree: what is met, and what would still help."""
    mark = "met" if it.met else f"{it.have} of {it.need}"
    yield f"{indent}[{it.enforced.value}] {it.label}: {mark}"
    for child in it.children:
        if child.children or not child.met:
            yield from verdict_lines(child, indent=indent + "  ")
