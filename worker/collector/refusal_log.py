"""Logs what is refused, each kind once a minute at most, and nothing of its content."""

from collections import Counter
from collections.abc import Callable
from time import monotonic

import structlog

#: How long a kind is only counted after it was logged.
LOG_SECONDS = 60.0

log = structlog.stdlib.get_logger(__name__)


class RefusalLog:
    """What one process refused and the log does not say yet.

    Args:
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._unsaid: Counter[str] = Counter()
        self._said_at: dict[str, float] = {}

    def note(self, kind: str, number: int = 1) -> None:
        """So many of a kind, which is one of few, were refused."""
        self._unsaid[kind] += number
        now = self._now()
        if now - self._said_at.get(kind, -LOG_SECONDS) < LOG_SECONDS:
            return
        self._said_at[kind] = now
        log.warning(
            "Requests or events were refused; their senders were told.",
            action="collector_refused",
            kind=kind,
            number=self._unsaid.pop(kind),
        )
