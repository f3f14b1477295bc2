"""What MinIO behind the service costs, as ratios to boto3 on the same MinIO in the same run.

    .venv/bin/python scripts/bench_parts/storage.py [--mib 16 64 512] [--rounds 7] [--sign-offs 40] [--json]

"deposit" is the SDK's upload of an already sealed file to a real `escrow serve` in one body, and its
statement with the receipt, against `upload_file` of the same file: how fast ours is, 1.0 being as fast.
"presigned" is the upload to the storage's own addresses, before the statement; "presigned_deposit" has the
statement too, for which the service reads everything back ("read_back_s"). "store" is the store's
`put_payload` alone, without HTTP. "memory_mib" is how far the worker is above idle with four uploads in one
body at once, after one and two; idle is after deposits one by one. "sign_off" is a prepared sign-off over one
kept connection against a bare create-only put of 1 KiB: how many times as long.
Everything is measured in pairs, now ours first and now boto3; the median of the pairs' ratios counts.
"""

import argparse
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from told import show

from escrow.admin.minio_program import find_program, run_minio
from escrow.admin.minio_setup import set_up
from escrow.client import CharterDraft, HttpCourier, Identity, Memory, PathChoice, Session
from escrow.client.courier import ServiceInfo
from escrow.config import S3Settings
from escrow.store import names
from escrow.store.interface import MIB, Bucket, UploadPlan
from escrow.store.s3 import S3Store
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_credentials import write_credentials

REPOSITORY = Path(__file__).resolve().parents[2]
LIMITS = {
    "deposit": (">=", 0.65),
    "presigned": (">=", 0.9),
    "memory_mib": ("<=", 100.0),
    "sign_off": ("<=", 5.0),
}
AT_ONCE = (1, 2, 4, 8)
"""Uploads in one body at once; the promise is for four of them."""
PROMISED_AT_ONCE = 4
SHARES = (5, 25, 50, 75, 95)
"""Of a hundred sign-offs, how many were done by then."""
SEATS = ("claimant", "respondent", "mediator")


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class OneBody(HttpCourier):
    """Makes no use of addresses, as if the service had none."""

    def service(self) -> ServiceInfo:
        return replace(super().service(), uploads=("parts", "payload"))


class Pairs:
    """Seconds of ours and of boto3's, in pairs."""

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.bare: list[float] = []

    def measure(self, ours: Callable[[], object], bare: Callable[[], object]) -> None:
        """The first of one pair is the second of the next, so that what warms up or wears out is shared."""
        if len(self.ours) % 2:
            self.bare.append(seconds(bare))
            self.ours.append(seconds(ours))
        else:
            self.ours.append(seconds(ours))
            self.bare.append(seconds(bare))

    @property
    def speed(self) -> float:
        """How fast ours is, boto3 being 1."""
        return statistics.median(bare / ours for ours, bare in zip(self.ours, self.bare, strict=True))

    @property
    def times(self) -> float:
        """How often as long as boto3 ours takes."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


class Bench:
    """A service on a MinIO, and a case whose three seats have accepted."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        self.settings = stack.enter_context(minio(folder))
        self.line = stack.enter_context(closing(S3Connection(self.settings)))
        self.store = stack.enter_context(closing(S3Store(self.settings)))
        self.url, self.worker = stack.enter_context(service(folder, self.settings))
        self.people = {seat: self.session(seat) for seat in SEATS}
        seats = "\n".join(f'{seat} = "{who.card}"' for seat, who in self.people.items())
        opener = self.people["claimant"]
        self.case = opener.open_case(CharterDraft.from_toml(CHARTER.format(seats=seats))).case
        invitations = opener.invitations(self.case)
        for seat, who in self.people.items():
            shown = who.join(invitations[seat])
            who.accept(self.case, shown.charter.proposal)

    def session(self, name: str) -> Session:
        identity = Identity.generate()
        return Session(identity, OneBody(self.url, identity), Memory(self.folder / "homes" / name))

    def by_addresses(self, name: str) -> Session:
        """The same party, by a line that makes use of the storage's own addresses."""
        who = self.people[name]
        return Session(who.identity, HttpCourier(self.url, who.identity), who.memory)

    def sealed(self, source: Path) -> tuple[Any, Path]:
        """A deposit that only needs to be sent."""
        sealed = self.folder / f"sealed-{secrets.token_hex(4)}"
        path = [PathChoice(name="memo")]
        who = self.people["claimant"]
        return who.prepare_deposit(self.case, source, path, title="t", label="l", sealed=sealed), sealed

    def deposit(self, posting: Any, sealed: Path) -> None:
        who = self.people["claimant"]
        who.upload(posting, sealed, fresh=True)
        who.send(posting)

    def upload_file(self, sealed: Path) -> None:
        name = names.payload(self.case, secrets.token_hex(16))
        self.line.client.upload_file(str(sealed), self.line.bucket(Bucket.RECORDS), name)

    def put_payload(self, sealed: Path) -> None:
        name = names.payload(self.case, secrets.token_hex(16))
        self.store.begin_upload(name, UploadPlan(length=sealed.stat().st_size, part_size=8 * MIB))
        with sealed.open("rb") as source:
            self.store.put_payload(name, source)


CHARTER = """
title = "t"
rules = "r"
retention_days = 1
deadlock = "stay-sealed"
visibility = "dark"
[seats]
{seats}
[paths.memo]
policy = "2 of (claimant, respondent, mediator)"
audience = "public"
"""


@contextmanager
def minio(folder: Path) -> Iterator[S3Settings]:
    program = find_program("minio", REPOSITORY / ".cache/bin", say=lambda line: print(line, file=sys.stderr))
    with run_minio(program, folder / "minio", folder / "minio.log") as server:
        write_credentials(folder / "root.json", server.root)
        root = S3Settings(endpoint=server.endpoint, credentials=folder / "root.json")
        for _ in set_up(root, policies=REPOSITORY / "infra/policies", credentials=folder / "credentials"):
            pass
        yield S3Settings(endpoint=server.endpoint, credentials=folder / "credentials/service.json")


@contextmanager
def service(folder: Path, settings: S3Settings) -> Iterator[tuple[str, int]]:
    """`escrow serve` with one worker; its URL, and the worker's process."""
    escrow = str(Path(sys.executable).with_name("escrow"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    words = ["--s3-endpoint", settings.endpoint, "--s3-public-endpoint", settings.endpoint]
    words += ["--s3-credentials", str(settings.credentials)]
    subprocess.run([escrow, "service", "init", str(folder / "service"), "--bind", bind, *words],
                   check=True, capture_output=True)  # fmt: skip
    with (folder / "service/service.toml").open("a") as toml:
        toml.write("workers = 1\ndrain_s = 0\n")
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen([escrow, "serve", str(folder / "service")], stdout=log, stderr=log)
    try:
        url = f"http://{bind}"
        while not ready(url):
            if process.poll() is not None:
                sys.exit((folder / "service.log").read_text())
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield url, int(children[0])
    finally:
        process.terminate()
        process.wait()


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def resident_mib(pid: int) -> float:
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith("VmRSS:"):
            return int(row.split()[1]) / 1024
    raise ProcessLookupError(pid)


def memory(bench: Bench, source: Path) -> list[dict[str, float]]:
    """MiB that the worker is above idle while so many deposits come in."""
    idle = resident_mib(bench.worker)
    return [{"uploads": n, "memory_mib": round(peak(bench, source, n) - idle, 1)} for n in AT_ONCE]


def peak(bench: Bench, source: Path, at_once: int) -> float:
    """The worker's MiB at most, while so many deposits come in."""
    ready_to_send = [bench.sealed(source) for _ in range(at_once)]
    threads = [
        threading.Thread(target=bench.people["claimant"].upload, args=deposit, kwargs={"fresh": True})
        for deposit in ready_to_send
    ]
    for thread in threads:
        thread.start()
    most = 0.0
    while any(thread.is_alive() for thread in threads):
        most = max(most, resident_mib(bench.worker))
        time.sleep(0.01)
    for _, sealed in ready_to_send:
        sealed.unlink()
    return most


def sign_offs(bench: Bench, source: Path, count: int) -> Pairs:
    """Prepared sign-offs, and bare create-only puts."""
    posting, sealed = bench.sealed(source)
    bench.deposit(posting, sealed)
    claimant = bench.people["claimant"]
    (record, *_) = claimant.records(bench.case)
    pairs = Pairs()
    bucket, data = bench.line.bucket(Bucket.RECORDS), secrets.token_bytes(1024)
    for _ in range(count):
        request = claimant.request(bench.case, record.record, "memo", [], "p").statement
        prepared = claimant.prepare_sign_off(bench.case, request)
        put = partial(bench.line.client.put_object, Bucket=bucket, Body=data, IfNoneMatch="*")
        name = names.share(bench.case, secrets.token_hex(32))
        pairs.measure(partial(claimant.send, prepared), partial(put, Key=name))
    return pairs


def deposits(bench: Bench, source: Path, rounds: int) -> dict[str, float]:
    """All ways of a large deposit."""
    ways = {name: Pairs() for name in ("deposit", "presigned", "presigned_deposit", "store")}
    read_back: list[float] = []
    direct = bench.by_addresses("claimant")
    for _ in range(rounds):
        posting, sealed = bench.sealed(source)
        bare = partial(bench.upload_file, sealed)
        ways["deposit"].measure(partial(bench.deposit, posting, sealed), bare)
        ways["store"].measure(partial(bench.put_payload, sealed), bare)
        sealed.unlink()
        posting, sealed = bench.sealed(source)
        sent = ways["presigned"]
        sent.measure(partial(direct.upload, posting, sealed, fresh=True), partial(bench.upload_file, sealed))
        read_back.append(seconds(partial(direct.send, posting)))
        ways["presigned_deposit"].ours.append(sent.ours[-1] + read_back[-1])
        ways["presigned_deposit"].bare.append(sent.bare[-1])
        sealed.unlink()
    found = {name: pairs.speed for name, pairs in ways.items()}
    found |= {f"{name}_s": statistics.median(pairs.ours) for name, pairs in ways.items()}
    boto3 = [one for pairs in ways.values() for one in pairs.bare]
    return found | {"read_back_s": statistics.median(read_back), "upload_file_s": statistics.median(boto3)}


def document(folder: Path, mib: int) -> Path:
    source = folder / f"document-{mib}"
    with source.open("wb") as sink:
        for _ in range(mib):
            sink.write(secrets.token_bytes(MIB))
    return source


def shares(seconds_each: list[float]) -> list[float]:
    """Milliseconds in which that share of them was done, in the order of SHARES."""
    ordered = sorted(seconds_each)
    return [round(1000 * ordered[share * len(ordered) // 100], 2) for share in SHARES]


def run(folder: Path, sizes: list[int], rounds: int, count: int) -> tuple[dict[str, float], dict[str, Any]]:
    """The figures of the longest document, and the points of all plots."""
    small = folder / "small"
    small.write_bytes(secrets.token_bytes(1000))
    with ExitStack() as stack:
        bench = Bench(stack, folder)
        by_size = {mib: deposits(bench, document(folder, mib), rounds) for mib in sizes}
        grown = memory(bench, folder / f"document-{sizes[-1]}")
        signed = sign_offs(bench, small, count)
    figures = by_size[sizes[-1]] | {
        "memory_mib": next(one["memory_mib"] for one in grown if one["uploads"] == PROMISED_AT_ONCE),
        "sign_off": signed.times,
        "sign_off_ms": 1000 * statistics.median(signed.ours),
        "bare_put_ms": 1000 * statistics.median(signed.bare),
    }
    points = {
        "deposits": [
            {"mib": mib} | {name: round(value, 3) for name, value in found.items()}
            for mib, found in by_size.items()
        ],
        "memory": grown,
        "sign_offs": [
            {"share": share, "sign_off_ms": ours, "bare_put_ms": bare}
            for share, ours, bare in zip(SHARES, shares(signed.ours), shares(signed.bare), strict=True)
        ],
    }
    return {name: round(value, 3) for name, value in figures.items()}, points


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--mib", type=int, nargs="+", default=[16, 64, 512])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sign-offs", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="escrow-bench-") as folder:
        figures, points = run(Path(folder), arguments.mib, arguments.rounds, arguments.sign_offs)
    show(figures, LIMITS, as_json=arguments.json, points=points)


if __name__ == "__main__":
    main()
