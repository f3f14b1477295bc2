"""The doctor's questions to this machine: open files, memory, versions of what everything rests on."""

import os
import platform
import resource
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

import escrow
from escrow.admin.finding import Finding, fault, ok, warning
from escrow.api.server import WORKER_CONNECTIONS
from escrow.config import MIB, S3Settings, Settings
from escrow.errors import SetupError
from escrow.service.uploads import largest_part
from escrow.store.s3_connection import CONNECTIONS

FILES_BESIDE: Final = 100
"""Of a worker: Python's own, logs, the listener, its poller, files that are being written."""
WORKER_BYTES: Final = 100 * MIB
"""A worker with boto3 and no case in memory, as measured, rounded up."""
STATEMENTS_AT_ONCE: Final = 3
"""A statement's bytes, what is parsed of them, and the entry that is made of it."""
SAFE_PYNACL: Final = (1, 6, 2)
"""Earlier ones take points with torsion for good ones."""
_PACKAGES: Final = ("pynacl", "cryptography", "joserfc", "gunicorn", "flask")
_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def look_at_machine(settings: Settings) -> Iterator[Finding]:
    yield _files(settings)
    yield from _memory(settings)
    yield from _versions(settings)


def _files(settings: Settings) -> Finding:
    """What a worker opens beyond the limit fails, in the middle of somebody's request."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    storage = CONNECTIONS if isinstance(settings.store, S3Settings) else 4 * settings.threads
    wanted = WORKER_CONNECTIONS + storage + FILES_BESIDE
    if limit != resource.RLIM_INFINITY and limit < wanted:
        return fault("machine", SetupError("doctor_files_limit", limit=limit, wanted=wanted))
    return ok("machine", f"a worker may open {limit} files, and needs at most {wanted}")


def _memory(settings: Settings) -> Iterator[Finding]:
    """If every thread is at its largest at once."""
    body = max(
        2 * largest_part(settings, settings.upload_bytes), STATEMENTS_AT_ONCE * settings.statement_bytes
    )
    wanted = settings.workers * (WORKER_BYTES + settings.threads * body) // MIB
    found = _available()
    facts = {"workers": settings.workers, "threads": settings.threads, "wanted_mib": wanted}
    if found is None:
        return
    if found // MIB < wanted:
        yield warning("machine", SetupError("doctor_memory_scarce", **facts, free_mib=found // MIB))
        return
    yield ok(
        "machine",
        f"{found // MIB} MiB of memory to be had; {settings.workers} workers with {settings.threads} threads"
        f" take at most about {wanted}",
    )


def _available() -> int | None:
    """Bytes that may still be had, of the machine and of the container; None where Linux does not say."""
    found: list[int] = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
    for file in _LIMITS:
        with suppress(OSError, ValueError):  # "max": no limit
            found.append(int(file.read_text()))
    return min(found, default=None)


def _versions(settings: Settings) -> Iterator[Finding]:
    packages = (*_PACKAGES, "boto3") if isinstance(settings.store, S3Settings) else _PACKAGES
    found = {name: version(name) for name in packages}
    numbers = tuple(int(part) for part in found["pynacl"].split(".")[:3] if part.isdigit())
    if numbers < SAFE_PYNACL:
        yield fault("versions", SetupError("doctor_pynacl_old", found=found["pynacl"]))
    told = ", ".join(f"{name} {number}" for name, number in found.items())
    yield ok("versions", f"escrow {escrow.__version__}, Python {platform.python_version()}, {told}")
    if os.geteuid() == 0:
        yield warning("machine", SetupError("doctor_root"))
