"""What a signed statement says, kind by kind, as far as it can be read without the case key. For `escrow
inspect`.
"""

from escrow.cli.output import size
from escrow.client import Posting
from escrow.ledger.order import UnverifiedOrder
from escrow.ledger.statement import MAX_STATEMENT, UnverifiedStatement
from escrow.model.deeds import (
    DEEDS,
    AnyDeed,
    CaseOpened,
    CharterAccepted,
    CharterProposed,
    EnvelopeReported,
    Note,
    RecordDroppedOff,
    RecordSealed,
    ReleaseRequested,
    SignedOff,
    SignOffWithdrawn,
)
from escrow.model.wire import Fields, decode_json
from escrow.words.fingerprint import groups

Rows = list[tuple[str, str]]


def statement_facts(posting: Posting) -> tuple[str, Rows]:
    """A title and what it says. Who signed is a claim here, except for an opening, which holds its
    signer's card.
    """
    untrusted = UnverifiedStatement.parse(posting.statement)
    payload = decode_json(untrusted.untrusted_jws.payload, limit=MAX_STATEMENT, field="statement")
    for place in ("case", "head"):
        payload.pop(place, None)
    title, rows = _facts(DEEDS[untrusted.typ].read(Fields(payload, at="statement")))
    signer = "signed by" if untrusted.typ == CaseOpened.TYP else "says it is by"
    if untrusted.typ == CaseOpened.TYP:
        untrusted.verify_opening()
    return title, [
        ("case", posting.case or posting.hash),
        ("statement", posting.hash),
        (signer, groups(untrusted.kid)),
        *rows,
    ]


def _facts(deed: AnyDeed) -> tuple[str, Rows]:
    match deed:
        case CaseOpened() | CharterProposed():
            title = "Opens a case." if isinstance(deed, CaseOpened) else "Proposes another charter."
            charter = deed.charter
            rows = [("service", f"{charter.service.url}  {charter.service.card.groups}")]
            rows += [(f"seat {seat}", card.groups) for seat, card in charter.seats.items()]
            return title, rows + [(f"path {path.name}", str(path.policy)) for path in charter.paths]
        case CharterAccepted():
            return "Accepts a charter for a seat.", [("seat", deed.seat), ("charter", deed.proposal)]
        case RecordSealed():
            return "Deposits a record.", _record(deed)
        case RecordDroppedOff():
            order = UnverifiedOrder.parse(deed.order)
            ordered = [("ordered by", f"says it is {groups(order.kid)}"), ("order", order.hash)]
            return "The service seals a dropped-off file.", ordered + _record(deed.sealed)
        case EnvelopeReported():
            return "Reports a bad envelope.", [
                ("record", deed.record),
                ("path", deed.path),
                ("seat", deed.seat),
            ]
        case ReleaseRequested():
            readers = f"{len(deed.tickets)} by ticket" if deed.tickets else "the public"
            return "Asks for a release.", [("record", deed.record), ("path", deed.path), ("readers", readers)]
        case SignedOff():
            return "Signs a request off.", [("request", deed.request), ("seat", deed.seat)]
        case SignOffWithdrawn():
            return "Withdraws a sign-off.", [("request", deed.request), ("seat", deed.seat)]
        case Note():
            return "Leaves a note for the seats.", []


def _record(deed: RecordSealed) -> Rows:
    body = deed.body
    payload = f"{size(body.payload.length)}, SHA-256 {body.payload.sha256}"
    rows = [("record", body.record), ("payload", payload), ("upload", body.payload.upload)]
    for path in body.paths:
        date = (
            ""
            if path.terms.not_before is None
            else f", not before {path.terms.not_before:%Y-%m-%d %H:%M:%S} UTC"
        )
        rows.append((f"path {path.name}", f"{path.terms.policy}, to {path.terms.audience.kind.value}{date}"))
    return rows
