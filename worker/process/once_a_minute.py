"""Limits log lines to one a minute for each kind, with the number of occurrences."""

from collections import Counter
from collections.abc import Callable
from time import monotonic

#: How long a kind is only counted, and not logged, after it was logged.
LOG_SECONDS = 60.0


class OnceAMinute:
    """Numbers of occurrences that were not logged yet, by kind.

    Args:
        now: Seconds of a monotonic clock.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._unsaid: Counter[str] = Counter()
        self._said_at: dict[str, float] = {}

    def note(self, kind: str, number: int = 1) -> None:
        """Add to a kind's number; there must be few kinds, because each is kept."""
        self._unsaid[kind] += number

    def take(self) -> dict[str, int]:
        """Take the numbers to log now, by kind."""
        return {kind: number for kind in [*self._unsaid] if (number := self.take_kind(kind))}

    def take_kind(self, kind: str) -> int:
        """Take the number of one kind to log now; 0 if the kind was logged in the last minute."""
        now = self._now()
        if now - self._said_at.get(kind, -LOG_SECONDS) < LOG_SECONDS:
            return 0
        self._said_at[kind] = now
        return self._unsaid.pop(kind, 0)
