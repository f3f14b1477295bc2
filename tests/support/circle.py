"""Parties of one case who work at the same time, by the SDK, with several real services over one storage.

Every statement is sent to all services at once, and every receipt is kept. Whatever happens to storage and
services meanwhile, `require_nothing_lost` holds the receipts against what is in storage afterwards.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import Empty, Queue
from threading import Lock
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from support import build
from support.running import Running

from escrow.admin.store_audit import audit_store
from escrow.client import (
    CharterDraft,
    HttpCourier,
    Identity,
    Memory,
    PathChoice,
    Posting,
    Receipt,
    Session,
    make_ticket,
    open_release,
)
from escrow.config import S3Settings
from escrow.errors import NotFoundError, UnavailableError
from escrow.ledger.entry import MAX_ENTRY, Entry
from escrow.ledger.statement import UnverifiedStatement
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.store import names
from escrow.store.interface import Bucket
from escrow.store.opening import open_archive

SEATS = ("claimant", "respondent", "mediator")
DOCUMENT = b"The island is returned on the first of May. " * 50
PAUSE_S = 2.0
"""The longest pause between tries: tests need not be as patient as people."""

Actions = Mapping[int, Callable[[], object]]
"""What happens once so many statements have been acknowledged."""


class Balancer(HTTPAdapter):
    """One address, several services: each exchange goes to the next, and on where nobody answers."""

    def __init__(self, *services: Running, first: int = 0) -> None:
        super().__init__()
        self._services = services
        self._turn = count(first)

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]
        assert request.url is not None
        path = request.url.removeprefix(build.URL)
        for tries in count(1):
            service = self._services[next(self._turn) % len(self._services)]
            request.url = service.address + path
            try:
                return super().send(request, **more)
            except requests.ConnectionError:
                if tries >= len(self._services):
                    raise
        raise AssertionError


def courier(
    who: Identity | None, *services: Running, first: int = 0, pause_s: float = PAUSE_S
) -> HttpCourier:
    return HttpCourier(
        build.URL, who, transport=Balancer(*services, first=first),
        pause=lambda seconds: time.sleep(min(seconds, pause_s)),
    )  # fmt: skip


class Circle:
    """A convenor, three seats, and a reader who holds none. `acknowledged`: every receipt ever given.

    `pause_s`: how long they wait between two of their five tries, at most.
    """

    def __init__(self, folder: Path, *services: Running, pause_s: float = PAUSE_S) -> None:
        self.services = services
        self.pause_s = pause_s
        self.folder = folder
        self.convenor, self.reader = Identity.generate(), Identity.generate()
        people = {seat: Identity.generate() for seat in SEATS}
        self.sessions = {
            seat: self.session(who, seat, first) for first, (seat, who) in enumerate(people.items())
        }
        self.acknowledged: list[Receipt] = []
        self.document = folder / "document.txt"
        self.document.write_bytes(DOCUMENT)
        self._lock = Lock()
        self._actions: dict[int, Callable[[], object]] = {}
        self._due: Queue[Callable[[], object]] = Queue()
        self.case: CaseId = self._opened()

    def session(self, who: Identity, name: str, first: int = 0) -> Session:
        line = courier(who, *self.services, first=first, pause_s=self.pause_s)
        return Session(who, line, Memory(self.folder / name))

    def _opened(self) -> CaseId:
        seats = "\n".join(f'{seat} = "{session.card}"' for seat, session in self.sessions.items())
        draft = CharterDraft.from_toml(f"""
            title = "Northquay and Belmarra"
            rules = "Nothing said here is used elsewhere."
            retention_days = 30
            deadlock = "stay-sealed"
            visibility = "dark"
            [seats]
            {seats}
            [paths.settlement]
            policy = "2 of (claimant, respondent, mediator)"
            audience = "named"
            """)
        convenor = self.session(self.convenor, "convenor")
        opened = convenor.open_case(draft)
        for seat, invitation in convenor.invitations(opened.case).items():
            shown = self.sessions[seat].join(invitation)
            self.keep(self.sessions[seat].accept(opened.case, shown.charter.proposal))
        self.keep(opened)
        return opened.case

    def keep(self, receipt: Receipt) -> Receipt:
        with self._lock:
            self.acknowledged.append(receipt)
            action = self._actions.pop(len(self.acknowledged), None)
        if action is not None:
            self._due.put(action)
        return receipt

    def send(self, posting: Posting) -> Receipt:
        """To every service at once. At least one acknowledges it, and those that do say the same."""

        def to(service: Running) -> Receipt | None:
            try:
                answer = courier(None, service, pause_s=self.pause_s).post(posting)
            except UnavailableError:
                return None
            return Receipt.check(answer.entry, posting, build.SERVICE.card, created=answer.created)

        with ThreadPoolExecutor(len(self.services)) as lines:
            receipts = [one for one in lines.map(to, self.services) if one is not None]
        assert len({one.entry for one in receipts}) == 1, "not acknowledged, or in two places"
        return self.keep(receipts[0])

    # What they do

    def note(self, seat: str, text: str) -> Receipt:
        return self.send(self.sessions[seat].prepare_note(self.case, text))

    def work(self, notes: int, actions: Actions | None = None) -> list[Hash]:
        """All seats at once write notes, deposit a record each, ask for it, and sign two of them off each.

        The requests, each of them met in the end.
        """
        self._actions = dict(actions or {})
        records = self._at_once(lambda seat: self._write_and_deposit(seat, notes))
        asked = self._at_once(lambda seat: self._ask(seat, records[seat]))
        self._at_once(lambda seat: self._sign(seat, asked))
        assert not self._actions, "the story ended before it came to that"
        return list(asked.values())

    def _write_and_deposit(self, seat: str, notes: int) -> RecordId:
        party = self.sessions[seat]
        for number in range(notes):
            self.note(seat, f"note {number} of {seat}")
        path = PathChoice(name="settlement", purpose="if it is not kept")
        receipt = self.keep(
            party.deposit(self.case, self.document, [path], title="Terms", label=f"Of {seat}")
        )
        return next(one.record for one in party.records(self.case) if one.n == receipt.n)

    def _ask(self, seat: str, record: RecordId) -> Hash:
        party = self.sessions[seat]
        ticket = make_ticket(self.reader, party.introduce(self.case, record, "settlement"))
        return self.send(party.prepare_request(self.case, record, "settlement", [ticket])).statement

    def _sign(self, seat: str, asked: Mapping[str, Hash]) -> None:
        """Its own request, and that of the seat before it."""
        before = SEATS[SEATS.index(seat) - 1]
        for request in (asked[seat], asked[before]):
            self.send(self.sessions[seat].prepare_sign_off(self.case, request))

    def _at_once(self, deed: Callable[[str], Any]) -> dict[str, Any]:
        """Actions are done here meanwhile, by the thread of the test: servers die with the thread that
        started them.
        """
        with ThreadPoolExecutor(len(SEATS)) as parties:
            doing = {seat: parties.submit(deed, seat) for seat in SEATS}
            while not all(one.done() for one in doing.values()) or not self._due.empty():
                with suppress(Empty):
                    self._due.get(timeout=0.05)()
            return {seat: one.result() for seat, one in doing.items()}

    # What must be true afterwards

    def opens(self, request: Hash) -> bool:
        """The reader opens it, through each of the services alone."""
        for number, service in enumerate(self.services):
            line = courier(self.reader, service)
            out = self.folder / f"opened {request[:8]} {number}"
            opened = open_release(line, self.case, request, out, identity=self.reader, overwrite=True)
            if opened.path.read_bytes() != DOCUMENT:
                return False
        return True

    def require_nothing_lost(self, storage: S3Settings) -> None:
        """By storage alone, with the credential that is given: each receipt is an entry, each statement is in
        the case once, and the auditor is content. And every party sees this very chain through each service.
        """
        with open_archive(storage) as archive:
            chain = self._stored(archive.store)
            for receipt in self.acknowledged:
                assert chain[receipt.n].raw == receipt.entry
            statements = [UnverifiedStatement.parse(one.statement_raw).hash for one in chain]
            assert len(set(statements)) == len(statements)
            reports = list(audit_store(archive, self.case, at=datetime.now(UTC)))
        assert [(one.faults, one.warnings, one.entries) for one in reports] == [((), (), len(chain))]
        for seat, service in zip(SEATS, self.services * len(SEATS), strict=False):
            session = self.sessions[seat]
            session.courier = courier(session.identity, service)
            found = session.audit(self.case, payloads=True)
            assert (found.faults, found.entries) == ((), len(chain))

    def _stored(self, store: Any) -> Sequence[Entry]:
        """By number until there is none, and not by a listing: a cluster also lists what a write that failed
        has left on some of its drives.
        """
        chain: list[Entry] = []
        with suppress(NotFoundError):
            while True:
                raw = store.get(Bucket.LEDGER, names.entry(self.case, len(chain)), limit=MAX_ENTRY).decode()
                chain.append(Entry.read(raw, build.SERVICE.card))
        return chain
