"""An outage of the journal or of the broker: told when it begins, lasts and is over.

Whoever notices it notices it again each second or oftener; the log is to say it once.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

import structlog

from worker.log_actions import LogAction

#: A restart or a failover is over by then; what lasts longer needs somebody.
LASTING_SECONDS = 30.0

log = structlog.stdlib.get_logger(__name__)

_SENTENCES = {
    LogAction.JOURNAL_UNAVAILABLE: "The journal is unavailable: it is tried again.",
    LogAction.JOURNAL_OUTAGE: (
        "The journal is still unavailable: nothing is accepted or delivered."
    ),
    LogAction.JOURNAL_BACK: "The journal is back; work goes on.",
    LogAction.BROKER_UNAVAILABLE: (
        "The broker is unavailable; the worker tries again every few seconds."
    ),
    LogAction.BROKER_OUTAGE: "The broker is still unavailable: this worker gets no wake-ups.",
    LogAction.BROKER_BACK: "The broker is back; work goes on.",
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
            self._say("unavailable", reason=reason)
        elif self._alarms and not self._alarmed and self._seconds() >= LASTING_SECONDS:
            self._alarmed = True
            self._say("outage", reason=reason, seconds=self._seconds())

    def end(self) -> None:
        """It is there; logged if it was away."""
        if self._since is not None:
            self._say("back", seconds=self._seconds())
            self._since, self._alarmed = None, False

    def _say(self, state: Literal["unavailable", "outage", "back"], **fields: Any) -> None:
        action = LogAction[f"{self._what}_{state}".upper()]
        log.log(action.level, _SENTENCES[action], action=action, **fields)

    def _seconds(self) -> float:
        """For how long it has been away, as far as this process knows."""
        return round(self._now() - (self._since or 0.0), 1)
