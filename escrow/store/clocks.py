"""Two clocks that must agree: a machine's, by which it judges and marks, and its storage's, by which what
others wrote is dated.
"""

from datetime import datetime, timedelta
from typing import Final

from escrow.errors import SetupError

MAX_CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
"""A third of what S3 servers bear before they refuse every call."""


def require_clock(storage: datetime, own: datetime) -> None:
    """What the two say now, aware. SetupError `clocks_differ` (seconds): by one, dates mean nothing."""
    apart = abs(storage - own)
    if apart > MAX_CLOCK_DIFFERENCE:
        raise SetupError("clocks_differ", seconds=int(apart.total_seconds()))
