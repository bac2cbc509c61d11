"""Log lines about side effects of the journal's steps: on the breaker and on dead letters."""

import json
from logging import ERROR, WARNING
from typing import Any

import structlog

from worker.journal.breaker_state import Cause
from worker.log_actions import LogAction
from worker.reasons import REVENUE_REMOVED

log = structlog.stdlib.get_logger(__name__)

#: The sentence that is logged for each cause.
_OPENED = {
    Cause.FAILURES: "Convertro fails: deliveries are held, one probe at a time goes through.",
    Cause.SETUP: "Convertro refuses us: deliveries are held; check the settings.",
    Cause.THROTTLED: "Convertro asked for a break: deliveries are held until it is over.",
    Cause.BURIALS: "Most events would become dead letters: deliveries are held; look into it.",
}

#: Causes that do not pass unless an operator acts.
_URGENT = frozenset({Cause.SETUP, Cause.BURIALS})


def log_news(news: bytes) -> None:
    """Log a step's `news`, which the client's `lua/gate.lua` describes."""
    told: dict[str, Any] = json.loads(news)
    if turn := told.get("turn"):
        _log_turn(turn)
    if ended := told.get("ended"):
        log.warning(
            "The clock of Redis was set back: events that waited for a time too far ahead are due.",
            action=LogAction.WAITS_ENDED,
            events=ended,
        )
    for reason, removed in told.get("removed", {}).items():
        _log_removed(reason, **removed)


def _log_removed(reason: str, number: int, ids: list[str]) -> None:
    """Log one line for all letters that were removed for a reason; `ids` has the first few."""
    log.log(
        ERROR if reason in REVENUE_REMOVED else WARNING,
        "Dead letters were removed: they were beyond a bound.",
        action=LogAction.DEAD_LETTERS_REMOVED,
        reason=reason,
        number=number,
        ids=ids,
    )


def _log_turn(turn: dict[str, Any]) -> None:
    cause = Cause(turn["cause"])
    if turn["state"] == "opened":
        log.log(
            ERROR if cause in _URGENT else WARNING,
            _OPENED[cause],
            action=LogAction.BREAKER_OPENED,
            cause=cause.value,
            detail=turn["detail"],
        )
    else:
        log.info(
            "Convertro takes events again: deliveries go on.",
            action=LogAction.BREAKER_CLOSED,
            cause=cause.value,
            held_ms=turn["held_ms"],
        )
