"""Times in answers of S3 servers: ours reads them as boto3's own reader does, only without guessing."""

from datetime import UTC, datetime

import pytest
from botocore.utils import parse_timestamp

from escrow.store.s3_connection import _time


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-27T22:35:37.123Z",
        "2026-11-27T22:35:37Z",
        "2026-11-27T22:35:37.123456789Z",
        "2026-11-27T23:35:37+01:00",
        "Fri, 27 Nov 2026 22:35:37 GMT",
        "Fri, 27 Nov 2026 22:35:37 +0000",
        "1795818937",
        1795818937,
        "20261127T223537Z",
    ],
)
def test_time_is_the_one_that_boto3_reads(said: object) -> None:
    ours, theirs = _time(said), parse_timestamp(said)
    assert ours == theirs
    assert (ours.tzinfo is None) == (theirs.tzinfo is None)


def test_time_in_a_listing_is_aware() -> None:
    assert _time("2026-11-27T22:35:37.000Z") == datetime(2026, 11, 27, 22, 35, 37, tzinfo=UTC)


@pytest.mark.parametrize("said", ["", "soon", "2026-13-45T99:99:99Z", "xxx GMT", None])
def test_time_that_is_none_is_refused_as_boto3_refuses_it(said: object) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError, AttributeError)):
        parse_timestamp(said)
    with pytest.raises((ValueError, TypeError, RuntimeError, AttributeError)):
        _time(said)
