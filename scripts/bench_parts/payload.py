"""What sealing and opening a payload cost, as a share of what one thread's bare libsodium cipher reaches.

    .venv/bin/python scripts/bench_parts/payload.py [--rounds 5] [--mib 1024] [--json]

Each round times, one after the other: libsodium's cipher alone, in memory, on one chunk of the same size
over and over; sealing a file to a file and opening it again, on the disk of TMPDIR with a warm page cache,
SHA-256 and rename included, no fsync; a bare copy of the file; Debian's `age` doing what we do, without a
digest. The median over the rounds counts. Sealing and opening keep two cores busy where the cipher alone
needs one, so other work on the machine weighs on them twice: how many cores it took is printed, and loudly
when it matters. Memory is the peak of a fresh process above that of one that only starts Python.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from told import show

from escrow.crypto import aead
from escrow.crypto.payload import CHUNK, SealedPayload, open_file, seal_payload

LIMITS = {
    "seal": (">=", 0.8),
    "open": (">=", 0.8),
    "seal_rss_mib": ("<=", 64.0),
    "open_rss_mib": ("<=", 64.0),
}
MAX_OTHER_CORES = 0.2
MIB = 1024 * 1024
KEY = bytes(range(32))

# Not getrusage: its peak is inherited from the process that starts this one.
_PEAK = "\nprint(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
_SEAL = """
from escrow.crypto.payload import seal_payload
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as sink:
    seal_payload(source, sink, bytes(range(32)))
"""
_OPEN = """
from pathlib import Path
from escrow.crypto.payload import open_file
with open(sys.argv[1], "rb") as source:
    open_file(source, Path(sys.argv[2]), bytes(range(32)), plain_length=int(sys.argv[3]),
        sealed_length=int(sys.argv[4]), sha256=bytes.fromhex(sys.argv[5]))
"""


class Bench:
    """One plaintext file in a folder of its own, and every way to seal and open it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size, self.folder = size, folder
        self.plain, self.sealed, self.opened = (folder / name for name in ("plain", "sealed", "opened"))
        self.facts: SealedPayload | None = None
        with self.plain.open("wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
        self.age_key = folder / "age.key"
        self.has_age = shutil.which("age") is not None
        if self.has_age:
            subprocess.run(["age-keygen", "-o", self.age_key], check=True, capture_output=True)

    def cipher(self, *, opening: bool) -> None:
        plain, sealed = memoryview(bytearray(CHUNK)), memoryview(bytearray(CHUNK + aead.TAG_BYTES))
        aead.seal_into(sealed, KEY, aead.SINGLE_USE_NONCE, plain)
        for _ in range(self.size // CHUNK):
            if opening:
                aead.open_into(plain, KEY, aead.SINGLE_USE_NONCE, sealed)
            else:
                aead.seal_into(sealed, KEY, aead.SINGLE_USE_NONCE, plain)

    def copy(self) -> None:
        with self.plain.open("rb") as source, self.opened.open("wb") as sink:
            buffer = memoryview(bytearray(CHUNK))
            while count := source.readinto(buffer):
                sink.write(buffer[:count])

    def seal(self) -> None:
        part = self.folder / "sealed.part"
        with self.plain.open("rb") as source, part.open("wb") as sink:
            self.facts = seal_payload(source, sink, KEY)
        part.rename(self.sealed)

    def open(self) -> None:
        assert self.facts is not None
        with self.sealed.open("rb") as source:
            open_file(
                source,
                self.opened,
                KEY,
                plain_length=self.size,
                sealed_length=self.facts.length,
                sha256=self.facts.sha256,
            )

    def age(self, *, opening: bool) -> None:
        words: list[str | Path]
        if opening:
            words = ["--decrypt", "-i", self.age_key, "-o", self.opened, self.folder / "sealed.age"]
        else:
            words = ["-e", "-i", self.age_key, "-o", self.folder / "sealed.age", self.plain]
        subprocess.run(["age", *words], check=True)

    def seconds(self, work: Callable[[], None], *gone: Path) -> float:
        """Time one part. The files it makes are new."""
        for path in gone:
            path.unlink(missing_ok=True)
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def round(self) -> dict[str, float]:
        spent = {
            "cipher_seal": self.seconds(lambda: self.cipher(opening=False)),
            "seal": self.seconds(self.seal, self.sealed),
            "cipher_open": self.seconds(lambda: self.cipher(opening=True)),
            "open": self.seconds(self.open, self.opened),
            "copy": self.seconds(self.copy, self.opened),
        }
        if self.has_age:
            spent["age_seal"] = self.seconds(lambda: self.age(opening=False), self.folder / "sealed.age")
            spent["age_open"] = self.seconds(lambda: self.age(opening=True), self.opened)
        return spent

    def peaks(self) -> dict[str, float]:
        """Peak memory in MiB above a process that only starts Python."""
        self.seal()
        assert self.facts is not None
        self.opened.unlink(missing_ok=True)
        idle = _peak("")
        seal = _peak(_SEAL, self.plain, self.folder / "sealed.again")
        opening = _peak(
            _OPEN, self.sealed, self.opened, self.size, self.facts.length, self.facts.sha256.hex()
        )
        return {"seal_rss_mib": (seal - idle) / 1024, "open_rss_mib": (opening - idle) / 1024}


def _peak(code: str, *arguments: object) -> int:
    words = [sys.executable, "-c", "import sys" + code + _PEAK, *map(str, arguments)]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def cpu_seconds() -> tuple[float, float]:
    """CPU time that the whole machine and this process with its children have used so far."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    own = os.times()
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks, sum(own[:4])


def run(bench: Bench, rounds: int) -> dict[str, float]:
    taken = []
    start, (machine, own) = time.perf_counter(), cpu_seconds()
    for done in range(rounds):
        print(f"\rround {done + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        taken.append(bench.round())
    print(file=sys.stderr)
    elapsed, (machine_after, own_after) = time.perf_counter() - start, cpu_seconds()
    others = ((machine_after - machine) - (own_after - own)) / elapsed
    if others > MAX_OTHER_CORES:
        print(
            f"OTHER WORK TOOK {others:.1f} CORES: sealing and opening look slower than they are",
            file=sys.stderr,
        )
    floors = {
        kind: f"cipher_{kind.removeprefix('age_')}" for kind in ("seal", "open", "age_seal", "age_open")
    }
    figures = {
        name: statistics.median(spent[floor] / spent[name] for spent in taken)
        for name, floor in floors.items()
        if name in taken[0]
    }
    rates = {
        f"{name}_mib_s": bench.size / MIB / statistics.median(s[name] for s in taken) for name in taken[0]
    }
    return {
        name: round(value, 3)
        for name, value in {**figures, **bench.peaks(), **rates, "other_cores": others}.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="escrow-bench-") as folder:
        bench = Bench(Path(folder), arguments.mib * MIB)
        if not bench.has_age:
            print("NO COMPARISON WITH age: it is not installed (apt-get install age)", file=sys.stderr)
        figures = run(bench, arguments.rounds)
    show(figures, LIMITS, as_json=arguments.json, age=bench.has_age)


if __name__ == "__main__":
    main()
