"""How often a write key may be used: a token bucket for each. Pure."""

from collections.abc import Callable


class Rate:
    """Lets so many requests of each key pass in a second, saved up for one second.

    Args:
        per_second: The bound; 0 for none.
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        self._per_second = per_second
        self._most = max(per_second, 1.0)
        self._now = now
        #: How many may pass, and when that was so, by key.
        self._left: dict[int, tuple[float, float]] = {}

    def wait_seconds(self, key: int) -> float:
        """How long a request has to wait; 0 if it passes now."""
        if not self._per_second:
            return 0.0
        now = self._now()
        left, at = self._left.get(key, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_second)
        passes = left >= 1
        self._left[key] = (left - passes, now)
        return 0.0 if passes else (1 - left) / self._per_second
