"""Many small cases, quickly: every kind of entry, signed by fresh keys, as a service would have left them.

Nothing is judged on the way in (the auditor does that), and objects are written by whatever `Put` is given,
so that a bucket of 50,000 entries takes minutes. `folder_put` writes a folder store without flushing it.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from support import build

from escrow.crypto.identity import Identity
from escrow.ledger import entry as entries
from escrow.ledger.entry import Entry
from escrow.ledger.replay import extend
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.ids import CaseId
from escrow.model.record import Payload
from escrow.service.gate import INDEX
from escrow.store import names
from escrow.store.interface import Bucket

Put = Callable[[Bucket, str, bytes], None]
Retain = Callable[[str, datetime], None]
SEATS = ("claimant", "respondent", "mediator")
LEAST = 1 + len(SEATS)
ROUND = 8
"""Entries of one turn: a deposit, a request, two sign-offs, four notes."""


@dataclass
class _Writer(build.MemoryChain):
    """A chain that believes what it is given, and keeps nothing of it."""

    put: Put = field(kw_only=True)

    def append(self, raw: str) -> Entry:
        if self.replayed is None:
            case, n, prev = UnverifiedStatement.parse(raw).hash, 0, None
        else:
            head = self.replayed.head
            case, n, prev = self.replayed.case, head.n + 1, head.hash
        at = self.clock.tick()
        made = entries.compose(build.SERVICE, case=case, n=n, prev=prev, received_at=at, statement=raw)
        self.replayed = extend(self.replayed, made, proofs=False)
        self.put(Bucket.LEDGER, names.entry(case, n), made.encode("ascii"))
        return Entry.read(made, build.SERVICE.card)


def crowd(
    cases: int, length: int, put: Put, retain: Retain, *, payload_bytes: int = 4096
) -> Iterator[CaseId]:
    """The ids of so many cases of `length` entries each, as each is written; 4 entries at least."""
    for _ in range(cases):
        yield _case(length, put, retain, payload_bytes)


def _case(length: int, put: Put, retain: Retain, payload_bytes: int) -> CaseId:
    people = {seat: Identity.generate() for seat in SEATS}
    case = build.Case(chain=_Writer(put=put), seats=people, convenor=Identity.generate()).open().accept_all()
    reader = Identity.generate()
    for turn in range((length - LEAST) // ROUND):
        _turn(case, turn, reader, put, retain, payload_bytes)
    while case.state.head.n + 1 < length:
        case.note()
    for who in (case.convenor, reader, *people.values()):
        put(Bucket.LEDGER, names.card_index(who.card.fingerprint, case.id), INDEX)
    for share, raw in case.shares.items():
        put(Bucket.RECORDS, names.share(case.id, share), raw)
    return case.id


def _turn(
    case: build.Case, turn: int, reader: Identity, put: Put, retain: Retain, payload_bytes: int
) -> None:
    data, upload = secrets.token_bytes(payload_bytes), secrets.token_hex(16)
    payload = Payload(sha256=hashlib.sha256(data).hexdigest(), length=len(data), upload=upload)
    put(Bucket.RECORDS, names.payload(case.id, upload), data)
    record = case.deposit(f"record {turn}", payload=payload)
    days = case.state.opening.charter.retention_days
    retain(names.payload(case.id, upload), case.state.received_at + timedelta(days=days))
    request = case.request(record, "settlement", reader)
    case.sign_off(request, "claimant", "mediator")
    for _ in range(4):
        case.note()


def folder_put(root: Path) -> tuple[Put, Retain]:
    """Into a folder store that nothing else uses."""

    def put(bucket: Bucket, name: str, data: bytes) -> None:
        path = root / bucket.value / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def retain(name: str, until: datetime) -> None:
        put(Bucket.RECORDS, names.retention(name, until.replace(microsecond=0)), b"")

    return put, retain
