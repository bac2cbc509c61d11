"""Hostile events by every door into a real deployment, and what must hold afterwards."""

import json
from collections import Counter
from typing import Any

from celery import Celery
from hypothesis.strategies import SearchStrategy

from tests import hostile
from tests.cli_process import MARKER
from tests.waiting import until
from worker.demo.stack import Stack
from worker.intake import Intake, InvalidEvents
from worker.names import ENQUEUE, QUEUE
from worker.segment import InvalidEvent

#: Reasons for which a hostile event may become a dead letter; our own fault is none.
REASONS = {"missing_device_id", "no_identity", "invalid_event"}


def hostile_events(
    strategy: SearchStrategy[Any], number: int, seed: int, first: int = 0
) -> list[Any]:
    """Seeded events that carry the marker, nearly all under ids of their own."""
    events = hostile.drawn(strategy, number, seed)
    for count, event in enumerate(events, start=first):
        if isinstance(event, dict) and "type" in event:
            event["marker"] = MARKER
            if isinstance(event.get("messageId"), str) and event["messageId"].startswith("ajs-"):
                event["messageId"] = f"hostile-{count}"
    return events


def as_message(event: Any) -> Any:
    """What Celery's JSON makes of an event; None if it cannot carry it."""
    try:
        return json.loads(json.dumps(event))
    except (TypeError, ValueError, RecursionError):
        return None


def refused_by_name(app: Celery, events: list[Any]) -> int:
    """Send events by task name, each third in a list; answers how many could not be sent."""
    messages = [message for event in events if (message := as_message(event)) is not None]
    for count, message in enumerate(messages):
        argument = [message] if count % 3 == 0 or isinstance(message, list) else message
        app.send_task(ENQUEUE, args=[argument], queue=QUEUE, argsrepr="(events)")
    return len(events) - len(messages)


def refused_singly(intake: Intake, events: list[Any]) -> int:
    """Enqueue events one by one; answers how many were refused."""
    refused = 0
    for event in events:
        try:
            intake.enqueue(event)
        except InvalidEvent:
            refused += 1
    return refused


def refused_in_lists(intake: Intake, events: list[Any]) -> int:
    """Enqueue events a hundred at a time; answers how many were refused."""
    refused = 0
    for begin in range(0, len(events), 100):
        try:
            intake.enqueue_many(events[begin : begin + 100])
        except InvalidEvents as error:
            refused += len(error.errors)
    return refused


def children_of(pid: int) -> set[int]:
    """The processes of a worker's pool."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123  not a path of ours
        return {int(child) for child in file.read().split()}


def check_a_worker_survives(stack: Stack, number: int, seed: int) -> None:
    """Put hostile events in by every door and wait until each has found its end."""
    third = number // 3
    events = hostile_events(hostile.objects | hostile.events, 2 * third, seed)
    # Celery's own JSON would write out whatever is shared in an object without end.
    by_name = hostile_events(hostile.events | hostile.values, third, seed, first=len(events))
    worker = stack.start_worker()
    producer = stack.producer()
    journal = producer.journal
    until(lambda: journal.snapshot().workers and len(children_of(worker.pid)) >= 2)
    pool = children_of(worker.pid)
    app = Celery("other", broker=stack.environment["CONVERTRO_REDIS_URL"], set_as_current=False)
    refused = Counter(
        enqueue=refused_singly(producer.intake, events[:third]),
        enqueue_many=refused_in_lists(producer.intake, events[third:]),
        by_name=refused_by_name(app, by_name),
    )
    app.close()
    tried = len(events) + len(by_name)
    taken = tried - refused.total()

    def arrived() -> int:
        return journal.snapshot().total("accepted") + journal.snapshot().total("duplicate")

    until(lambda: arrived() == taken)
    until(lambda: journal.snapshot().in_flight == 0)
    snapshot = journal.snapshot()
    reasons = Counter(letter.record.reason for letter in journal.dead_letters())
    print(
        f"seed {seed}: tried {tried}, refused {dict(refused)}, "
        f"accepted {snapshot.total('accepted')}, duplicates {snapshot.total('duplicate')}, "
        f"delivered {snapshot.total('delivered')}, skipped {snapshot.total('skipped')}, "
        f"dead {dict(reasons)}"
    )
    assert set(reasons) <= REASONS
    assert (snapshot.unaccounted, list(journal.inspect())) == (0, [])
    assert (worker.poll(), children_of(worker.pid)) == (None, pool)
    assert MARKER not in stack.worker_log.read_text()
    assert "Traceback" not in stack.worker_log.read_text()
