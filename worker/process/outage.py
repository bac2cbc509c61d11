"""Logs that an outage of the journal or of the broker begins, lasts and ends, each only once."""

from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

import structlog

from worker.log_actions import LogAction

#: After how long an outage is logged as an error. A restart or a failover takes less; a longer
#: outage needs an operator.
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
    """The state of the journal's or the broker's outage in this process.

    Args:
        what: The server that is unavailable.
        alarms: Whether to log a lasting outage as an error; only a worker's parent process does.
        now: Seconds of a monotonic clock.
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
        """Record that the server is unavailable; log this once, and once more if it lasts."""
        if self._since is None:
            self._since = self._now()
            self._say("unavailable", reason=reason)
        elif self._alarms and not self._alarmed and self._seconds() >= LASTING_SECONDS:
            self._alarmed = True
            self._say("outage", reason=reason, seconds=self._seconds())

    def end(self) -> None:
        """Record that the server works; log this if it was unavailable."""
        if self._since is not None:
            self._say("back", seconds=self._seconds())
            self._since, self._alarmed = None, False

    def _say(self, state: Literal["unavailable", "outage", "back"], **fields: Any) -> None:
        action = LogAction[f"{self._what}_{state}".upper()]
        log.log(action.level, _SENTENCES[action], action=action, **fields)

    def _seconds(self) -> float:
        """Compute how many seconds the outage has lasted, as far as this process knows."""
        return round(self._now() - (self._since or 0.0), 1)
