"""What an operator reads of storage: calls that failed, were repeated or took long; races; payloads done.

Which bucket and which operation, and never a case, a name of an object, a key or a byte. A line that belongs
to a request carries its `request_id`.
"""

import structlog

from escrow.service.watching import PayloadCompleted
from escrow.store.interface import Outcome
from escrow.store.watching import AppendTried, S3Call, Seen, SnapshotIgnored, SnapshotKept

log = structlog.get_logger("escrow")


class StorageLog:
    """A `Watch`. `slow_s`: from how many seconds on a call is worth a line."""

    def __init__(self, slow_s: float) -> None:
        self._slow_s = slow_s

    def __call__(self, seen: Seen) -> None:
        match seen:
            case S3Call():
                self._call(seen)
            case AppendTried(outcome=Outcome.ALREADY_OTHER):
                log.info("append_conflict", attempt=seen.attempt)
            case PayloadCompleted(outcome="ok"):
                log.info("upload_completed", bytes=seen.bytes, ms=_ms(seen.seconds))
            case PayloadCompleted():
                log.warning("upload_not_completed", bytes=seen.bytes, reason=seen.outcome)
            case SnapshotIgnored():
                log.warning("snapshot_ignored", reason=seen.reason)
            case SnapshotKept(outcome="ok"):
                pass
            case SnapshotKept():
                log.warning("snapshot_not_kept", reason=seen.outcome)
            case _:
                pass

    def _call(self, call: S3Call) -> None:
        slow = call.seconds >= self._slow_s
        if not (call.failed or call.retries or slow):
            return
        say = log.warning if call.failed else log.info
        say(
            "storage_call",
            operation=call.operation,
            bucket=call.bucket.value,
            reason=call.outcome,
            retries=call.retries,
            slow=slow,
            ms=_ms(call.seconds),
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
