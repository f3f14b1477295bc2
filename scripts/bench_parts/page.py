"""Make infra/guides/speed.md and its plots of the figures that `scripts/bench --keep` has kept.

    .venv/bin/python scripts/bench_parts/page.py

Nothing is measured here, so the same figures give the same bytes; scripts/generate calls it.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from keep import KEPT, PLOTS
from plot import Line, Picture, plot

Found = dict[str, Any]
Promise = tuple[str, str, str]

PROMISES: tuple[Promise, ...] = (
    ("storage", "deposit", "A deposit in one body: how fast, boto3's own upload of the file being 1"),
    ("storage", "presigned", "The same straight to the storage's addresses, before the statement"),
    ("storage", "sign_off", "A sign-off: how many times as long as a bare create-only put of 1 KiB"),
    ("storage", "memory_mib", "MiB that a worker grows by with four uploads in one body at once"),
    (
        "crypto",
        "verify",
        "Verifying a dealing, against libsodium's bare calls, at the worst of 4 to 128 seats",
    ),
    ("crypto", "deal", "Dealing a key over the seats, against the same"),
    ("crypto", "deal+prove", "Dealing with its proof"),
    ("crypto", "release", "A release: *k* seats answer, the reader checks and combines"),
    ("payload", "seal", "Sealing a file: how fast, one thread's bare cipher being 1"),
    ("payload", "open", "Opening it again"),
    ("payload", "seal_rss_mib", "MiB that sealing takes above Python itself"),
    ("payload", "open_rss_mib", "MiB that opening takes above Python itself"),
    ("ledger", "append", "An entry of a case of 10,000, against one of a case of 100"),
    ("ledger", "read", "A look at it"),
    ("ledger", "page", "Its last fifty entries"),
    ("lists", "cases", "A page of 100 cases among 10,000, against among 100"),
    ("lists", "inbox", "A page of the inbox among as many"),
    ("lists", "cold", "A page of cases that the worker has not in memory"),
    ("cold", "ratio", "The first answer of a process about 10,000 entries, against about 100"),
    ("cold", "ratio_worst", "The same when the next snapshot is just not due"),
    ("cold", "append", "An append with its share of snapshots, against one without"),
    ("cold-minio", "ratio", "The first answer on MinIO about a long case, against a short one"),
    ("cold-minio", "ratio_worst", "The same when the next snapshot is just not due"),
    ("cold-minio", "append", "An append on MinIO with its share of snapshots, against one without"),
    ("audit", "memory", "Memory of an audit of ten times as many cases"),
    ("audit", "signatures", "An audit's processor time, against that of its bare signatures and digests"),
)
"""The part of the bench, the figure, and what it says. Its limit is kept with it."""

HEAD = """# How fast, and how much memory

Every promise is a ratio, or a size of memory, and none is a time: machines differ, ratios hardly do. Ours is
measured against the bare library or a peer in the same run, in turns, and the median counts. Milliseconds in
the plots are those of the machine at the foot of this page, and worse where others were at work on it.

`scripts/bench --keep` measures everything anew into [plots](plots), `scripts/generate` makes this page and
its pictures of what it kept, and `scripts/bench --help` says what each part measures.

"""


def load() -> dict[str, Found]:
    missing = [name for name in KEPT if not (PLOTS / f"{name}.json").exists()]
    if missing:
        sys.exit(
            f"page: not measured yet: {', '.join(missing)}. Run scripts/bench --keep {' '.join(missing)}"
        )
    return {name: json.loads((PLOTS / f"{name}.json").read_text()) for name in KEPT}


def table(kept: dict[str, Found]) -> str:
    told = {(part, figure) for part, figure, _ in PROMISES}
    limits = {(part, figure) for part, found in kept.items() for figure in found["limits"]}
    if told != limits:
        sys.exit(f"page: promised and not told, or told and not promised: {sorted(told ^ limits)}")
    rows = ["| what | promised | measured | |", "|---|---|---|---|"]
    for part, figure, words in PROMISES:
        way, limit = kept[part]["limits"][figure]
        value = kept[part]["figures"][figure]
        holds = value <= limit if way == "<=" else value >= limit
        bound = f"at {'most' if way == '<=' else 'least'} {limit:g}"
        rows.append(f"| {words} | {bound} | {value:.2f} | {'' if holds else '**missed**'} |")
    return "\n".join(rows) + "\n"


def runs(kept: dict[str, Found]) -> str:
    """How each was measured. A load far above zero says that others were at work."""
    rows = ["| command | day | took | load before | machine |", "|---|---|---|---|---|"]
    rows += [
        "| `{command}` | {day} | {seconds} s | {load} | {machine} |".format(**found)
        for found in kept.values()
    ]
    return "\n".join(rows) + "\n"


def points(rows: Sequence[Found], across: str, up: str) -> Line:
    return [(row[across], row[up]) for row in rows]


def pictures(kept: dict[str, Found]) -> dict[str, Picture]:
    storage, lists, crypto = kept["storage"]["points"], kept["lists"]["points"], kept["crypto"]["points"]
    cold = {where: kept[part]["points"] for where, part in (("folder", "cold"), ("MinIO", "cold-minio"))}
    return {
        "deposit": Picture(
            title="A deposit against boto3 on the same MinIO",
            across="MiB of the document", up="speed", powers="x",
            lines={
                "to the storage's addresses": points(storage["deposits"], "mib", "presigned"),
                "the same, with its statement": points(storage["deposits"], "mib", "presigned_deposit"),
                "in one body, with its statement": points(storage["deposits"], "mib", "deposit"),
            },
            marks={"boto3": 1.0},
        ),
        "sign-off": Picture(
            title="A sign-off against a bare put of 1 KiB",
            across="per cent of them were done by then", up="ms", powers="",
            lines={
                "sign-off": points(storage["sign_offs"], "share", "sign_off_ms"),
                "bare put": points(storage["sign_offs"], "share", "bare_put_ms"),
            },
        ),
        "memory": Picture(
            title="A worker's memory above idle",
            across="uploads at once", up="MiB", powers="",
            lines={"uploads in one body": points(storage["memory"], "uploads", "memory_mib")},
            marks={"promised for four": kept["storage"]["limits"]["memory_mib"][1]},
        ),
        "verification": Picture(
            title="Verifying a dealing against libsodium",
            across="seats", up="ms",
            lines={
                "verified, decoding included": points(crypto, "seats", "verify_ms"),
                "libsodium's bare calls": points(crypto, "seats", "verify_floor_ms"),
            },
        ),
        "lists": Picture(
            title="A page of 100, among very many cases",
            across="cases of the card", up="ms",
            lines={
                "cases not in memory": points(lists, "cases_on_card", "cold_ms"),
                "inbox": points(lists, "cases_on_card", "inbox_ms"),
                "cases": points(lists, "cases_on_card", "cases_ms"),
            },
        ),
        "cold-start": Picture(
            title="First answer of a process that has just started",
            across="entries in the case", up="ms",
            lines={
                f"{where}, {words}": points(rows, "entries", key)
                for where, rows in cold.items()
                for key, words in (("before", "by the entries"), ("now", "with snapshots"))
            },
        ),
    }  # fmt: skip


def main() -> None:
    kept = load()
    drawn = pictures(kept)
    for name, picture in drawn.items():
        (PLOTS / f"{name}.svg").write_text(plot(picture))
    shown = "\n".join(f"![{one.title}](plots/{name}.svg)\n" for name, one in drawn.items())
    page = f"{HEAD}{table(kept)}\n{shown}\n## Measured by\n\n{runs(kept)}"
    (PLOTS.parent / "speed.md").write_text(page)


if __name__ == "__main__":
    main()
