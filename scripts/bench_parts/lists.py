"""What a page of a card's cases, and of its inbox, costs among very many, as a multiple of it among few.

    .venv/bin/python scripts/bench_parts/lists.py [--sizes 100 1000 10000] [--rounds 20] [--json]

Services in folder stores; a mediator opens so many cases on each, and has accepted none. Pages are of 100,
from the middle of the list where there are more. Every round asks all services, in turns forwards and
backwards, and the median of the rounds' ratios counts. "cases" and "inbox" are pages of cases that the worker
has in memory, "cold" of those that it has not, which costs as many replays. A list to which a case was added
within the last two seconds is read anew from the folder; that is not in these figures, which begin when the
list has settled.
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from ledger import now, opening, seconds  # beside this file
from told import show

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
from escrow.store.folder_listing import SETTLED_NS

LIMITS = {"cases": ("<=", 1.5), "inbox": ("<=", 1.5), "cold": ("<=", 1.5)}
PAGE = 100
AGAIN = 5
"""A page from memory takes a few milliseconds: it is asked for as often as that."""


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
        return {
            "cold": cold,
            "cases": statistics.median(seconds(page) for _ in range(AGAIN)),
            "inbox": statistics.median(seconds(inbox) for _ in range(AGAIN)),
        }


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


def run(folder: Path, sizes: list[int], rounds: int) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The ratios of the longest list to the shortest, and the medians of each."""
    with patch("os.fsync"):  # the cases are made to be read, and need outlive no crash
        offices = {cases: office(folder / str(cases), cases) for cases in sizes}
    time.sleep(2 * SETTLED_NS / 1e9)
    taken = []
    for turn in range(rounds):
        order = sizes if turn % 2 else sizes[::-1]
        taken.append({cases: offices[cases].measure() for cases in order})
    points = [
        {"cases_on_card": cases}
        | {
            f"{name}_ms": round(1000 * statistics.median(one[cases][name] for one in taken), 3)
            for name in LIMITS
        }
        for cases in sizes
    ]
    few, many = sizes[0], sizes[-1]
    ratios = {name: statistics.median(one[many][name] / one[few][name] for one in taken) for name in LIMITS}
    return {name: round(value, 3) for name, value in ratios.items()}, points


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="escrow-bench-") as folder:
        figures, points = run(Path(folder), arguments.sizes, arguments.rounds)
    show(figures, LIMITS, as_json=arguments.json, points=points)
    if not arguments.json:
        for point in points:
            print(
                "{cases_on_card:>8} cases: ".format(**point)
                + ", ".join(f"{n} {point[f'{n}_ms']:.1f} ms" for n in LIMITS)
            )


if __name__ == "__main__":
    main()
