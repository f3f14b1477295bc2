"""A store that fails at its n-th operation: what a service must survive, wherever it strikes.

    FaultyStore(inner, kill_at=3, when=When.AFTER, mode=Mode.SIGKILL)

lets two operations through, lets the third take effect, and kills the process before the caller hears of it.
Run once with `kill_at=NEVER` and read `calls` to learn how many operations a deed makes; then strike at each
of them, before and after, restart on the inner store, and audit.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import BinaryIO, Final, TypeVar

from escrow.errors import UnavailableError
from escrow.store.interface import (
    MAX_PAGE,
    Bucket,
    Outcome,
    PartReceipt,
    Store,
    StoredPayload,
    UploadPlan,
)

NEVER: Final = 0
_T = TypeVar("_T")


class When(Enum):
    """Whether the fatal operation takes effect."""

    BEFORE = "before"
    AFTER = "after"


class Mode(Enum):
    """How it fails.

    SIGKILL: this process dies. CRASH: the same, played within a test: `Crashed` is raised by this call and
    by every later one, and no `except Exception` stops it. UNAVAILABLE: storage fails this once.
    """

    SIGKILL = "sigkill"
    CRASH = "crash"
    UNAVAILABLE = "unavailable"


class Crashed(BaseException):
    """The process is dead: it makes no further store call."""


class FaultyStore:
    """Passes everything on to `inner`, except at operation number `kill_at`, counted from 1."""

    def __init__(
        self, inner: Store, *, kill_at: int, when: When = When.BEFORE, mode: Mode = Mode.CRASH
    ) -> None:
        self._inner = inner
        self._kill_at = kill_at
        self._when = when
        self._mode = mode
        self._lock = threading.Lock()
        self._dead = False
        self.calls: list[str] = []

    def check(self) -> None:
        self._pass_on("check", self._inner.check)

    def create(self, bucket: Bucket, name: str, data: bytes) -> Outcome:
        return self._pass_on("create", lambda: self._inner.create(bucket, name, data))

    def get(self, bucket: Bucket, name: str, *, limit: int) -> bytes:
        return self._pass_on("get", lambda: self._inner.get(bucket, name, limit=limit))

    def names(self, bucket: Bucket, prefix: str, *, after: str = "", limit: int = MAX_PAGE) -> list[str]:
        return self._pass_on("names", lambda: self._inner.names(bucket, prefix, after=after, limit=limit))

    def begin_upload(self, name: str, plan: UploadPlan) -> None:
        self._pass_on("begin_upload", lambda: self._inner.begin_upload(name, plan))

    def upload_plan(self, name: str) -> UploadPlan:
        return self._pass_on("upload_plan", lambda: self._inner.upload_plan(name))

    def put_part(self, name: str, number: int, body: BinaryIO) -> PartReceipt:
        return self._pass_on("put_part", lambda: self._inner.put_part(name, number, body))

    def put_payload(self, name: str, body: BinaryIO, *, sha256: str | None = None) -> StoredPayload:
        return self._pass_on("put_payload", lambda: self._inner.put_payload(name, body, sha256=sha256))

    def part_addresses(self, name: str, numbers: Sequence[int], *, valid_s: int) -> list[str] | None:
        return self._pass_on(
            "part_addresses", lambda: self._inner.part_addresses(name, numbers, valid_s=valid_s)
        )

    def parts(self, name: str) -> list[PartReceipt]:
        return self._pass_on("parts", lambda: self._inner.parts(name))

    def complete_upload(self, name: str) -> StoredPayload:
        return self._pass_on("complete_upload", lambda: self._inner.complete_upload(name))

    def payload(self, name: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return self._pass_on("payload", lambda: self._inner.payload(name, start=start, stop=stop))

    def payload_length(self, name: str) -> int:
        return self._pass_on("payload_length", lambda: self._inner.payload_length(name))

    def retain(self, name: str, until: datetime) -> None:
        self._pass_on("retain", lambda: self._inner.retain(name, until))

    def retention(self, name: str) -> datetime | None:
        return self._pass_on("retention", lambda: self._inner.retention(name))

    def _pass_on(self, call: str, deed: Callable[[], _T]) -> _T:
        fatal = self._count(call)
        if fatal and self._when is When.BEFORE:
            self._strike()
        answer = deed()
        if fatal:
            self._strike()
        return answer

    def _count(self, call: str) -> bool:
        with self._lock:
            if self._dead:
                raise Crashed(call)
            self.calls.append(call)
            return len(self.calls) == self._kill_at

    def _strike(self) -> None:
        if self._mode is Mode.UNAVAILABLE:
            raise UnavailableError("storage_failed", reason="injected")
        if self._mode is Mode.SIGKILL:
            os.kill(os.getpid(), signal.SIGKILL)
        self._dead = True
        raise Crashed(self.calls[self._kill_at - 1])
