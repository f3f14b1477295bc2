"""Dates as people type them on a command line. A time without a zone is refused: whose midnight it is
must be said.
"""

from datetime import UTC, date, datetime, time

import click


def read_date(text: str) -> datetime:
    """`2027-01-01` (its first instant in UTC), or RFC 3339 with an offset or Z; cut to milliseconds."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _read_time(text)
    return datetime.combine(day, time(), tzinfo=UTC)


def _read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("whose midnight?")
        moment = moment.astimezone(UTC)  # OverflowError beyond the years 1 to 9999
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{text!r} is no date; say 2027-01-01 (midnight UTC) or 2027-01-01T09:30+01:00"
        ) from error
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class DateType(click.ParamType[datetime]):
    """A click type over `read_date`."""

    name = "date"

    def convert(
        self, value: datetime | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        return value if isinstance(value, datetime) else read_date(value)
