"""What a log says once a minute at most for each kind, with how many there were."""

from collections import Counter
from collections.abc import Callable
from time import monotonic

#: How long a kind is only counted after it was logged.
LOG_SECONDS = 60.0


class OnceAMinute:
    """What the log has not said yet, by kind.

    Args:
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._unsaid: Counter[str] = Counter()
        self._said_at: dict[str, float] = {}

    def note(self, kind: str, number: int = 1) -> None:
        """There were so many more of a kind, which is one of few."""
        self._unsaid[kind] += number

    def take(self) -> dict[str, int]:
        """How many of each kind to say now."""
        return {kind: number for kind in [*self._unsaid] if (number := self.take_kind(kind))}

    def take_kind(self, kind: str) -> int:
        """How many of one kind to say now; 0 if some were said within the last minute."""
        now = self._now()
        if now - self._said_at.get(kind, -LOG_SECONDS) < LOG_SECONDS:
            return 0
        self._said_at[kind] = now
        return self._unsaid.pop(kind, 0)
