"""Whatever comes into the queue of wake-ups, a worker drops and counts it, and goes on."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from threading import Thread
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from config.settings import DEFAULT_QUEUE
from tests.support.cli_process import MARKER
from tests.support.events import mobile_track
from tests.support.hostile.foreign_messages import corpus
from tests.support.processes import children_of
from tests.support.waiting import until
from worker.lab.demo.stack import Stack, stop_process

#: The number of foreign messages after which the worker is to deliver an event.
BATCH = 20


@contextmanager
def seen_by_flower(stack: Stack) -> Iterator[list[dict[str, Any]]]:
    """Collect the worker's own Celery events meanwhile, as Flower receives them."""
    other = Celery("other", broker=stack.redis_url, set_as_current=False)
    seen: list[dict[str, Any]] = []
    with other.connection() as connection:
        receiver = other.events.Receiver(connection, handlers={"*": seen.append})
        watcher = Thread(target=lambda: receiver.capture(wakeup=False), daemon=True)
        watcher.start()
        until(lambda: any(event["type"] == "worker-heartbeat" for event in seen))
        yield seen
        receiver.should_stop = True
        watcher.join()
    other.close()


def foreign_counters(stack: Stack) -> dict[str, int]:
    counters = stack.producer().journal.snapshot().counters
    return {
        name.removeprefix("foreign:"): number
        for name, number in counters.items()
        if name.startswith("foreign:")
    }


def kinds_told_once_a_minute(stack: Stack) -> set[str]:
    """The kinds that the log names; check that none is logged twice within a minute."""
    times: dict[str, list[datetime]] = {}
    for line in stack.worker_lines():
        if line.get("action") == "foreign_message_dropped":
            times.setdefault(line["kind"], []).append(datetime.fromisoformat(line["timestamp"]))
    for told in times.values():
        assert all((later - earlier).total_seconds() > 59 for earlier, later in pairwise(told))
    return set(times)


def tasks_received(stack: Stack) -> int:
    """The number of wake-ups that the worker received from the queue."""
    return sum("convertro.deliver" in line["event"] and line["event"].endswith("received")
               for line in stack.worker_lines())  # fmt: skip


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_every_kind_is_dropped_and_counted_and_the_worker_goes_on(stack: Stack, pool: str) -> None:
    worker = stack.start_worker("--pool", pool)
    producer, redis = stack.producer(), Redis(port=stack.valkey.port)
    until(lambda: producer.journal.snapshot().workers)
    before = children_of(worker.pid)
    pushed: Counter[str] = Counter()
    events = 0
    with seen_by_flower(stack) as seen:
        for number, (_, kind, entry) in enumerate(corpus()):
            redis.lpush(DEFAULT_QUEUE, entry)
            pushed[kind] += 1
            if number % BATCH == 0:
                producer.intake.enqueue(mobile_track(messageId=f"event-{number}"))
                events += 1
        until(lambda: producer.journal.snapshot().total("delivered") == events)
        until(lambda: foreign_counters(stack) == pushed)
        until(lambda: producer.journal.snapshot().wakeups == 0)
        received = tasks_received(stack)
        producer.intake.enqueue(mobile_track(messageId="after"))
        until(lambda: tasks_received(stack) == received + 1)
        until(lambda: producer.journal.snapshot().total("delivered") == events + 1)
    assert (worker.poll(), children_of(worker.pid)) == (None, before)
    assert redis.llen(DEFAULT_QUEUE) == 0
    assert stop_process(worker) == 0
    assert redis.llen(DEFAULT_QUEUE) == 0
    assert MARKER not in stack.worker_log.read_text()
    assert MARKER not in json.dumps(seen)
    assert kinds_told_once_a_minute(stack) == set(pushed)
    bad = [line for line in stack.worker_lines() if line["level"] in {"error", "critical"}]
    assert not bad
    assert "broker_unavailable" not in stack.worker_log.read_text()


def test_a_worker_that_stops_at_once_has_counted_what_it_dropped(stack: Stack) -> None:
    redis = Redis(port=stack.valkey.port)
    redis.lpush(DEFAULT_QUEUE, *[MARKER] * 50)
    worker = stack.start_worker()
    until(lambda: stack.producer().journal.snapshot().workers)
    until(lambda: redis.llen(DEFAULT_QUEUE) == 0)
    assert stop_process(worker) == 0
    assert foreign_counters(stack) == {"unreadable": 50}


def test_a_worker_does_not_start_while_its_queue_is_no_list(stack: Stack) -> None:
    Redis(port=stack.valkey.port).set(DEFAULT_QUEUE, MARKER)
    assert stack.start_worker().wait(timeout=60) == 1
    *_, last = stack.worker_log.read_text().splitlines()
    assert last.startswith(f"convertro: {DEFAULT_QUEUE} is a key of another program's")
    assert "Traceback" not in stack.worker_log.read_text()


def test_a_worker_survives_another_key_in_the_queues_place(stack: Stack) -> None:
    """The worker logs an error about it, and goes on by itself when the key is gone."""
    redis, producer = Redis(port=stack.valkey.port), stack.producer()
    worker = stack.start_worker()
    until(lambda: producer.journal.snapshot().workers)
    redis.set(DEFAULT_QUEUE, MARKER)
    producer.intake.enqueue(mobile_track(messageId="meanwhile"))
    until(lambda: "ResponseError" in stack.worker_log.read_text())
    assert worker.poll() is None
    redis.delete(DEFAULT_QUEUE)
    producer.intake.enqueue(mobile_track(messageId="after"))
    until(lambda: producer.journal.snapshot().total("delivered") == 2)
    assert MARKER not in stack.worker_log.read_text()


@pytest.mark.slow
def test_a_worker_delivers_by_wakeups_after_a_minute_of_them(stack: Stack) -> None:
    worker = stack.start_worker()
    producer, redis = stack.producer(), Redis(port=stack.valkey.port)
    until(lambda: producer.journal.snapshot().workers)
    before = children_of(worker.pid)
    entries = [entry for _, _, entry in corpus()]
    pushed, ends_at = 0, time.monotonic() + 60
    while time.monotonic() < ends_at:
        redis.lpush(DEFAULT_QUEUE, *random.sample(entries, BATCH))
        pushed += BATCH
        time.sleep(0.1)
    for number in range(10):
        until(lambda: producer.journal.snapshot().wakeups == 0)
        sent, received = (
            producer.journal.snapshot().counters.get("wakeups", 0),
            tasks_received(stack),
        )
        producer.intake.enqueue(mobile_track(messageId=f"after-{number}"))
        until(lambda n=number: producer.journal.snapshot().total("delivered") == n + 1)
        assert producer.journal.snapshot().counters["wakeups"] == sent + 1
        until(lambda r=received: tasks_received(stack) == r + 1)
    until(lambda: sum(foreign_counters(stack).values()) == pushed)
    assert (worker.poll(), children_of(worker.pid)) == (None, before)
    assert redis.llen(DEFAULT_QUEUE) == 0
    assert kinds_told_once_a_minute(stack) == set(foreign_counters(stack))
