"""An outage of the journal or of the broker: told when it begins, lasts and is over.

Whoever notices it notices it again each second or oftener; the log is to say it once.
"""

from collections.abc import Callable
from time import monotonic
from typing import Literal

import structlog

#: A restart or a failover is over by then; what lasts longer needs somebody.
LASTING_SECONDS = 30.0

log = structlog.stdlib.get_logger(__name__)

SENTENCES = {
    "journal_unavailable": "The journal is unavailable; what is known is kept and tried again.",
    "journal_outage": "The journal is still unavailable: nothing is accepted or delivered.",
    "journal_back": "The journal is back; work goes on.",
    "broker_unavailable": "The broker is unavailable; the worker tries again every few seconds.",
    "broker_outage": "The broker is still unavailable: this worker gets no wake-ups.",
    "broker_back": "The broker is back; work goes on.",
}


class Outage:
    """What this process knows of one thing's outage.

    Args:
        what: What is away.
        alarms: Whether one that lasts is an error. One process of a worker says so: its parent.
        now: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        what: Literal["journal", "broker"],
        *,
        alarms: bool = False,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._what = what
        self._alarms = alarms
        self._now = now
        self._since: float | None = None
        self._alarmed = False

    def note(self, reason: str) -> None:
        """It is away; the first time is logged, and that it lasts, once."""
        if self._since is None:
            self._since = self._now()
            action = f"{self._what}_unavailable"
            log.warning(SENTENCES[action], action=action, reason=reason)
        elif self._alarms and not self._alarmed and self._seconds() >= LASTING_SECONDS:
            self._alarmed = True
            action = f"{self._what}_outage"
            log.error(SENTENCES[action], action=action, reason=reason, seconds=self._seconds())

    def end(self) -> None:
        """It is there; logged if it was away."""
        if self._since is not None:
            action = f"{self._what}_back"
            log.info(SENTENCES[action], action=action, seconds=self._seconds())
            self._since, self._alarmed = None, False

    def _seconds(self) -> float:
        """For how long it has been away, as far as this process knows."""
        return round(self._now() - (self._since or 0.0), 1)
