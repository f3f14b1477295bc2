"""JSON logs: which route, what status, how long. Never a name, title, key, share, body or token.

A request's line names the route's pattern and not its path, and the code of a refusal and not its fields.
What gunicorn says is kept but for what a peer may have sent, which its warnings quote: that may be the tail
of somebody's body.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import structlog

import escrow
from escrow.config import Settings


def configure_logs() -> None:
    """Set structlog up for a service process: JSON to stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # a line and its end in one write: with PYTHONUNBUFFERED another worker's line would come in between
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def started(settings: Settings, metrics: str | None) -> dict[str, object]:
    """The facts of the line at the start. `metrics`: where they are served. No file's path, card or key."""
    s3 = None if isinstance(settings.store, Path) else settings.store
    return {
        "version": escrow.__version__,
        "public_url": settings.public_url,
        "bind": settings.bind,
        "metrics": metrics,
        "store": "folder" if s3 is None else "s3",
        "s3_endpoint": None if s3 is None else s3.endpoint,
        "s3_buckets": None if s3 is None else s3.buckets,
        "s3_lock": None if s3 is None else s3.lock,
        "convenors": None if settings.convenors is None else len(settings.convenors),
    } | {name: getattr(settings, name) for name in SAID_AT_START}


SAID_AT_START = (
    "workers", "threads", "statement_bytes", "upload_bytes", "drop_off_bytes", "part_bytes", "cached_cases",
    "cached_bytes",
    "slow_storage_s", "clock_behind_s", "socket_timeout_s", "body_deadline_s", "drain_s", "grace_s",
)  # fmt: skip
"""Settings that are said as they are: those by which a service behaves differently from another."""

FROM_PEERS = {"Error handling request %s %s", "Error handling request %s"}
"""gunicorn's templates whose values a peer has chosen: method and path."""
BAD_REQUEST = "Invalid request from ip="
"""How gunicorn begins the one message that it fills in before it logs it, with a piece of the request."""
FIXED = {
    "Error handling request",
    "Error handling request (no URI read)",
    "Exception in post_request hook",
    "Exception in worker process",
    "Socket error processing request.",
    "Unhandled exception in main loop",
}
"""What gunicorn says without values. Any other text without values may have been filled in already."""


class ServerFormatter(logging.Formatter):
    """What gunicorn logs, in the same shape. What other libraries warn of: where, and not what was said."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "event": "server",
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.name.startswith("gunicorn."):
            said["message"] = _message(record)
        else:
            said["where"] = f"{record.module}:{record.lineno} {record.funcName}"
        if record.exc_info and record.exc_info[0] is not None:
            said["exception"] = record.exc_info[0].__name__
        return json.dumps(said)


def _message(record: logging.LogRecord) -> str:
    """What happened, without what a peer sent."""
    template = str(record.msg)
    if record.levelno < logging.WARNING or (record.args and template not in FROM_PEERS):
        return record.getMessage()
    if template in FROM_PEERS:
        return "Error handling request"
    if template.startswith(BAD_REQUEST):
        return "Invalid request"
    return template if template in FIXED else "(not shown)"


GUNICORN_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": ServerFormatter}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    },
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
}
