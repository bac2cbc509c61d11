"""Logs what is refused, each kind once a minute at most, and nothing of its content."""

from collections.abc import Callable
from time import monotonic

import structlog

from worker.log_actions import LogAction
from worker.process.once_a_minute import OnceAMinute

log = structlog.stdlib.get_logger(__name__)


class RefusalLog:
    """What one process refused and the log does not say yet.

    Args:
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._unsaid = OnceAMinute(now=now)

    def note(self, kind: str, number: int = 1) -> None:
        """So many of a kind, which is one of few, were refused."""
        self._unsaid.note(kind, number)
        if number := self._unsaid.take_kind(kind):
            log.warning(
                "Requests or events were refused; their senders were told.",
                action=LogAction.COLLECTOR_REFUSED,
                kind=kind,
                number=number,
            )
