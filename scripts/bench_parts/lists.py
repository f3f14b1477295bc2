"""What a page of a card's cases, and of its inbox, costs among very many, as a multiple of it among few.

    .venv/bin/python scripts/bench_parts/lists.py [--few 100] [--many 10000] [--rounds 20] [--json]

Two services in folder stores; a mediator opens so many cases on each, and has accepted none. Pages are of
100, on the second from the middle of the list, and rounds alternate. "cases" and "inbox" are pages of cases
that the worker has in memory, "cold" of those that it has not, which costs as many replays.
"""

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ledger import now, opening, seconds, show  # beside this file

from escrow.config import Settings
from escrow.crypto.identity import Identity
from escrow.model.case_key import CaseKey
from escrow.service.desk import Desk
from escrow.service.identity import create_service_identity, load_service_identity
from escrow.service.inbox import Cursor, read_inbox
from escrow.service.open_case import open_case
from escrow.service.reading import list_cases
from escrow.store import names
from escrow.store.folder import FolderStore

LIMITS = {"cases": 1.5, "inbox": 1.5, "cold": 1.5}
PAGE = 100


@dataclass(kw_only=True)
class Office:
    """A service, and a card with very many cases on it. `after`: the case before the page that is read."""

    settings: Settings
    card: str
    after: str

    def desk(self) -> Desk:
        """With nothing in memory."""
        return Desk.set_up(self.settings, FolderStore(self.settings.store), now)  # type: ignore[arg-type]

    def measure(self) -> dict[str, float]:
        desk = self.desk()
        cursor = Cursor(case=self.after, n=10**9) if self.after else None

        def page() -> None:
            found, _ = list_cases(desk, self.card, self.after, PAGE)
            assert len(found) == PAGE

        def inbox() -> None:
            items, _ = read_inbox(desk, self.card, cursor, PAGE)
            assert len(items) == PAGE

        cold = seconds(page)
        inbox()  # looks at one case more
        return {"cold": cold, "cases": seconds(page), "inbox": seconds(inbox)}


def office(folder: Path, cases: int) -> Office:
    folder.mkdir()
    create_service_identity(folder / "identity")
    settings = Settings(
        public_url="https://escrow.example", store=folder / "store", service_identity=folder / "identity"
    )
    found = Office(settings=settings, card="", after="")
    desk, convenor = found.desk(), Identity.generate()
    service = load_service_identity(settings.service_identity)
    for done in range(cases):
        open_case(desk, opening(convenor, service, CaseKey.generate(), convenor))
        if done % 100 == 0:
            print(f"\rcase {done} of {cases}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found.card = convenor.card.fingerprint
    if cases > 2 * PAGE:
        prefix = names.card_indexes(found.card)
        first = sorted((folder / "store/ledger" / prefix).iterdir())[cases // 2]
        found.after = first.name
    return found


def run(folder: Path, few: int, many: int, rounds: int) -> dict[str, float]:
    small, large = office(folder / "few", few), office(folder / "many", many)
    taken = [(small.measure(), large.measure()) for _ in range(rounds)]
    figures: dict[str, float] = {}
    for name in LIMITS:
        one = statistics.median(of_small[name] for of_small, _ in taken)
        other = statistics.median(of_large[name] for _, of_large in taken)
        figures |= {name: other / one, f"{name}_few_ms": 1000 * one, f"{name}_many_ms": 1000 * other}
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="escrow-bench-") as folder:
        figures = run(Path(folder), arguments.few, arguments.many, arguments.rounds)
    show(figures, LIMITS, as_json=arguments.json)


if __name__ == "__main__":
    main()
