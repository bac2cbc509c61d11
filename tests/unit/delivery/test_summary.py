"""The log line of an event, by what became of it."""

import pytest
from structlog.testing import capture_logs

from worker.delivery.summary import log_finishes
from worker.journal.records import Attempt, Finish, Finished, Move
from worker.log_actions import LogAction
from worker.reasons import SkipReason

ATTEMPT = Attempt(at_ms=0, call="sale", outcome_class="unsent", status=503, detail="http_503")


@pytest.mark.parametrize(
    ("move", "finished", "action"),
    [
        (Move.DELIVERED, Finished.MOVED, LogAction.EVENT_DELIVERED),
        (Move.SKIPPED, Finished.MOVED, LogAction.EVENT_SKIPPED),
        (Move.POSTPONED, Finished.MOVED, LogAction.EVENT_POSTPONED),
        (Move.RETURNED, Finished.MOVED, LogAction.EVENT_RETURNED),
        (Move.DEAD, Finished.MOVED, LogAction.EVENT_DEAD),
        (Move.DEAD, Finished.HELD, LogAction.EVENT_HELD),
        (Move.DELIVERED, Finished.LOST, LogAction.LEASE_LOST),
        (Move.DELIVERED, Finished.GONE, LogAction.EVENT_GONE),
    ],
)
def test_an_event_is_logged_by_what_became_of_it(
    move: Move, finished: Finished, action: LogAction
) -> None:
    finish = Finish(
        event_id="event-1",
        lease="lease-1",
        move=move,
        reason=SkipReason.DISABLED,
        delay_ms=500,
        attempts=(ATTEMPT,),
    )
    with capture_logs() as lines:
        log_finishes([(finish, finished)])
    (line,) = lines
    assert (line["action"], line["log_level"]) == (action, action.levels[0].lower())
    said = {"event_id": "event-1", "reason": "disabled", "outcome": "http_503", "delay_ms": 500}
    assert {name: line[name] for name in said} == said
    assert set(action.fields) <= set(said)
