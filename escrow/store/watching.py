"""What the store room tells whoever listens: one small object for each thing that happened, and no more.

A `Watch` is a function of one argument. It is called where the thing happened, in the thread that did it, so
it must be quick and raise nothing. Nothing that is told holds a case, a name of an object, a card or a key:
what listens may print all of it. Who listens, and what becomes of it, is the door's business
(escrow/api/watching.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

from escrow.store.interface import Bucket, Outcome


class Seen:
    """Something that happened. Every room has its own kinds."""

    __slots__ = ()


Watch = Callable[[Seen], None]


def nobody(_: Seen) -> None:
    """The watch where nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Call(Seen):
    """One call as it went. `operation`: boto3's name of it. `outcome`: "ok", a server's code, or a reason.

    `failed`: not "ok", and nothing that the caller had reckoned with. `retries`: how often boto3 tried again
    by itself. `seconds`: all of that together. `clock_ahead_s`: by how much our clock is ahead of the
    server's, true to a second, where that was looked at.
    """

    bucket: Bucket
    operation: str
    outcome: str
    seconds: float
    retries: int
    failed: bool = False
    clock_ahead_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendTried(Seen):
    """An append wrote its entry (attempt 1 is the first). ALREADY_OTHER: another writer was there first."""

    attempt: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReplayed(Seen):
    """Entries were fetched and replayed. `cold`: nothing of the case was in memory; a snapshot may have been
    there, and then these are the entries after it.
    """

    entries: int
    cold: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotIgnored(Seen):
    """A snapshot was of no use, so an older one or the entries are. `reason`: a code."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotKept(Seen):
    """A snapshot of `bytes` was written. `outcome`: "ok", or why it was not; 0 bytes: it was not made."""

    outcome: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesKept(Seen):
    """How many replayed cases are in memory now."""

    cases: int
