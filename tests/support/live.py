"""`escrow serve` as a process over any folder, and parties who use it through the SDK."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from escrow.client import (
    CharterDraft,
    HttpCourier,
    Identity,
    Memory,
    PathChoice,
    Session,
    make_ticket,
    open_release,
)
from escrow.model.ids import CaseId

START_S = 30


@contextmanager
def serving(folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The address at which it listens; `bind` in the folder says port 0."""
    log = folder.with_name(f"{folder.name}.log")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "escrow.cli", "serve", str(folder)],
            env=dict(environ) | {"ESCROW_DRAIN_S": "0"},
            stdout=sink,
            stderr=sink,
        )
    try:
        yield _address(process, log)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(START_S)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"Listening at: (http://127\.0\.0\.1:\d+)", log.read_text())
        if found is not None:
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"the service did not start:\n{log.read_text()}")


CHARTER = """
title = "Keller and Nordwind"
rules = "Nothing said here is used elsewhere."
retention_days = 365
deadlock = "stay-sealed"
visibility = "dark"
[seats]
claimant = "{claimant}"
respondent = "{respondent}"
mediator = "{mediator}"
[paths.settlement]
policy = "2 of (claimant, respondent, mediator)"
audience = "named"
[paths.memo]
policy = "all of (claimant, respondent)"
audience = "public"
"""


class Live:
    """A case with three seats behind the service at `url`."""

    def __init__(self, url: str, homes: Path, *, drop_off: bool = False) -> None:
        self.url, self.homes = url, homes
        self.count = 0
        self.arbitrator = Identity.generate()
        self.convenor, self.claimant, self.respondent = (self._session(str(n)) for n in range(3))
        cards = {"claimant": self.claimant, "respondent": self.respondent, "mediator": self.convenor}
        draft = CharterDraft.from_toml(CHARTER.format(**{seat: str(who.card) for seat, who in cards.items()}))
        self.case: CaseId = self.convenor.open_case(replace(draft, drop_off=drop_off)).case
        invitations = self.convenor.invitations(self.case)
        for seat, who in cards.items():
            who.accept(self.case, who.join(invitations[seat]).charter.proposal)

    def _session(self, name: str) -> Session:
        identity = Identity.generate()
        return Session(identity, HttpCourier(self.url, identity), Memory(self.homes / name))

    def deposit(self, data: bytes = b"We have settled.\n", path: str = "memo") -> str:
        """Deposited by the claimant and signed off by both sides. The request's hash; `path` settlement: for
        the arbitrator, who keeps the ticket.
        """
        self.count += 1
        document = self.homes / f"document-{self.count}"
        document.write_bytes(data)
        before = {one.record for one in self.claimant.records(self.case)}
        self.claimant.deposit(
            self.case, document, [PathChoice(name=path)], title=f"No. {self.count}", label="Memo"
        )
        (record,) = {one.record for one in self.claimant.records(self.case)} - before
        tickets = []
        if path == "settlement":
            self.ticket = make_ticket(self.arbitrator, self.respondent.introduce(self.case, record, path))
            tickets = [self.ticket]
        request = self.respondent.request(self.case, record, path, tickets, "as agreed").statement
        for who in (self.claimant, self.respondent):
            who.review(self.case, request)
            who.sign_off(self.case, request)
        return request

    def opened(self, request: str) -> bytes:
        """What the arbitrator reads."""
        courier = HttpCourier(self.url, self.arbitrator)
        out = self.homes / f"opened-{request[:8]}"
        found = open_release(courier, self.case, request, out, identity=self.arbitrator, ticket=self.ticket)
        return found.path.read_bytes()
