"""How often a write key may be used: a token bucket for each key. Pure."""

from collections.abc import Callable


class Rate:
    """Bounds the requests of each key; up to one second's unused requests are saved up.

    Args:
        per_second: The most requests of a key per second; 0 for no bound.
        now: A monotonic clock, in seconds.
    """

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        self._per_second = per_second
        self._most = max(per_second, 1.0)
        self._now = now
        #: By key: how many requests may pass, and at what time that was computed.
        self._left: dict[int, tuple[float, float]] = {}

    def wait_seconds(self, key: int) -> float:
        """Count a request; answer how long it has to wait, 0 if it passes now."""
        if not self._per_second:
            return 0.0
        now = self._now()
        left, at = self._left.get(key, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_second)
        passes = left >= 1
        self._left[key] = (left - passes, now)
        return 0.0 if passes else (1 - left) / self._per_second
