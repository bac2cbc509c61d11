"""Two journals on one Redis, each with its own prefix and queue, do not affect each other."""

import pytest
from redis import Redis

from config.settings import DEFAULT_QUEUE
from tests.support.events import mobile_track
from tests.support.processes import children_of, standing_still
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

PROCESSES = 4


@pytest.mark.environment(CONCURRENCY="1")
def test_two_journals_share_a_redis_and_neither_takes_the_others_wakeups(stack: Stack) -> None:
    """The first journal's worker is stopped, so its wake-ups stay in the queue."""
    second_environment = {
        "CONVERTRO_REDIS_URL": stack.redis_url,
        "CONVERTRO_KEY_PREFIX": "{second}:",
        "CONVERTRO_QUEUE": "second.wake-ups",
        "CONVERTRO_CONCURRENCY": "1",
    }
    with Stack(second_environment) as second, Redis(port=stack.valkey.port) as redis:
        second.start_sandbox()
        worker = stack.start_worker("-n", "first@%h", "--concurrency", str(PROCESSES))
        second.start_worker("-n", "second@%h", "--concurrency", str(PROCESSES))
        first_journal, second_journal = stack.producer().journal, second.producer().journal
        until(lambda: first_journal.snapshot().workers and second_journal.snapshot().workers)

        with standing_still(worker.pid, *children_of(worker.pid)):
            stack.producer().intake.enqueue_many(
                mobile_track(messageId=f"first-{number}") for number in range(PROCESSES)
            )
            # One wake-up may already be on its way to the stopped worker.
            waiting = redis.llen(DEFAULT_QUEUE)
            assert waiting >= PROCESSES - 1
            for number in range(50):
                second.producer().intake.enqueue(mobile_track(messageId=f"second-{number}"))
            until(lambda: second_journal.snapshot().in_flight == 0)
            assert redis.llen(DEFAULT_QUEUE) == waiting
        until(lambda: first_journal.snapshot().in_flight == 0)

        assert {call.key for call in stack.sandbox.calls()} == {
            f"first-{number}/DeviceEvent" for number in range(PROCESSES)
        }
        assert {call.key for call in second.sandbox.calls()} == {
            f"second-{number}/DeviceEvent" for number in range(50)
        }
        assert redis.llen(second.settings.queue) == 0
