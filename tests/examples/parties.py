"""Those around the example program: a service of its own, the program as a process, and the parties."""

import csv
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.live import serving

from escrow.client import HttpCourier, Identity, Invitation, Memory, Session

PROGRAM = Path(__file__).parent / "provider/provider.py"


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """A real one, over a folder, at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    subprocess.run(
        [sys.executable, "-m", "escrow.cli", "service", "init", str(folder / "service"),
         "--bind", f"127.0.0.1:{port}"],
        env=environ, check=True, capture_output=True,
    )  # fmt: skip
    with serving(folder / "service", environ) as url:
        yield url


class Provider:
    """The program, and what it keeps in `folder`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.invitations, self.downloads = folder / "invitations", folder / "downloads"
        self.command = [sys.executable, str(PROGRAM), "--home", str(folder / "home"), "--url", url]

    def run(self, *args: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run([*self.command, *args], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done

    def open(self, table: Path) -> str:
        return self.run("open", str(table), "--invitations", str(self.invitations)).stderr

    def follow(self) -> str:
        return self.run("follow", "--downloads", str(self.downloads)).stderr

    def status(self) -> dict[str, int]:
        lines = self.run("status").stdout.splitlines()
        return {stage: int(count) for count, stage in (re.split(r"\s{2,}", line.strip()) for line in lines)}

    def cases(self) -> int:
        """How many the service knows of this institution."""
        identity = Identity.load((self.folder / "home/identity").read_text())
        with Session(identity, HttpCourier(self.url, identity), Memory(self.folder / "look")) as session:
            return len(session.case_ids())

    def killed_until_done(self, *args: str) -> None:
        """Killed after a little longer each time, until one run comes to its end."""
        seconds = 0.4
        while True:
            try:
                subprocess.run([*self.command, *args], timeout=seconds, check=True, capture_output=True)
            except subprocess.TimeoutExpired:
                seconds += 0.4
            else:
                return

    def table_of(self, parties: "Parties", cases: int) -> Path:
        """A table of so many cases between the two parties."""
        (self.folder / "doc.txt").write_text("The respondent pays 90,000.\n")
        table = self.folder / "cases.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("reference", "title", "claimant", "respondent", "document"))
            cards = (str(parties.claimant.card), str(parties.respondent.card))
            for n in range(1, cases + 1):
                rows.writerow((f"ADR-2026-{n:04}", f'Case "No. {n}", né Café', *cards, "doc.txt"))
        return table


class Parties:
    """A claimant and a respondent with their own homes, who do what their inbox says."""

    def __init__(self, homes: Path, url: str) -> None:
        self.claimant, self.respondent = (self._session(homes / name, url) for name in ("one", "two"))

    def _session(self, home: Path, url: str) -> Session:
        identity = Identity.generate()
        return Session(identity, HttpCourier(url, identity), Memory(home))

    def accept(self, invitations: Path) -> None:
        for seat, party in (("claimant", self.claimant), ("respondent", self.respondent)):
            for file in sorted(invitations.glob(f"*/{seat}.invitation")):
                shown = party.join(Invitation.load(file.read_bytes()))
                party.accept(shown.case, shown.charter.proposal)

    def release(self, cases: int) -> int:
        """Ask for the record of so many cases, and sign off by both; how many were released."""
        done = 0
        for case in self.claimant.case_ids()[:cases]:
            (record,) = self.claimant.records(case)
            tickets = [
                party.make_ticket(party.introduce(case, record.record, "settlement")) for party in self
            ]
            request = self.claimant.request(case, record.record, "settlement", tickets, "as agreed").statement
            for party in self:
                party.sign_off(case, request)
            done += self.claimant.requests(case)[0].released_at is not None
        return done

    def deposits(self) -> list[int]:
        """How many records each case has."""
        return [len(self.claimant.records(case)) for case in self.claimant.case_ids()]

    def __iter__(self) -> Iterator[Session]:
        return iter((self.claimant, self.respondent))
