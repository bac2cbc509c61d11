"""Workers and clients of one journal with different settings, brokers and versions."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from redis import Redis

from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import DESTINATION, Stack

#: The built client of the last version without a format number.
OLD_CLIENT = Path(__file__).parents[2] / "fixtures" / "convertro_client-0.1.0-py3-none-any.whl"

#: What an application did with it: accept an event, and publish wake-ups with Celery.
OLD_APPLICATION = """
import json, secrets, sys
from celery import Celery
from redis import Redis
from convertro.intake import Intake
from convertro.intake_journal import IntakeJournal

url, *names = sys.argv[1:]
app = Celery(broker=url)
constants = {"dedupe": 86_400_000, "batch": 32, "lease_ms": 60_000}

class Wakeups:
    def offer(self, number=1):
        return [secrets.token_hex(8) for _ in range(number)]

    def publish(self, tokens):
        for token in tokens:
            app.send_task("convertro.deliver", args=[token], ignore_result=True, queue="convertro")
            print("woke a worker")

journal = IntakeJournal(Redis.from_url(url), key_prefix="{convertro}:", constants=constants)
for event in map(json.loads, names):
    Intake(journal, Wakeups()).enqueue(event)
"""


def delivered(stack: Stack) -> list[str]:
    return sorted(call.key.rpartition("/")[0] for call in stack.sandbox.calls())


def shared(stack: Stack, field: str) -> bytes | None:
    with Redis.from_url(stack.redis_url) as redis:
        value: bytes | None = redis.hget("{convertro}:shared", field)
        return value


def test_a_worker_that_disagrees_with_a_live_one_does_not_start(stack: Stack) -> None:
    stack.start_worker("-n", "first@%h")
    until(lambda: bool(stack.producer().journal.snapshot().workers))
    second = stack.start_worker("-n", "second@%h", CONVERTRO_DEDUPE_SECONDS="3600")
    assert second.wait(timeout=60) == 1
    words = stack.worker_log.read_text()
    assert "it has CONVERTRO_DEDUPE_SECONDS=86400, this one 3600" in words
    assert "Traceback" not in words
    stack.producer().intake.enqueue(mobile_track(messageId="one"))
    until(lambda: delivered(stack) == ["one"])


def test_after_a_kill_the_next_worker_may_have_other_values(stack: Stack) -> None:
    first = stack.start_worker()
    until(lambda: bool(stack.producer().journal.snapshot().workers))
    stack.kill_worker(first)
    stack.start_worker(CONVERTRO_DEDUPE_SECONDS="3600")
    until(lambda: shared(stack, "dedupe") == b"3600000")
    stack.producer().intake.enqueue(mobile_track(messageId="one"))
    until(lambda: delivered(stack) == ["one"])


def test_events_of_a_client_of_the_version_before_are_delivered(
    stack: Stack, tmp_path: Path
) -> None:
    zipfile.ZipFile(OLD_CLIENT).extractall(tmp_path)
    stack.start_worker()
    until(lambda: shared(stack, "wakeup") is not None)
    events = [json.dumps(mobile_track(messageId=f"event-{number}")) for number in range(3)]
    ended = subprocess.run(
        [sys.executable, "-c", OLD_APPLICATION, stack.redis_url, *events],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "woke a worker" in ended.stdout
    until(lambda: delivered(stack) == ["event-0", "event-1", "event-2"])
    # A client of this version knows what that one sent.
    stack.producer().intake.enqueue(mobile_track(messageId="event-1"))
    counters = stack.producer().journal.snapshot().counters
    assert (counters["accepted"], counters["duplicate"]) == (3, 1)
    assert not [key for key in counters if key.startswith("foreign")]


def test_with_a_separate_broker_clients_leave_wakeups_to_workers(stack: Stack) -> None:
    broker = embedded_server()
    broker.start()
    try:
        url = f"redis://127.0.0.1:{broker.port}/0"
        with Stack({**DESTINATION, "CONVERTRO_REDIS_URL": stack.redis_url}) as other:
            other.start_sandbox()
            other.start_worker(CONVERTRO_BROKER_URL=url)
            until(lambda: bool(other.producer().journal.snapshot().workers))
            assert shared(stack, "wakeup") is None
            for number in range(5):
                other.producer().intake.enqueue(mobile_track(messageId=f"event-{number}"))
            until(lambda: delivered(other) == [f"event-{number}" for number in range(5)])
            with Redis.from_url(stack.redis_url) as redis:
                assert redis.exists("convertro") == 0, "a message would lie there for ever"
            with Redis(port=broker.port) as redis:
                assert redis.keys("*sample*") == []
    finally:
        broker.stop()


@pytest.mark.parametrize(
    "database", ["0", "1"], ids=["the same database", "another database of the same server"]
)
def test_only_the_same_database_is_the_journals_redis(stack: Stack, database: str) -> None:
    """The URLs differ in the host's name, so comparing them as texts would fail."""
    broker = f"redis://localhost:{stack.valkey.port}/{database}"
    stack.start_worker(CONVERTRO_BROKER_URL=broker)
    until(lambda: bool(stack.producer().journal.snapshot().workers))
    assert (shared(stack, "wakeup") is not None) == (database == "0")
    stack.producer().intake.enqueue(mobile_track(messageId="one"))
    until(lambda: delivered(stack) == ["one"])
    with Redis.from_url(broker) as redis:
        assert redis.keys("*sample*") == []


def test_a_wakeup_that_comes_twice_or_too_late_neither_loses_nor_doubles_events(
    stack: Stack,
) -> None:
    """As if a client sent its command again, or was stopped for an hour before sending it."""
    stack.start_worker()
    until(lambda: shared(stack, "wakeup") is not None)
    template = shared(stack, "wakeup") or b""
    with Redis.from_url(stack.redis_url) as redis:
        for number in range(20):
            stack.producer().intake.enqueue(mobile_track(messageId=f"event-{number:02}"))
            old = template.replace(b"WAKEUP-TOKEN", b"0123456789abcdef0123456789abcdef")
            redis.lpush("convertro", old, old)
    journal = stack.producer().journal
    until(lambda: journal.snapshot().total("delivered") == 20)
    assert delivered(stack) == [f"event-{number:02}" for number in range(20)]
    assert journal.snapshot().unaccounted == 0
