"""What appending to a long case and reading it cost, as multiples of the same on a short one.

    .venv/bin/python scripts/bench_parts/ledger.py [--short 100] [--long 10000] [--rounds 300] [--json]

Both cases lie in one folder store and are kept by one journal. Each round does the same to both, one after
the other; the ratio of the medians counts. "append" is a note with its fsync, "read" a look at the
warm case, "page" its last fifty entries. "cold" is one replay from the store, by a process that starts: it
grows with the case and is shown for what it is, without a limit. So is "rules": an append less its storage.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from told import show  # beside this file

from escrow.crypto.identity import Identity
from escrow.ledger.keys import ServiceKeys
from escrow.ledger.replay import admit
from escrow.ledger.statement import Head, compose
from escrow.model.case_key import CaseKey, Place, place
from escrow.model.charter import Charter, Deadlock, Service, Visibility
from escrow.model.deeds import CaseOpened, Note
from escrow.model.path import Audience, AudienceKind, PathTemplate
from escrow.policy.text import parse as parse_policy
from escrow.store.folder import FolderStore
from escrow.store.journal import Journal, Receipt

LIMITS = {"append": ("<=", 1.5), "read": ("<=", 1.5), "page": ("<=", 1.5)}
PAGE = 50


def now() -> datetime:
    return datetime.now(UTC)


def nothing(*_: object) -> None:
    """Notes need nothing stored beside them."""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(kw_only=True)
class Case:
    """A case that grows by notes of its convenor."""

    journal: Journal
    convenor: Identity
    opening: Receipt
    case_key: CaseKey

    @property
    def id(self) -> str:
        return self.opening.statement

    def note(self) -> str:
        head = Head(n=self.opening.n, hash=self.opening.hash)
        return compose(
            self.convenor, Note(text=self.case_key.seal_text("A line.", b"")), case=self.id, head=head
        )

    def append(self, raw: str) -> None:
        self.journal.append(self.id, raw, prepare=nothing)

    def grow(self, entries: int) -> "Case":
        for done in range(1, entries):
            self.append(self.note())
            if done % 100 == 0:
                print(f"\rentry {done} of {entries}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return self

    def length(self) -> int:
        with self.journal.reading(self.id) as state:
            return state.head.n + 1

    def page(self) -> None:
        self.journal.entries(self.id, after=self.length() - 1 - PAGE, limit=PAGE)

    def rules(self, raw: str) -> float:
        """All rules on one statement, and nothing stored."""
        with self.journal.reading(self.id) as state:
            return seconds(lambda: admit(state, raw, at=now()))

    def measure(self) -> dict[str, float]:
        raw = self.note()
        rules = self.rules(raw)
        return {
            "append": seconds(lambda: self.append(raw)),
            "read": seconds(self.length),
            "page": seconds(self.page),
            "rules": rules,
        }


def opening(
    convenor: Identity, service: Identity, case_key: CaseKey, mediator: Identity | None = None
) -> str:
    """The signed statement that opens a case of three seats, all of somebody else's unless one is named."""
    seats = {name: Identity.generate().card for name in ("claimant", "respondent")}
    seats["mediator"] = (mediator or Identity.generate()).card
    path = PathTemplate(
        name="settlement",
        policy=parse_policy("2 of (claimant, respondent, mediator)"),
        audience=Audience(kind=AudienceKind.NAMED),
    )
    charter = Charter(
        service=Service(url="https://escrow.example", card=service.card),
        convenor=convenor.card,
        seats=seats,
        case_key_hash=case_key.hash,
        prose=case_key.seal_text("A case that is talked about at length.", place(Place.PROSE)),
        paths=(path,),
        retention_days=365,
        deadlock=Deadlock.STAY_SEALED,
        visibility=Visibility.DARK,
        public_notice="",
    )
    deed = CaseOpened(charter=charter, wrapped_case_key=case_key.wrap_for_oneself(convenor))
    return compose(convenor, deed, case=None, head=None)


def open_case(journal: Journal, service: Identity) -> Case:
    convenor, case_key = Identity.generate(), CaseKey.generate()
    opened = journal.open(opening(convenor, service, case_key), prepare=nothing)
    return Case(journal=journal, convenor=convenor, opening=opened, case_key=case_key)


def run(folder: Path, short: int, long: int, rounds: int) -> dict[str, float]:
    service = Identity.generate()
    store = FolderStore(folder)
    journal = Journal(store, ServiceKeys(service), now)
    small = open_case(journal, service).grow(short)
    large = open_case(journal, service).grow(long)
    taken = [(small.measure(), large.measure()) for _ in range(rounds)]
    figures: dict[str, float] = {}
    for name in taken[0][0]:
        one = statistics.median(of_small[name] for of_small, _ in taken)
        other = statistics.median(of_large[name] for _, of_large in taken)
        figures |= {name: other / one, f"{name}_short_ms": 1000 * one, f"{name}_long_ms": 1000 * other}
    cold = replace(large, journal=Journal(store, ServiceKeys(service), now))
    figures["cold_long_ms"] = 1000 * seconds(cold.length)
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--short", type=int, default=100)
    parser.add_argument("--long", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="escrow-bench-") as folder:
        figures = run(Path(folder), arguments.short, arguments.long, arguments.rounds)
    show(figures, LIMITS, as_json=arguments.json)


if __name__ == "__main__":
    main()
