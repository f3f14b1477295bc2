"""Measure all that is promised, and keep the figures of which infra/guides/speed.md is made.

    scripts/bench --keep [PART ...]

Writes infra/guides/plots/PART.json: what was measured, by which command, on which machine, and how busy that
was before. Takes about ten minutes on two idle cores. Then scripts/generate makes the page and its plots.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLOTS = HERE.parents[1] / "infra/guides/plots"

KEPT = {
    "crypto": "crypto --rounds 9",
    "payload": "payload --mib 512 --rounds 5",
    "ledger": "ledger --rounds 200",
    "lists": "lists --rounds 10",
    "cold": "cold --before 1 --rounds 5",
    "cold-minio": "cold --minio --sizes 100 500 2000 --before 1 --rounds 5",
    "storage": "storage --mib 16 64 256 --rounds 4",
    "audit": "audit --few 30 --many 300",
}
"""Of each file's name: the part and its options. Smaller than a part's own, where that measures the same."""


def machine() -> str:
    """Its processor, cores, memory and Python."""
    model = re.search(r"(?m)^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text())
    name = model[1] if model else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def measure(name: str) -> dict[str, Any]:
    part, *options = KEPT[name].split()
    busy, began = os.getloadavg()[0], time.perf_counter()
    done = subprocess.run(
        [sys.executable, HERE / f"{part}.py", *options, "--json"], stdout=subprocess.PIPE, check=True
    )
    return {
        "command": f"scripts/bench {KEPT[name]}",
        "machine": machine(),
        "load": round(busy, 1),
        "day": datetime.now(UTC).date().isoformat(),
        "seconds": round(time.perf_counter() - began),
    } | json.loads(done.stdout)


def main() -> None:
    names = sys.argv[1:] or list(KEPT)
    if unknown := set(names) - set(KEPT):
        sys.exit(f"bench: no part is called {', '.join(sorted(unknown))}; there are {', '.join(KEPT)}")
    PLOTS.mkdir(exist_ok=True)
    for name in names:
        found = measure(name)
        (PLOTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name}: {found['seconds']} s, kept in infra/guides/plots/{name}.json", file=sys.stderr)
    print("scripts/generate makes the page and its plots of it", file=sys.stderr)


if __name__ == "__main__":
    main()
