"""JSON logs: which route, what status, how long. Never a name, title, key, share, body or token.

A request's line names the route's pattern and not its path, and the code of a refusal and not its fields.
What gunicorn says is cut down too: its warnings quote what a peer sent, which may be the tail of somebody's
body.
"""

import json
import logging
import sys
from datetime import UTC, datetime

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class ServerFormatter(logging.Formatter):
    """What gunicorn logs, in the same shape. From warnings on, where it happened instead of what was said."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "event": "server",
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.levelno < logging.WARNING:
            said["message"] = record.getMessage()
        else:
            said["where"] = f"{record.module}:{record.lineno} {record.funcName}"
        if record.exc_info and record.exc_info[0] is not None:
            said["exception"] = record.exc_info[0].__name__
        return json.dumps(said)


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
