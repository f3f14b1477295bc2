"""What the first answer of a process costs that has just started: of a long case and of a short one.

    .venv/bin/python scripts/bench_parts/cold.py [--sizes 100 1000 3000 10000] [--rounds 7] [--before 3]
        [--minio] [--json]

Every case lies in one store, a folder or (`--minio`) a MinIO that is brought up here, and each answer comes
from a journal that knows nothing yet. "now" are milliseconds with snapshots, "entries" those by the entries
alone, as before there were any. "ratio" is the longest case to the shortest, "ratio_worst" the same when the
next snapshot is just not due, "ratio_entries" by the entries alone: medians of pairs, measured in turns. The
cases of other figures end half way between two snapshots. "append" is an append with snapshots, all of their
writing counted, as a multiple of one without. "memory" is KiB of one entry of the longest case in memory;
"newest_kib" is its newest snapshot, "all_mib" all that it ever had.
"""

import argparse
import gc
import statistics
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger import Case, now, open_case, seconds
from storage import minio
from told import show

from escrow.crypto.identity import Identity
from escrow.ledger.keys import ServiceKeys
from escrow.ledger.snapshot import MAX_SNAPSHOT
from escrow.store import names
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Store
from escrow.store.journal import Journal
from escrow.store.s3 import S3Store
from escrow.store.snapshots import EVERY

LIMITS = {"ratio": ("<=", 2.0), "ratio_worst": ("<=", 3.0), "append": ("<=", 1.5)}
APPENDS = 4 * EVERY


class Blind:
    """A store in which no snapshot is seen or written: what a service did before there were any."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def names(self, bucket: Bucket, prefix: str, **page: Any) -> list[str]:
        return [] if prefix.startswith(names.SNAPSHOTS) else self._store.names(bucket, prefix, **page)


def at_once(work: Callable[[], None]) -> None:
    """What a snapshot costs is counted where it is made."""
    work()


def never(_: Callable[[], None]) -> None:
    """No snapshots."""


@contextmanager
def opened(folder: Path, *, on_minio: bool) -> Iterator[Store]:
    if not on_minio:
        yield FolderStore(folder / "store")
        return
    with minio(folder) as settings, closing(S3Store(settings)) as store:
        yield store


class Bench:
    """Cases of several lengths in one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.service = Identity.generate()

    def case(self, entries: int) -> Case:
        """One that ends half way between two snapshots, where it is long enough to have any."""
        if entries > EVERY:
            entries = entries // EVERY * EVERY + EVERY // 2 + 1
        return open_case(self.journal(at_once), self.service).grow(entries)

    def journal(self, later: Callable[[Callable[[], None]], None], *, blind: bool = False) -> Journal:
        store: Any = Blind(self.store) if blind else self.store
        return Journal(store, ServiceKeys(self.service), now, later=later)

    def cold_ms(self, case: Case, *, blind: bool = False) -> float:
        return 1000 * seconds(replace(case, journal=self.journal(never, blind=blind)).length)

    def medians(self, cases: list[Case], rounds: int, *, blind: bool = False) -> list[float]:
        """Of each case, in ms. Every round asks all of them, so they share what else the machine does."""
        taken = [[self.cold_ms(case, blind=blind) for case in cases] for _ in range(rounds)]
        return [statistics.median(column) for column in zip(*taken, strict=True)]

    def pairs(
        self, short: Case, long: Case, rounds: int, *, blind: bool = False
    ) -> tuple[float, float, float]:
        """Median ms of both, and of the ratios of the pairs."""
        taken = []
        for turn in range(rounds):
            order = (short, long) if turn % 2 else (long, short)
            found = {one.id: self.cold_ms(one, blind=blind) for one in order}
            taken.append((found[short.id], found[long.id]))
        medians = tuple(statistics.median(column) for column in zip(*taken, strict=True))
        return medians[0], medians[1], statistics.median(long / short for short, long in taken)

    def append_ratio(self) -> float:
        """Two cases grow in turns, one of them without snapshots."""
        kept, bare = (open_case(self.journal(later), self.service) for later in (at_once, never))
        total = {kept.id: 0.0, bare.id: 0.0}
        for turn in range(APPENDS):
            for case in (kept, bare) if turn % 2 else (bare, kept):
                raw = case.note()
                total[case.id] += seconds(lambda case=case, raw=raw: case.append(raw))  # type: ignore[misc]
        return total[kept.id] / total[bare.id]

    def memory_kib(self, case: Case) -> float:
        journal = self.journal(never)
        gc.collect()
        tracemalloc.start()
        with journal.reading(case.id) as state:
            entries = state.head.n + 1
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return held / entries / 1024

    def sizes(self, case: Case) -> list[int]:
        found = self.store.names(Bucket.RECORDS, names.snapshots(case.id))
        return [len(self.store.get(Bucket.RECORDS, name, limit=MAX_SNAPSHOT)) for name in found]


def run(store: Store, sizes: list[int], rounds: int, before: int) -> dict[str, Any]:
    bench = Bench(store)
    cases = [bench.case(entries) for entries in sizes]
    short, long = cases[0], cases[-1]
    by_snapshot, by_entries = bench.medians(cases, rounds), bench.medians(cases, before, blind=True)
    points = [
        {"entries": entries, "now": round(after, 1), "before": round(then, 1)}
        for entries, after, then in zip(sizes, by_snapshot, by_entries, strict=True)
    ]
    short_ms, long_ms, ratio = bench.pairs(short, long, rounds)
    figures = {"short_ms": short_ms, "long_ms": long_ms, "ratio": ratio}
    figures["ratio_entries"] = bench.pairs(short, long, before, blind=True)[2]
    kept = bench.sizes(long)
    figures |= {"newest_kib": kept[-1] / 1024, "all_mib": sum(kept) / 1024**2}
    figures["memory"] = bench.memory_kib(long)
    long.grow(EVERY // 2)
    figures["ratio_worst"] = bench.pairs(short, long, rounds)[2]
    figures["append"] = bench.append_ratio()
    return {"figures": {name: round(value, 3) for name, value in figures.items()}, "points": points}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 3000, 10_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--before", type=int, default=3, help="rounds by the entries alone")
    parser.add_argument("--minio", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="escrow-bench-") as folder,
        opened(Path(folder), on_minio=arguments.minio) as store,
    ):
        found = run(store, arguments.sizes, arguments.rounds, arguments.before)
    show(found["figures"], LIMITS, as_json=arguments.json, points=found["points"])
    if not arguments.json:
        for point in found["points"]:
            print(
                "{entries:>8} entries: {now:>9.1f} ms now, {before:>9.1f} ms by the entries".format(**point)
            )


if __name__ == "__main__":
    main()
