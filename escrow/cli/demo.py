"""The demo: a two-party mediation from charter to release, through the real service and the real command
line.

Fictional. A settlement that stays secret is opened by one arbitrator who holds no seat; a memo that was
promised to the public is opened by anyone, once its date has come. What must not happen is tried too, and
must be refused.
"""

import shutil
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from escrow.cli.app import Verb
from escrow.cli.demo_site import Site, run_site
from escrow.cli.demo_stage import Stage, holds

DELTA, NORTHQUAY, BELMARRA, MEDIATOR = "delta", "northquay", "belmarra", "mediator"
ARBITRATOR, OPERATOR, JOURNALIST = "arbitrator", "operator", "journalist"
SEATS = (NORTHQUAY, BELMARRA, MEDIATOR, DELTA)

SETTLEMENT = "Belmarra pays Northquay 2,350,000 by 1 September. Neither side admits anything.\n"
MEMO = "Northquay and Belmarra have settled their differences and go on working together.\n"
LABEL, TITLE = "Settlement agreement, signed", "Settlement of 20 March"
SECRETS = ("2,350,000", LABEL, TITLE, "settlement.txt", "payment of 1 September", "go on working together")
SEEN = ("northquay", "enforcement")
"""What an operator does see: seats, paths, policies. That it is found shows that the search finds things."""

REFUSED, NOT_FOUND = 4, 6

CHARTER = """\
title = "Northquay Logistics and Belmarra Foods, mediation"
rules = "What is said here is not used anywhere else."   # encrypted: for the seats, not for the operator
retention_days = 3650
deadlock = "stay-sealed"
visibility = "dark"

[seats]
{seats}

[paths.enforcement]     # either side with either neutral: who does not pay cannot block it
policy = "all of (any of (northquay, belmarra), any of (mediator, delta))"
audience = "named"

[paths.publication]     # a statement for everybody, not before a date that its depositor sets
policy = "2 of (northquay, belmarra, mediator)"
audience = "public"
not_before = "at-deposit"
"""


@click.command(cls=Verb)
@click.option("--keep", is_flag=True, help="Leave the folder with everybody's files when it is over.")
@click.option("--quiet", is_flag=True, help="Print only what happens, step by step, and no commands.")
@click.option("--minio", is_flag=True, help="Keep the records on a MinIO, which is built and run for this.")
def demo(keep: bool, quiet: bool, minio: bool) -> None:
    """Play a mediation on this machine, from charter to release.

    Starts the real service in a temporary folder, on a free port of this machine, and types the commands
    that its people would type. Ends with code 0 only if everything went as it must, refusals included.
    """
    root = Path(tempfile.mkdtemp(prefix="escrow-demo-"))
    try:
        with ExitStack() as lasting:
            site = lasting.enter_context(run_site(root / OPERATOR, quiet=quiet)) if minio else None
            stage = lasting.enter_context(closing(Stage(root, quiet=quiet)))
            _Story(stage, site).play()
    finally:
        if keep:
            click.echo(f"Everybody's files are in {root}", err=True)
        else:
            shutil.rmtree(root, ignore_errors=True)


@dataclass(slots=True)
class _Story:
    """The steps, in order. What one learns, such as the case's id, the next ones use."""

    stage: Stage
    site: Site | None
    case: str = ""
    pace_s: float = 1.0

    def play(self) -> None:
        began = time.monotonic()
        self.set_up()
        self.open_the_case()
        settlement = self.deposit_the_settlement()
        self.release_to_the_arbitrator(settlement)
        self.release_to_the_public()
        self.look_as_operator()
        self.check_everything()
        self.conclude(time.monotonic() - began)

    def set_up(self) -> None:
        stage = self.stage
        stage.step("An operator starts a service; everybody makes an identity.")
        bind = stage.url.removeprefix("http://")
        storage = () if self.site is None else self.site.options
        service_card = stage.run(
            OPERATOR, "service", "init", "service", "--bind", bind, *storage
        ).out.splitlines()[-1]
        stage.start_service(OPERATOR, "service")
        cards = {person: stage.run(person, "keygen").out for person in (*SEATS, ARBITRATOR)}
        stage.step(
            "Delta, an ADR centre, writes the charter: who sits where, and how anything may ever be opened."
        )
        seats = "\n".join(f'{seat} = "{cards[seat]}"' for seat in SEATS)
        charter = CHARTER.format(seats=seats)
        stage.write(DELTA, "charter.toml", charter)
        stage.tell(*charter.splitlines(), "")
        stage.run(DELTA, "policy", "explain", "--charter", "charter.toml")
        self.case = stage.run(
            DELTA, "--service", stage.url, "case", "open", "charter.toml", "--service-card", service_card
        ).out

    def open_the_case(self) -> None:
        stage = self.stage
        stage.step(
            "Every seat gets its invitation, sees the charter, accepts. Before that nothing can be deposited."
        )
        stage.run(DELTA, "case", "accept", self.case[:12], "--yes")
        for seat in (NORTHQUAY, BELMARRA, MEDIATOR):
            name = f"{seat}.invitation"
            stage.run(DELTA, "case", "invite", self.case[:12], seat, "--out", name)
            stage.hand(name, DELTA, seat, how=", privately")
            stage.run(seat, "case", "accept", name, "--yes", last=3)

    def deposit_the_settlement(self) -> str:
        stage = self.stage
        stage.step("Northquay seals the signed settlement on its own machine and deposits it.")
        stage.write(NORTHQUAY, "settlement.txt", SETTLEMENT)
        began = time.monotonic()
        record = stage.run(
            NORTHQUAY, "deposit", self.case[:12], "settlement.txt", "--path", "enforcement", "--label", LABEL,
            "--title", TITLE,
        ).out  # fmt: skip
        self.pace_s = time.monotonic() - began
        stage.run(BELMARRA, "case", "show", self.case[:12], last=6)
        return record

    def look_as_operator(self) -> None:
        stage = self.stage
        stage.step(
            "The operator searches all that it keeps: it sees who may open what, and nothing that they wrote."
        )
        files = [
            path.read_bytes() for path in (stage.folder(OPERATOR) / "service").rglob("*") if path.is_file()
        ]
        files += [] if self.site is None else self.site.objects()
        stage.tell(f"{len(files)} files and objects, looked through base64 and all:")
        for text in (*SEEN, *SECRETS):
            found = sum(holds(raw, text) for raw in files)
            stage.tell(f"  {text!r}: in {found}")
            stage.expect((found > 0) == (text in SEEN), f"the operator finds {text!r} in {found} files")

    def release_to_the_arbitrator(self, record: str) -> None:
        """(a) Belmarra has not paid. A named arbitrator, who holds no seat, is to read the settlement."""
        stage, case = self.stage, self.case[:12]
        stage.step("Belmarra does not pay. Northquay introduces an arbitrator, who has no seat, and asks.")
        stage.run(NORTHQUAY, "introduce", case, record[:12], "--out", "introduction.json")
        stage.hand("introduction.json", NORTHQUAY, ARBITRATOR)
        stage.run(ARBITRATOR, "ticket", "introduction.json", "--out", "reiter.ticket")
        stage.hand("reiter.ticket", ARBITRATOR, NORTHQUAY)
        request = stage.run(
            NORTHQUAY, "request", case, record[:12], "--ticket", "reiter.ticket",
            "--purpose", "Enforcement: the payment of 1 September is missing.",
        ).out  # fmt: skip
        url = f"{stage.url}/v1/cases/{self.case}/requests/{request}"

        stage.step("One sign-off is not enough: the arbitrator is refused.")
        stage.run(NORTHQUAY, "signoff", case, request[:12], "--yes", last=3)
        stage.run(ARBITRATOR, "open", url, status=REFUSED)

        stage.step(
            "The mediator finds the request in its inbox, reviews it, signs off. The arbitrator can open it."
        )
        stage.run(MEDIATOR, "inbox")
        stage.run(MEDIATOR, "signoff", case, request[:12], "--yes")
        opened = stage.run(ARBITRATOR, "open", url, "--ticket", "reiter.ticket").out
        self._compare(ARBITRATOR, opened, SETTLEMENT)

        stage.step("Nobody else can: not even Belmarra, which holds a seat but is no reader of this release.")
        stage.run(BELMARRA, "open", case, request[:12], status=REFUSED)
        stage.run(JOURNALIST, "open", url, status=NOT_FOUND)

    def release_to_the_public(self) -> None:
        """(b) A memo for everybody, not before a date."""
        stage, case = self.stage, self.case[:12]
        date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4 + 8 * self.pace_s)
        stage.step(
            f"Both sides promised the public a memo, not before {date:%H:%M:%S} UTC. Belmarra deposits it."
        )
        stage.write(BELMARRA, "memo.txt", MEMO)
        path = f"publication:{date:%Y-%m-%dT%H:%M:%SZ}"
        record = stage.run(
            BELMARRA, "deposit", case, "memo.txt", "--path", path, "--label", "Public memo"
        ).out
        request = stage.run(BELMARRA, "request", case, record[:12], "--purpose", "As promised.").out
        url = f"{stage.url}/v1/cases/{self.case}/requests/{request}"

        stage.step("A sign-off before the date is refused.")
        refused = stage.run(BELMARRA, "signoff", case, request[:12], "--yes", status=REFUSED, last=2)
        stage.expect("publication opens at" in refused.err, "it was refused for another reason")

        stage.step("The date has come: Belmarra signs off by hand, the mediator's timekeeper by itself.")
        while datetime.now(UTC) <= date:
            time.sleep(0.1)
        stage.run(BELMARRA, "signoff", case, request[:12], "--yes", last=3)
        done = stage.run(MEDIATOR, "timekeeper", "--once").out
        stage.expect(request in done, "the timekeeper did not sign off")

        stage.step("Now anyone opens it: no identity, no account, no token.")
        stage.expect(not (stage.folder(JOURNALIST) / ".escrow").exists(), "the journalist has an identity")
        self._compare(JOURNALIST, stage.run(JOURNALIST, "open", url).out, MEMO)

    def check_everything(self) -> None:
        stage = self.stage
        stage.step("Anyone can check: Belmarra through the service, the operator from the storage alone.")
        stage.run(BELMARRA, "verify", self.case[:12])
        if self.site is None:
            stage.run(OPERATOR, "audit", "service/store")
        else:
            faults = self.site.audit()
            stage.tell("scripts/audit.py, with a credential that may only read:", *faults or ("sound",))
            stage.expect(not faults, "the buckets are not sound")

    def _compare(self, person: str, name: str, expected: str) -> None:
        found = (self.stage.folder(person) / name).read_text(encoding="utf-8")
        self.stage.expect(found == expected, f"{name} is not what was sealed")
        self.stage.tell(f"{name}: {found.strip()}", "")

    def conclude(self, took_s: float) -> None:
        click.echo(
            f"\nAll as it must be, in {took_s:.0f} s.\n"
            "  (a) A secret settlement was opened by one named arbitrator, after two sign-offs.\n"
            "  (b) A memo was opened by anyone, after its date and two sign-offs, and not before.\n"
            "  The operator kept everything, and nothing that it keeps says what they wrote.\n"
            "Do it with your own files and keys: README.md, or start with `escrow keygen`.\n"
            "`escrow demo --keep` leaves everybody's files to look at."
        )
