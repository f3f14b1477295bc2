"""What every store understands by "until then"."""

from datetime import datetime, timedelta

from escrow.errors import MalformedError


def whole_second(until: datetime) -> datetime:
    """Round up, to keep no less than was asked: S3 servers differ in what they keep below a second.

    MalformedError "retention_time_malformed" for a time that is not in UTC, not of this age, or
    has no next second.
    """
    if until.utcoffset() != timedelta(0) or until.year < 1000:
        raise MalformedError("retention_time_malformed", field="until")
    if not until.microsecond:
        return until
    try:
        return until.replace(microsecond=0) + timedelta(seconds=1)
    except OverflowError as error:
        raise MalformedError("retention_time_malformed", field="until") from error
