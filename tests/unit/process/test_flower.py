"""Dead letters are announced to Flower, and a failing broker never affects deliveries."""

import socket
from typing import Any

import pytest
import structlog
from celery import Celery

from config.settings import Settings
from tests.support.waiting import until
from worker.bootstrap import make_app
from worker.journal.records import Attempt, Burial, Finish, Finished, Move
from worker.process.flower import BATCH, MUTED_SECONDS, Announcer
from worker.reasons import DeathReason
from worker.task_names import DEAD_LETTER

ATTEMPT = Attempt(at_ms=1, call="sale", outcome_class="rejected", detail="http_400")

BURIAL = Burial("event-1", "rejected", "http_400")


@pytest.mark.parametrize(
    ("move", "reason", "attempts", "finished", "why"),
    [
        (Move.DEAD, DeathReason.REJECTED, (ATTEMPT,), Finished.MOVED, "rejected (http_400)"),
        (Move.DEAD, DeathReason.NO_IDENTITY, (), Finished.MOVED, "no_identity"),
        (Move.DEAD, DeathReason.REJECTED, (ATTEMPT,), Finished.HELD, None),
        (Move.DEAD, DeathReason.REJECTED, (ATTEMPT,), Finished.LOST, None),
        (Move.DEAD, DeathReason.REJECTED, (ATTEMPT,), Finished.GONE, None),
        (Move.POSTPONED, None, (ATTEMPT,), Finished.MOVED, None),
        (Move.DELIVERED, None, (ATTEMPT,), Finished.MOVED, None),
    ],
)
def test_a_burial_is_what_the_journal_made_of_a_finish(
    move: Move,
    reason: DeathReason | None,
    attempts: tuple[Attempt, ...],
    finished: Finished,
    why: str,
) -> None:
    finish = Finish(event_id="event-1", lease="l", move=move, reason=reason, attempts=attempts)
    burial = Burial.of(finish, finished)
    assert (burial.why if burial else None) == why


def heard(app: Celery, burials: list[Burial]) -> list[Any]:
    """The messages that announcements of burials send."""
    with app.connection() as connection:
        queue = app.events.Receiver(connection).queue(connection.default_channel)
        queue.declare()
        Announcer(app).tell("worker-1@shop", burials)
        messages = []
        while message := queue.get(no_ack=True):
            messages.append(message.payload)
        return messages


@pytest.fixture
def app() -> Celery:
    """An application with an in-memory broker."""
    return make_app(Settings(broker_url="memory://"), 1.0)


def test_three_events_make_a_failed_task_of_a_dead_letter(app: Celery) -> None:
    (events,) = heard(app, [BURIAL])
    assert [event["type"] for event in events] == ["task-received", "task-started", "task-failed"]
    state = app.events.State()
    for event in events:
        state.event({**event, "local_received": event["timestamp"]})
    task = state.tasks["event-1"]
    assert (task.name, task.state) == (DEAD_LETTER, "FAILURE")
    assert (task.exception, task.result) == ("rejected (http_400)", "rejected (http_400)")
    assert task.received <= task.failed
    assert task.worker.hostname == "worker-1@shop"


def test_burials_that_were_written_together_are_one_message(app: Celery) -> None:
    burials = [Burial(f"event-{number}", "poison") for number in range(BATCH + 1)]
    first, second = heard(app, burials)
    assert (len(first), len(second)) == (3 * BATCH, 3)
    told = [event["uuid"] for event in first + second if event["type"] == "task-failed"]
    assert told == [burial.event_id for burial in burials]


def test_a_burial_does_not_wait_for_a_broker_that_hangs() -> None:
    """The thread hangs at the first one; the others wait and are then dropped together."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        announcer = Announcer(make_app(Settings(broker_url=url), 1.0))
        for _ in range(100):
            announcer([BURIAL])
        until(lambda: announcer._muted_until)
        until(announcer._inbox.empty)
        announcer([])
        assert announcer._inbox.empty()


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("hangs", [False, True])
def test_after_a_failure_the_broker_is_not_used_for_a_while(hangs: bool) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if hangs:
            server.listen()
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        now = 0.0
        announcer = Announcer(make_app(Settings(broker_url=url), 0.2), now=lambda: now)
        with structlog.testing.capture_logs() as logs:
            announcer.tell(None, [BURIAL])
            now = MUTED_SECONDS - 1
            announcer.tell(None, [BURIAL])
            assert [line["action"] for line in logs] == ["burials_not_announced"]
            now = MUTED_SECONDS
            announcer.tell(None, [BURIAL])
            assert len(logs) == 2
