"""Puts hostile events into a real deployment, and checks what must hold afterwards."""

from collections import Counter
from typing import Any

from hypothesis.strategies import SearchStrategy

from convertro.errors import InvalidEvent, InvalidEvents
from convertro.intake import Intake
from tests.support.cli_process import MARKER
from tests.support.hostile import events as hostile
from tests.support.processes import children_of
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

#: Reasons for which a hostile event may become a dead letter; a fault of ours is not among them.
REASONS = {"missing_device_id", "no_identity", "invalid_event", "unreadable_amount"}


def hostile_events(
    strategy: SearchStrategy[Any], number: int, seed: int, first: int = 0
) -> list[Any]:
    """Draw events by a seed, with the marker in them and nearly all with different ids."""
    events = hostile.drawn(strategy, number, seed)
    for count, event in enumerate(events, start=first):
        if isinstance(event, dict) and "type" in event:
            event["marker"] = MARKER
            if isinstance(event.get("messageId"), str) and event["messageId"].startswith("ajs-"):
                event["messageId"] = f"hostile-{count}"
    return events


def refused_singly(intake: Intake, events: list[Any]) -> int:
    """Enqueue events one by one; return how many were refused."""
    refused = 0
    for event in events:
        try:
            intake.enqueue(event)
        except InvalidEvent:
            refused += 1
    return refused


def refused_in_lists(intake: Intake, events: list[Any]) -> int:
    """Enqueue events a hundred at a time; return how many were refused."""
    refused = 0
    for begin in range(0, len(events), 100):
        try:
            intake.enqueue_many(events[begin : begin + 100])
        except InvalidEvents as error:
            refused += len(error.errors)
    return refused


def check_a_worker_survives(stack: Stack, number: int, seed: int) -> None:
    """Enqueue hostile events, wait until each is finished or dead, and check the worker."""
    events = hostile_events(hostile.objects | hostile.events | hostile.values, number, seed)
    half = number // 2
    worker = stack.start_worker()
    producer = stack.producer()
    journal = producer.journal
    until(lambda: journal.snapshot().workers and len(children_of(worker.pid)) >= 2)
    pool = children_of(worker.pid)
    refused = Counter(
        enqueue=refused_singly(producer.intake, events[:half]),
        enqueue_many=refused_in_lists(producer.intake, events[half:]),
    )
    taken = number - refused.total()

    def arrived() -> int:
        return journal.snapshot().total("accepted") + journal.snapshot().total("duplicate")

    until(lambda: arrived() == taken)
    until(lambda: journal.snapshot().in_flight == 0)
    snapshot = journal.snapshot()
    reasons = Counter(letter.record.reason for letter in journal.dead_letters())
    print(
        f"seed {seed}: tried {number}, refused {dict(refused)}, "
        f"accepted {snapshot.total('accepted')}, duplicates {snapshot.total('duplicate')}, "
        f"delivered {snapshot.total('delivered')}, skipped {snapshot.total('skipped')}, "
        f"dead {dict(reasons)}"
    )
    assert set(reasons) <= REASONS
    assert (snapshot.unaccounted, list(journal.inspect())) == (0, [])
    assert (worker.poll(), children_of(worker.pid)) == (None, pool)
    assert MARKER not in stack.worker_log.read_text()
    assert "Traceback" not in stack.worker_log.read_text()
