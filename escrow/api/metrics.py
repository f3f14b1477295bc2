"""What happened, as Prometheus metrics. The table in README.md says what each means and what to alert on.

Every label has few values, all written down in this program: patterns of routes, kinds of statements, codes.
A value that is none of them, which only a storage server or a peer can have chosen, is counted as "other". No
label ever holds a case, a name, a card, an address or a path.

Import this only where metrics are served: in which way prometheus-client keeps its values is settled when it
is imported (metrics_folder.py).
"""

import errno
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from escrow.api.limiting import ROOMS
from escrow.api.problems import HTTP_CODES, INTERNAL_ERROR
from escrow.api.watching import Answered, Limited, LongTransfers, Refused, RequestBegan, RequestOver, Sent
from escrow.model.deeds import DEEDS
from escrow.service.watching import PayloadCompleted, StatementPosted
from escrow.store.interface import Outcome
from escrow.store.watching import AppendTried, CaseReplayed, CasesKept, S3Call, Seen
from escrow.words import WORDS

OTHER: Final = "other"
REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 900)
"""From a read out of memory to a long part on a slow line, which `body_deadline_s` ends."""
S3_BUCKETS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
"""MinIO on the same machine answers in 2 ms, and completes a large upload in half a minute."""
ENTRIES_BUCKETS: Final = (1, 10, 100, 1000, 10_000, 100_000)

_ATTEMPTS: Final = {
    Outcome.CREATED: "created",
    Outcome.ALREADY_SAME: "already",
    Outcome.ALREADY_OTHER: "conflict",
}
_S3_OUTCOMES: Final = {
    **{
        reason: reason
        for reason in (
            "ok", "unreachable", "credentials_refused", "access_denied", "bucket_missing", "clock_differs",
            "certificate_refused", "credential_needed", "speaks_no_tls", "full", "write_conflict",
        )
    },
    "PreconditionFailed": "taken",
    "ConditionalRequestConflict": "write_conflict",
    "NoSuchKey": "missing",
    "NoSuchUpload": "missing",
    "InternalError": "server_error",
    "ServiceUnavailable": "server_error",
    "http_500": "server_error",
    "http_502": "server_error",
    "http_503": "server_error",
    "http_504": "server_error",
    "SlowDown": "slow_down",
    "SlowDownRead": "slow_down",
    "SlowDownWrite": "slow_down",
    "RequestTimeout": "unreachable",
}  # fmt: skip
"""What is counted for an outcome of `S3Call`."""
_REASONS: Final = {
    **_S3_OUTCOMES,
    **{name: name for name in errno.errorcode.values()},
    **{name: name for name in ("entry_missing", "entry_malformed", "entry_of_other_case")},
    "canary missing": "canary_missing",
    "canary differs": "canary_differs",
}
_CODES: Final = frozenset((*WORDS, *HTTP_CODES.values(), INTERNAL_ERROR))
_KINDS: Final = {typ: typ.removeprefix("escrow.").partition(".")[0] for typ in DEEDS}


class Metrics:
    """A `Watch`. `registry` None: values are kept in files, for a collector of another process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._of_door(registry)
        self._of_service(registry)
        self._of_storage(registry)
        self._hear: dict[type[Seen], Any] = {
            RequestBegan: self._began,
            RequestOver: self._over,
            Answered: self._answered,
            Sent: self._went_out,
            Refused: self._refused,
            Limited: self._was_limited,
            LongTransfers: self._long_transfers,
            StatementPosted: self._posted,
            PayloadCompleted: self._completed,
            AppendTried: self._tried,
            CaseReplayed: self._replayed,
            CasesKept: self._kept,
            S3Call: self._s3_call,
        }

        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """What is alerted on is there before it happens: Prometheus sees no rise in what was not there."""
        for code in ("service_busy", "append_conflict", INTERNAL_ERROR):
            self._problems.labels(code)
        for room in ROOMS:
            self._limited.labels(room)
        for outcome in _ATTEMPTS.values():
            self._attempts.labels(outcome)

    def __call__(self, seen: Seen) -> None:
        hear = self._hear.get(type(seen))
        if hear is not None:
            hear(seen)

    def worker_ended(self) -> None:
        """For the parent, which alone sees it."""
        self._workers_ended.inc()

    def _of_door(self, registry: CollectorRegistry | None) -> None:
        self._requests = Counter(
            "escrow_requests", "Requests answered", ("route", "method", "status"), registry=registry
        )
        self._request_seconds = Histogram(
            "escrow_request_seconds", "From a request's head to its answer's", ("route", "method"),
            buckets=REQUEST_BUCKETS, registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge(
            "escrow_requests_in_flight", "Requests being handled", multiprocess_mode="livesum",
            registry=registry,
        )  # fmt: skip
        self._problems = Counter("escrow_problems", "Problems answered", ("code",), registry=registry)
        self._limited = Counter(
            "escrow_limited", "Requests beyond a limit of use", ("room",), registry=registry
        )
        self._received = Counter("escrow_upload_bytes", "Bytes of payloads received", registry=registry)
        self._sent = Counter("escrow_download_bytes", "Bytes of payloads sent", registry=registry)
        self._transfers = Gauge(
            "escrow_long_transfers", "Long transfers under way", multiprocess_mode="livesum",
            registry=registry,
        )  # fmt: skip
        self._workers_ended = Counter("escrow_workers_ended", "Workers that ended", registry=registry)

    def _of_service(self, registry: CollectorRegistry | None) -> None:
        self._appends = Counter("escrow_appends", "Statements posted", ("kind", "outcome"), registry=registry)
        self._attempts = Counter(
            "escrow_append_attempts", "Attempts to write an entry", ("outcome",), registry=registry
        )
        self._uploads = Counter(
            "escrow_uploads_completed", "Payloads made whole", ("outcome",), registry=registry
        )
        self._cached = Gauge(
            "escrow_cached_cases", "Replayed cases in memory", multiprocess_mode="livesum", registry=registry
        )
        self._cold_loads = Histogram(
            "escrow_cold_load_entries", "Entries replayed for a case that was not in memory",
            buckets=ENTRIES_BUCKETS, registry=registry,
        )  # fmt: skip
        self._load_seconds = Counter(
            "escrow_replay_seconds", "Time spent on fetching and replaying entries", registry=registry
        )

    def _of_storage(self, registry: CollectorRegistry | None) -> None:
        self._s3_calls = Counter(
            "escrow_s3_calls", "Calls to the S3 server", ("operation", "bucket", "outcome"), registry=registry
        )
        self._s3_seconds = Histogram(
            "escrow_s3_call_seconds", "What a call to the S3 server took, retries included", ("operation",),
            buckets=S3_BUCKETS, registry=registry,
        )  # fmt: skip
        self._s3_retries = Counter(
            "escrow_s3_retries", "Calls that were sent again", ("operation",), registry=registry
        )
        self._clock = Gauge(
            "escrow_storage_clock_difference_seconds", "Our clock less the S3 server's",
            multiprocess_mode="livemostrecent", registry=registry,
        )  # fmt: skip
        self._storage_errors = Counter(
            "escrow_storage_errors", "Damage and failures of storage", ("code", "reason"), registry=registry
        )

    def _began(self, _: RequestBegan) -> None:
        self._in_flight.inc()

    def _over(self, _: RequestOver) -> None:
        self._in_flight.dec()

    def _answered(self, seen: Answered) -> None:
        route = seen.route or "unknown"
        self._requests.labels(route, seen.method, f"{seen.status // 100}xx").inc()
        self._request_seconds.labels(route, seen.method).observe(seen.seconds)
        if seen.received:
            self._received.inc(seen.received)

    def _went_out(self, seen: Sent) -> None:
        self._sent.inc(seen.bytes)

    def _refused(self, seen: Refused) -> None:
        code = seen.code if seen.code in _CODES else OTHER
        self._problems.labels(code).inc()
        if seen.damage:
            reason = "none" if seen.reason is None else _REASONS.get(seen.reason, OTHER)
            self._storage_errors.labels(code, reason).inc()

    def _was_limited(self, seen: Limited) -> None:
        self._limited.labels(seen.room).inc()

    def _long_transfers(self, seen: LongTransfers) -> None:
        self._transfers.inc(seen.change)

    def _posted(self, seen: StatementPosted) -> None:
        kind = "unreadable" if seen.kind is None else _KINDS.get(seen.kind, OTHER)
        self._appends.labels(kind, seen.outcome).inc()

    def _completed(self, seen: PayloadCompleted) -> None:
        self._uploads.labels(seen.outcome).inc()

    def _tried(self, seen: AppendTried) -> None:
        self._attempts.labels(_ATTEMPTS[seen.outcome]).inc()

    def _replayed(self, seen: CaseReplayed) -> None:
        self._load_seconds.inc(seen.seconds)
        if seen.cold:
            self._cold_loads.observe(seen.entries)

    def _kept(self, seen: CasesKept) -> None:
        self._cached.set(seen.cases)

    def _s3_call(self, seen: S3Call) -> None:
        outcome = _S3_OUTCOMES.get(seen.outcome, OTHER)
        self._s3_calls.labels(seen.operation, seen.bucket.value, outcome).inc()
        self._s3_seconds.labels(seen.operation).observe(seen.seconds)
        if seen.retries:
            self._s3_retries.labels(seen.operation).inc(seen.retries)
        if seen.clock_ahead_s is not None:
            self._clock.set(seen.clock_ahead_s)
