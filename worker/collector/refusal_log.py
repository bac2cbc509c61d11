"""Logs refusals, each kind at most once a minute, without any content."""

from collections.abc import Callable
from time import monotonic

import structlog

from worker.log_actions import LogAction
from worker.process.once_a_minute import OnceAMinute

log = structlog.stdlib.get_logger(__name__)


class RefusalLog:
    """Counts one process's refusals until they are logged.

    Args:
        now: A monotonic clock, in seconds.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._unsaid = OnceAMinute(now=now)

    def note(self, kind: str, number: int = 1) -> None:
        """Count refusals of a kind, of which there are few, and log them if it is time."""
        self._unsaid.note(kind, number)
        if number := self._unsaid.take_kind(kind):
            log.warning(
                "Requests or events were refused; their senders were told.",
                action=LogAction.COLLECTOR_REFUSED,
                kind=kind,
                number=number,
            )
