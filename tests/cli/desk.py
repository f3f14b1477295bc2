"""A desk for each person: the real command line, run in this process, over an honest service in memory.

`Table` is the room; `table.person("claimant")` has a home, a folder and an identity file, and `type`s
commands as the person would. Commands run in the person's own folder, so file names in them are short, as
people write them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from client.honest import DRAFT, URL, HonestCourier, Service
from support.build import party

from escrow.cli.app import App
from escrow.cli.main import cli
from escrow.client import Courier
from escrow.crypto.identity import Identity


@dataclass
class Person:
    """`identity` None: anybody, without a key file."""

    name: str
    folder: Path
    service: Service
    identity: Identity | None

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        if self.identity is not None:
            self.key_file.write_text(self.identity.dump() + "\n")
            self.key_file.chmod(0o600)

    @property
    def home(self) -> Path:
        return self.folder / ".escrow"

    @property
    def key_file(self) -> Path:
        return self.home / "identity"

    def courier(self, url: str, identity: Identity | None) -> Courier:
        return HonestCourier(self.service, identity, url)

    def type(self, *args: str, status: int = 0, stdin: str | None = None, terminal: bool = False) -> Result:
        """Run `escrow ARGS`; it must end with this exit code. `terminal`: a person answers from `stdin`."""
        app = App(
            home=self.home, courier=self.courier, clock=self.service.clock, someone_is_there=lambda: terminal
        )
        with _inside(self.folder):
            result = CliRunner().invoke(cli, list(args), obj=app, input=stdin)
        assert result.exit_code == status, f"{args}: {result.exit_code}\n{result.stderr}\n{result.stdout}"
        return result

    def out(self, *args: str) -> str:
        """What it prints on stdout."""
        return self.type(*args).stdout.strip()

    def json(self, *args: str) -> Any:
        return json.loads(self.type("--json", *args).stdout)

    def told(self, *args: str, status: int) -> Any:
        """The JSON document of a verb that ends with this code, and not with an error."""
        return json.loads(self.type(*args, status=status).stdout)

    def refused(self, *args: str, status: int) -> str:
        """The code with which it is refused; nothing may be on stdout then."""
        result = self.type("--json", *args, status=status)
        assert result.stdout == ""
        return str(json.loads(result.stderr.splitlines()[-1])["error"]["code"])

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


@dataclass
class Table:
    """The service and everybody at the table; `case` once it is open."""

    root: Path
    service: Service = field(default_factory=Service)
    people: dict[str, Person] = field(default_factory=dict)
    case: str = ""

    def person(self, name: str, *, keyless: bool = False) -> Person:
        if name not in self.people:
            identity = None if keyless else party(name)
            self.people[name] = Person(name, self.root / name, self.service, identity)
        return self.people[name]

    def open(self) -> str:
        """The convenor opens a case and hands every seat its invitation."""
        convenor = self.person("institution")
        cards = {name: str(party(name).card) for name in ("claimant", "respondent", "mediator")}
        convenor.write("charter.toml", DRAFT.format(**cards))
        self.case = convenor.out("--service", URL, "case", "open", "charter.toml")
        for seat in cards:
            self.person(seat).write("invitation.json", convenor.out("case", "invite", self.case, seat))
        return self.case

    def accepted(self) -> str:
        """A case in force."""
        self.open()
        for seat in ("claimant", "respondent", "mediator"):
            self.person(seat).type("case", "accept", "invitation.json", "--yes")
        return self.case

    def deposited(self, path: str = "settlement", text: str = "We agree on 4,000,000.") -> str:
        """A record by the claimant."""
        claimant = self.person("claimant")
        claimant.write("settlement.txt", text)
        return claimant.out("deposit", self.case, "settlement.txt", "--path", path, "--label", "Settlement")

    def requested(self, record: str) -> str:
        """A request by the claimant for the reader `arbitrator`, who holds no seat."""
        claimant, arbitrator = self.person("claimant"), self.person("arbitrator")
        arbitrator.write("introduction.json", claimant.out("introduce", self.case, record))
        claimant.write("arbitrator.ticket", arbitrator.out("ticket", "introduction.json"))
        ticket = ("--ticket", "arbitrator.ticket")
        return claimant.out("request", self.case, record, *ticket, "--purpose", "Enforcement")


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
