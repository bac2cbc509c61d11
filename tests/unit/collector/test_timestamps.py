"""When an event happened, by the difference between when it was sent and when it came."""

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.collector.timestamps import corrected, written

RECEIVED = datetime(2026, 5, 4, 10, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("happened", "sent", "moment"),
    [
        # A right clock: the time on the way is added.
        ("2026-05-04T09:59:50.000Z", "2026-05-04T10:00:00.000Z", "2026-05-04T09:59:50.250Z"),
        # A clock that is wrong by years or hours.
        ("1970-01-01T00:00:10Z", "1970-01-01T00:01:10Z", "2026-05-04T09:59:00.250Z"),
        ("2031-01-01T00:00:00.000Z", "2031-01-01T02:00:00.000Z", "2026-05-04T08:00:00.250Z"),
        # Offsets that differ.
        ("2026-05-04T11:59:50+02:00", "2026-05-04T10:00:00Z", "2026-05-04T09:59:50.250Z"),
        # No offsets: both times are of the same clock.
        ("2026-05-04T09:59:50", "2026-05-04T10:00:00", "2026-05-04T09:59:50.250Z"),
        # Digits beyond microseconds, as Go writes them.
        ("2026-05-04T09:59:50.123456789Z", "2026-05-04T10:00:00Z", "2026-05-04T09:59:50.373Z"),
        # Sent before it happened: taken as it is.
        ("2026-05-04T10:00:10Z", "2026-05-04T10:00:00Z", "2026-05-04T10:00:10.250Z"),
    ],
)
def test_the_error_of_the_senders_clock_is_taken_out(happened: str, sent: str, moment: str) -> None:
    assert corrected(happened, sent, RECEIVED) == moment


@pytest.mark.parametrize(
    ("happened", "sent"),
    [
        (None, "2026-05-04T10:00:00Z"),
        ("2026-05-04T10:00:00Z", None),
        ("yesterday", "2026-05-04T10:00:00Z"),
        ("2026-05-04T10:00:00Z", "1777889730"),
        (1777889730, 1777889731),
        ("2026-05-04T10:00:00", "2026-05-04T10:00:00Z"),
        ("0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"),
        ("", ""),
        ({}, []),
    ],
)
def test_what_cannot_be_compared_is_left(happened: Any, sent: Any) -> None:
    assert corrected(happened, sent, RECEIVED) is None


def test_a_moment_is_written_as_segment_writes_it() -> None:
    assert written(RECEIVED) == "2026-05-04T10:00:00.250Z"
    assert written(RECEIVED.replace(microsecond=0)) == "2026-05-04T10:00:00.000Z"
