"""A Redis that is up and refuses to write, because it has no replica or no room on its disk."""

import pytest
from redis import Redis

from convertro.errors import JournalUnavailable
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.stack import Stack


def test_a_worker_outlasts_a_redis_that_refuses_writes(stack: Stack) -> None:
    """Celery by itself ends a worker whose broker answers with an error."""
    worker = stack.start_worker()
    producer = stack.producer()
    until(lambda: producer.journal.snapshot().workers)
    with Redis(port=stack.valkey.port) as redis:
        redis.config_set("min-replicas-to-write", 1)
        with pytest.raises(JournalUnavailable, match="NOREPLICAS"):
            producer.intake.enqueue(mobile_track(messageId="one"))
        until(lambda: "Connection to broker lost" in stack.worker_log.read_text())
        redis.config_set("min-replicas-to-write", 0)
    producer.intake.enqueue(mobile_track(messageId="one"))
    until(lambda: producer.journal.snapshot().total("delivered") == 1)
    assert worker.poll() is None
