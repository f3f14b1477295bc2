"""The one place of this room that reads the system's clock; everybody else is handed it."""

from datetime import UTC, datetime


def now_utc() -> datetime:
    """Now, aware UTC."""
    return datetime.now(UTC)
