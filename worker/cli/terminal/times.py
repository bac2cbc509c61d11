"""The values of `--since`, `--until` and `--rate`. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

_PART = r"(\d{1,9})(min|[smhdw])"
_DURATION = re.compile(rf"(?:{_PART})+", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(?:/s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Since:
    """An absolute or relative time, in milliseconds; one of the two fields is None."""

    at_ms: int | None = None
    ago_ms: int | None = None

    def time_ms(self, now_ms: int) -> int:
        """The absolute time, in unix milliseconds."""
        if self.at_ms is not None:
            return max(0, self.at_ms)
        return max(0, now_ms - (self.ago_ms or 0))


def parse_since(text: str) -> Since:
    """Read a duration, such as `2h`, `30m`, `7d` or `1h30m`, or an ISO 8601 time.

    A time without an offset is UTC.

    Raises:
        ValueError: It is neither.
    """
    if _DURATION.fullmatch(text):
        parts = re.findall(_PART, text)
        return Since(ago_ms=sum(int(amount) * _SECONDS[unit] for amount, unit in parts) * 1000)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a duration, such as 2h, 30m or 7d, nor an ISO 8601 time"
        ) from None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Since(at_ms=(aware - _EPOCH) // _MILLISECOND)


def parse_rate(text: str) -> float:
    """Read a number of events a second, such as `50/s` or `0.5`.

    Raises:
        ValueError: It is not a rate, or zero.
    """
    found = _RATE.fullmatch(text)
    if not found or float(found[1]) == 0:
        raise ValueError(f"{text!r} is not a number of events a second, such as 50/s")
    return float(found[1])


def rate_words(rate: float) -> str:
    """A rate as `parse_rate` reads it."""
    return f"{f'{rate:.9f}'.rstrip('0').rstrip('.')}/s"
