"""What `--json` prints: one function for each thing that is shown. Keys are stable: add some, never
change one.

Ids and hashes are whole, in lowercase hex; times are RFC 3339 in UTC; a card comes with its fingerprint.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from escrow.client import (
    BadEnvelope,
    Card,
    CaseSummary,
    CaseView,
    CharterView,
    Hook,
    Inbox,
    Opened,
    PathView,
    Posting,
    Receipt,
    RecordView,
    RequestView,
    Review,
)
from escrow.model.wire import to_time
from escrow.policy.explain import Explanation, Sentence
from escrow.policy.verdict import Verdict

Json = dict[str, Any]


def card(it: Card) -> Json:
    return {"card": str(it), "fingerprint": it.fingerprint}


def time(at: datetime | None) -> str | None:
    return None if at is None else to_time(at)


def sentence(it: Sentence) -> Json:
    enforced = None if it.enforced is None else it.enforced.value
    return {"text": it.text, "enforced": enforced, "warning": it.warning}


def verdict(it: Verdict) -> Json:
    return {
        "met": it.met,
        "have": it.have,
        "need": it.need,
        "label": it.label,
        "missing": list(it.missing),
        "opens_at": time(it.opens_at),
        "enforced": it.enforced.value,
        "children": [verdict(child) for child in it.children],
    }


def explanation(it: Explanation) -> Json:
    view = it.outlook
    return {
        "sentences": [sentence(one) for one in it.sentences],
        "margin": view.margin,
        "needed": list(view.needed),
        "alone": list(view.alone),
        "group_count": view.group_count,
        "groups": [list(group) for group in view.groups],
        "least": view.least,
        "gone": list(view.gone),
    }


def path(it: PathView) -> Json:
    return {
        "name": it.name,
        "policy": it.policy,
        "audience": it.audience,
        "readers": [card(reader) for reader in it.readers],
        "not_before": time(it.not_before),
        "date_at_deposit": it.date_at_deposit,
        "note": it.note,
        "can_open_alone": [card(party) for party in it.can_open_alone],
        "sentences": [sentence(one) for one in it.sentences],
    }


def charter(it: CharterView) -> Json:
    return {
        "proposal": it.proposal,
        "standing": it.standing.value,
        "author": card(it.author),
        "title": it.title,
        "rules": it.rules,
        "seats": [
            {"seat": one.seat, "accepted": one.accepted, "mine": one.mine, **card(one.card)}
            for one in it.seats
        ],
        "paths": [path(one) for one in it.paths],
        "waiting_for": list(it.waiting_for),
        "retention_days": it.charter.retention_days,
        "deadlock": it.charter.deadlock.value,
        "visibility": it.charter.visibility.value,
        "public_notice": it.charter.public_notice,
        "drop_off": it.charter.drop_off,
    }


def case(it: CaseView) -> Json:
    return {
        "case": it.case,
        "service": {"url": it.service.url, **card(it.service.card)},
        "convenor": card(it.convenor),
        "head": it.head.emit(),
        "received_at": time(it.received_at),
        "in_force": it.in_force,
        "seats": list(it.seats),
        "has_case_key": it.has_case_key,
        "charter": charter(it.charter),
        "proposals": [charter(one) for one in it.proposals],
        "records": it.records,
        "requests": it.requests,
        "notes": [
            {"author": card(one.author), "text": one.text, "n": one.n, "received_at": time(one.received_at)}
            for one in it.notes
        ],
    }


def summary(it: CaseSummary) -> Json:
    return {
        "case": it.case,
        "title": it.title,
        "standing": None if it.standing is None else it.standing.value,
        "seats": list(it.seats),
        "head": None if it.head is None else it.head.emit(),
        "trouble": it.trouble,
    }


def record(it: RecordView) -> Json:
    return {
        "record": it.record,
        "label": it.label,
        "author": card(it.author),
        "author_seats": list(it.author_seats),
        "charter": it.charter,
        "paths": [path(one) for one in it.paths],
        "size_bytes": it.size_bytes,
        "replaces": it.replaces,
        "replaced_by": list(it.replaced_by),
        "replacements": [
            {
                "record": one.record,
                "author": card(one.author),
                "author_seats": list(one.author_seats),
                "received_at": time(one.received_at),
            }
            for one in it.replacements
        ],
        "reports": [{"path": name, "seat": seat} for name, seat in it.reports],
        "dropped_off": it.dropped_off,
        "n": it.n,
        "received_at": time(it.received_at),
    }


def request(it: RequestView) -> Json:
    return {
        "request": it.request,
        "record": it.record,
        "path": it.path,
        "label": it.label,
        "author": card(it.author),
        "author_seats": list(it.author_seats),
        "public": it.public,
        "readers": [card(reader) for reader in it.readers],
        "purpose": it.purpose,
        "verdict": verdict(it.verdict),
        "signed_off": list(it.signed_off),
        "withdrawn": list(it.withdrawn),
        "withdrawals": [
            {
                "seat": one.seat,
                "author": card(one.author),
                "reason": one.reason,
                "n": one.n,
                "received_at": time(one.received_at),
            }
            for one in it.withdrawals
        ],
        "n": it.n,
        "received_at": time(it.received_at),
        "released_at": time(it.released_at),
    }


def review(it: Review) -> Json:
    return {
        "request": request(it.request),
        "record": record(it.record),
        "path": path(it.path),
        "my_seats": list(it.my_seats),
        "envelopes": {seat: state.value for seat, state in it.envelopes},
        "warnings": [sentence(one) for one in it.warnings],
    }


def bad_envelope(it: BadEnvelope) -> Json:
    return {
        "record": it.record,
        "path": it.path,
        "seat": it.seat,
        "depositor": card(it.depositor),
        "reported": it.reported,
    }


def inbox(it: Inbox) -> Json:
    return {
        "items": [
            {
                "kind": one.kind.value,
                "case": one.case,
                "subject": one.subject,
                "seat": one.seat,
                "path": one.path,
                "label": one.label,
            }
            for one in it.items
        ],
        "troubles": [{"case": one.case, "code": one.code} for one in it.troubles],
    }


def hook(it: Hook) -> Json:
    return {
        "hook": it.hook,
        "url": it.url,
        "created": time(it.created),
        "closed": time(it.closed),
        "why": it.why,
        "delivered": it.delivered,
        "delivered_at": time(it.delivered_at),
        "waiting": it.waiting,
        "waiting_since": time(it.waiting_since),
    }


def opened(it: Opened) -> Json:
    return {
        "file": str(it.path),
        "case": it.case,
        "record": it.record,
        "request": it.request,
        "depositor": card(it.depositor),
        "title": it.metadata.title,
        "media_type": it.metadata.media_type,
        "released_at": time(it.released_at),
        "faults": [
            {
                "seat": one.seat or None,
                "code": one.code,
                "author": None if one.author is None else one.author.fingerprint,
            }
            for one in it.faults
        ],
    }


def receipt(it: Receipt) -> Json:
    return {
        "sent": True,
        "case": it.case,
        "statement": it.statement,
        "n": it.n,
        "hash": it.hash,
        "received_at": time(it.received_at),
        "created": it.created,
    }


def written(it: Posting, file: Path, url: str) -> Json:
    return {
        "sent": False,
        "case": it.case or it.hash,
        "statement": it.hash,
        "file": str(file),
        "url": url,
    }
