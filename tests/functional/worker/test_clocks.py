"""Clocks that jump under a running worker."""

from pathlib import Path

import pytest
from redis import Redis

from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

DAY_SECONDS = 86_400

#: Code that shifts the process's time of day by the seconds in a file.
SHIFTED_CLOCK = """
import time

_true_time = time.time

def _shifted_time():
    with open({path!r}) as file:
        return _true_time() + float(file.read() or 0)

time.time = _shifted_time
"""


@pytest.mark.environment(
    RETRY_BASE_SECONDS="1", RETRY_MAX_SECONDS="2", BLIP_TRIES="1", BREAKER_MIN_COUNT="10000"
)
def test_a_jump_of_the_workers_clock_buries_nothing_and_is_logged(
    stack: Stack, tmp_path: Path
) -> None:
    off = tmp_path / "off"
    off.write_text("0", encoding="utf-8")
    code = SHIFTED_CLOCK.format(path=str(off))
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    stack.sandbox.add_fault("status=503")
    stack.start_worker(PYTHONPATH=str(tmp_path))
    producer = stack.producer()
    producer.intake.enqueue_many([mobile_track(messageId=f"event-{n}") for n in range(3)])
    counters = lambda: producer.journal.snapshot().counters  # noqa: E731
    until(lambda: counters().get("postponed", 0) >= 3)
    off.write_text(str(25 * 3600), encoding="utf-8")
    before = counters()["postponed"]
    until(lambda: counters()["postponed"] >= before + 6)
    assert "clocks_differ" in {line.get("action") for line in stack.worker_lines()}
    stack.sandbox.clear_faults()
    until(lambda: producer.journal.snapshot().total("delivered") == 3)
    assert "dead:retries_exhausted" not in counters()


def test_what_a_clock_that_ran_ahead_left_far_ahead_is_delivered(stack: Stack) -> None:
    producer = stack.producer()
    producer.intake.enqueue_many([mobile_track(messageId=f"event-{n}") for n in range(3)])
    with Redis.from_url(stack.redis_url) as redis:
        for number in range(3):
            redis.zincrby("{convertro}:due", 25 * DAY_SECONDS * 1000, f"event-{number}")
    stack.start_worker()
    until(lambda: producer.journal.snapshot().total("delivered") == 3)
    assert "waits_ended" in {line.get("action") for line in stack.worker_lines()}
