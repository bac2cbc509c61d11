"""Wake-ups are disposable: whatever happens to them, every event is delivered."""

import os
import signal
from collections.abc import Callable

import pytest
from redis import Redis

from config.settings import DEFAULT_QUEUE
from tests.support.events import mobile_track
from tests.support.processes import children_of
from tests.support.waiting import until
from worker.journal.journal import Journal
from worker.lab.demo.stack import Stack

#: A lease short enough that a test can wait for its end.
SHORT_LEASE = {
    "LEASE_SECONDS": "8",
    "BLIP_SECONDS": "0",
    "CONNECT_TIMEOUT_SECONDS": "1",
    "READ_TIMEOUT_SECONDS": "2",
}


def redis_of(stack: Stack) -> "Redis":
    return Redis(port=stack.valkey.port)


def event_ids(prefix: str, number: int) -> list[str]:
    return [f"{prefix}-{index}" for index in range(number)]


def enqueue(stack: Stack, ids: list[str]) -> None:
    stack.producer().intake.enqueue_many([mobile_track(messageId=name) for name in ids])


def drained(stack: Stack) -> Callable[[], bool]:
    journal = stack.producer().journal
    return lambda: journal.snapshot().in_flight == 0


def accepted_ids(stack: Stack) -> list[str]:
    return sorted(call.key.rpartition("/")[0] for call in stack.sandbox.calls())


def has_worker(stack: Stack) -> Callable[[], bool]:
    journal = stack.producer().journal
    return lambda: bool(journal.snapshot().workers)


def test_without_a_worker_no_messages_pile_up(stack: Stack) -> None:
    producer = stack.producer()
    for name in event_ids("early", 20):
        producer.intake.enqueue(mobile_track(messageId=name))
    assert redis_of(stack).llen(DEFAULT_QUEUE) == 0
    stack.start_worker()
    until(drained(stack))
    assert accepted_ids(stack) == sorted(event_ids("early", 20))


def test_lost_wakeups_are_replaced(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal counts wake-ups as sent, but none of them reaches the queue."""
    stack.start_worker()
    until(has_worker(stack))
    monkeypatch.setattr(Journal, "_push", lambda *_: None)
    enqueue(stack, event_ids("lost", 10))
    assert stack.producer().journal.snapshot().counters["wakeups"] > 0
    until(drained(stack))
    assert accepted_ids(stack) == sorted(event_ids("lost", 10))


def test_events_that_follow_each_other_take_one_wakeup(stack: Stack) -> None:
    producer = stack.producer()
    stack.start_worker()
    until(has_worker(stack))
    for name in event_ids("calm", 10):
        producer.intake.enqueue(mobile_track(messageId=name))
        until(drained(stack))
    assert accepted_ids(stack) == sorted(event_ids("calm", 10))
    assert producer.journal.snapshot().counters["wakeups"] < 5


def test_a_burst_is_delivered_with_few_wakeups(stack: Stack) -> None:
    stack.start_worker()
    until(has_worker(stack))
    enqueue(stack, event_ids("burst", 2000))
    until(drained(stack))
    counters = stack.producer().journal.snapshot().counters
    assert counters["delivered"] == 2000
    assert counters["wakeups"] < 200


def test_an_event_that_comes_as_the_last_wakeup_ends_is_not_forgotten(stack: Stack) -> None:
    """Enqueue one event after another, each at the moment when the one before is finished.

    At that moment the deliver task is about to find no event and to give its token back.
    """
    stack.start_worker()
    until(has_worker(stack))
    producer = stack.producer()
    for name in event_ids("race", 300):
        producer.intake.enqueue(mobile_track(messageId=name))
        until(lambda: producer.journal.snapshot().in_flight == 0, patience_seconds=20)
    assert accepted_ids(stack) == sorted(event_ids("race", 300))


@pytest.mark.environment(**SHORT_LEASE)
def test_a_task_that_dies_between_claim_and_finish_loses_nothing(stack: Stack) -> None:
    """The sandbox accepts the calls without answering, and the pool's process is killed."""
    stack.sandbox.add_fault("hang,times=4")
    worker = stack.start_worker("--concurrency", "1")
    until(has_worker(stack))
    enqueue(stack, event_ids("orphan", 4))
    journal = stack.producer().journal
    until(lambda: stack.sandbox.summary().accepted == 4)
    assert journal.snapshot().claimed == 4
    for child in children_of(worker.pid):
        os.kill(child, signal.SIGKILL)
    until(drained(stack))
    assert journal.snapshot().counters["leases_lost"] == 4
    assert journal.snapshot().unaccounted == 0
    # Sent twice, as is inevitable, but under the same idempotency key.
    assert accepted_ids(stack) == sorted(event_ids("orphan", 4))
    assert {call.times for call in stack.sandbox.calls()} == {2}
