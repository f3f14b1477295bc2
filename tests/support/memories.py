"""Another process's memory, for tests that hunt for secrets in it."""

import re
from collections.abc import Iterator
from pathlib import Path


def memory(pid: int) -> Iterator[bytes]:
    """Everything that a process can read of its own, region by region."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)", line)
            if found is None or found[3].startswith(("[vvar", "[vsyscall", "[vdso", "/")):
                continue
            start, stop = int(found[1], 16), int(found[2], 16)
            try:
                mem.seek(start)
                yield mem.read(stop - start)
            except OSError:
                continue  # a guard page
