"""What `scripts/audit.py` costs: a whole bucket in one run, its memory, and how much of it is signatures.

    .venv/bin/python scripts/bench_parts/audit.py [--few 100] [--many 1000] [--length 50] [--minio] [--json]

A bucket of `few` cases is audited, filled up to `many`, and audited again; every case has fresh keys and all
kinds of entries. "memory" is the peak of the second run against the first's: 1.0 is memory that does not
grow. "signatures" is the audit's processor time against that of as many bare Ed25519 checks (two an entry,
one a ticket), timed over real entries, and of hashing as many payloads: how many times as long. The rest is
the proofs of dealings and shares, reading and replaying. `--minio` does it on a MinIO of its own, where most
of the time is boto3's calls, so that only memory has a limit.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from storage import minio
from told import show

from escrow.ledger import jws
from escrow.ledger.entry import MAX_ENTRY
from escrow.store import names
from escrow.store.interface import Bucket, Store
from escrow.store.opening import open_archive
from escrow.store.s3 import S3Store

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))
from support.build import SERVICE  # noqa: E402
from support.crowd import Put, Retain, crowd, folder_put  # noqa: E402

LIMITS = {"memory": ("<=", 1.2), "signatures": ("<=", 8.0)}
SAMPLE = 2000
"""Entries over whose bytes the bare checks are timed."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One audit, in a process of its own. `cpu` in seconds, `peak` in MiB."""

    summary: dict[str, float]
    wall: float
    cpu: float
    peak: float


MEASURED = """
import atexit, json, re, sys, time
from pathlib import Path

@atexit.register
def used():
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps({"cpu": time.process_time(), "peak": peak}), file=sys.stderr)

from escrow.cli.audit_script import main
main()
"""
"""The audit, saying at its end what it took. Its parent is told of a peak that may be the parent's own."""


def audit(where: list[str]) -> Run:
    words = [sys.executable, "-c", MEASURED, "--json", *where]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(done.stderr.decode())
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    if summary["warnings"]:
        sys.exit(f"the bucket is not sound: {summary}")
    return Run(summary=summary, wall=wall, **json.loads(done.stderr.splitlines()[-1]))


def fill(cases: int, length: int, put: Put, retain: Retain) -> None:
    for done, _ in enumerate(crowd(cases, length, put, retain), start=1):
        print(f"\rcase {done} of {cases}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def sample(store: Store) -> Iterator[bytes]:
    """Entries from the beginning of the ledger."""
    for name in store.names(Bucket.LEDGER, names.CASES, limit=1000):
        yield store.get(Bucket.LEDGER, name, limit=MAX_ENTRY)


def bare(store: Store, entries: float, records: float) -> float:
    """Processor seconds of the checks alone: two an entry, one a ticket, and SHA-256 of every payload."""
    key = Ed25519PublicKey.from_public_bytes(SERVICE.card.public)
    signed = [jws.UnverifiedJws.parse(raw.decode(), limit=MAX_ENTRY, field="entry") for raw in sample(store)]
    one = [(token.signature, token.signing_input) for token in signed]
    many = (one * (SAMPLE // len(one) + 1))[:SAMPLE]
    payload = os.urandom(4096)
    began = time.process_time()
    for signature, words in many:
        key.verify(signature, words)
    check = (time.process_time() - began) / SAMPLE
    began = time.process_time()
    for _ in range(SAMPLE):
        hashlib.sha256(payload).digest()
    return (2 * entries + records) * check + records * (time.process_time() - began) / SAMPLE


def run(stack: ExitStack, few: int, many: int, length: int, *, on_minio: bool) -> dict[str, float]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="escrow-bench-")))
    if on_minio:
        settings = stack.enter_context(minio(folder))
        remote = stack.enter_context(closing(S3Store(settings)))
        where = ["--credentials", str(folder / "credentials/audit.json")]
        os.environ["ESCROW_S3_ENDPOINT"] = settings.endpoint
        storage = replace(settings, credentials=folder / "credentials/audit.json")
        put: Put = remote.create
        retain: Retain = remote.retain
    else:
        where, storage = ["--store", str(folder)], folder
        put, retain = folder_put(folder)
    fill(few, length, put, retain)
    small = audit(where)
    fill(many - few, length, put, retain)
    large = audit(where)
    store = stack.enter_context(open_archive(storage)).store
    alone = bare(store, large.summary["entries"], large.summary["records"])
    return {
        "memory": large.peak / small.peak,
        "signatures": large.cpu / alone,
        "signatures_share": alone / large.cpu,
        "entries_per_s": large.summary["entries"] / large.wall,
        "entries": large.summary["entries"],
        "cases": large.summary["cases"],
        "wall_s": large.wall,
        "cpu_s": large.cpu,
        "peak_few_mib": small.peak,
        "peak_many_mib": large.peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--minio", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        figures = run(stack, arguments.few, arguments.many, arguments.length, on_minio=arguments.minio)
    limits = {name: limit for name, limit in LIMITS.items() if name == "memory" or not arguments.minio}
    figures = {name: round(value, 3) for name, value in figures.items()}
    show(figures, limits, as_json=arguments.json)


if __name__ == "__main__":
    main()
