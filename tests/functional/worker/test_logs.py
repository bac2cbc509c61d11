"""What a real worker logs, as an operator reads it at night."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from prometheus_client import generate_latest

from config.settings import DEFAULT_QUEUE
from tests.support.events import mobile_track
from tests.support.killed_server import Server
from tests.support.waiting import until
from worker.exporter.collector import journal_registry
from worker.lab.demo.embedded import embedded_server
from worker.lab.demo.stack import Stack, stop_process
from worker.task_names import DELIVER

SECRET = "ada.lovelace@example.com"

#: Loggers whose lines may have no action: Celery's own, and Python's warnings.
OTHERS = ("celery", "py.warnings")


def lines_of(stack: Stack) -> list[dict[str, Any]]:
    """All that the worker wrote, to any stream; it must be JSON, one document a line."""
    return [json.loads(line) for line in stack.worker_log.read_text().splitlines()]


def actions(stack: Stack) -> list[str]:
    """The actions of all complete lines so far."""
    return [line["action"] for line in stack.worker_lines() if "action" in line]


@pytest.fixture
def broker_url() -> Iterator[str]:
    """A separate broker, which outlives the journal."""
    with embedded_server() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


def test_an_outage_of_redis_is_a_few_lines_of_json(stack: Stack) -> None:
    worker = stack.start_worker(CONVERTRO_LOG_LEVEL="INFO")
    server, producer = Server(stack), stack.producer()
    stack.sandbox.add_fault("slow=1")
    producer.intake.enqueue_many([mobile_track(messageId=f"before-{n}") for n in range(8)])
    until(lambda: producer.journal.snapshot().claimed == 8)
    with server.down():
        # Both processes of the pool may notice it, and the parent certainly does.
        until(lambda: actions(stack).count("broker_unavailable") == 1)
        until(lambda: "broker_outage" in actions(stack))
    until(lambda: "broker_back" in actions(stack) and "journal_back" in actions(stack))
    until(lambda: producer.journal.snapshot().total("delivered") == 8)
    assert stop_process(worker) == 0
    lines = lines_of(stack)
    assert all("action" in line or line["logger"].startswith(OTHERS) for line in lines)
    errors = Counter(line.get("action") for line in lines if line["level"] == "error")
    assert errors == {"broker_outage": 1}
    assert not [line for line in lines if "exception" in line]
    told = Counter(line["action"] for line in lines if "action" in line)
    assert told["journal_unavailable"] == told["journal_back"] <= 3
    assert told["broker_unavailable"] == told["broker_back"] == 1
    assert list(told)[-2:] == ["worker_stopping", "worker_stopped"]
    assert len(lines) < 30, "an outage of half a minute is no reason to talk"


def test_a_task_that_is_no_wakeup_is_logged_without_its_arguments(
    stack: Stack, broker_url: str
) -> None:
    """A wake-up with unknown arguments, through a separate broker, logged at DEBUG."""
    worker = stack.start_worker(CONVERTRO_BROKER_URL=broker_url)
    until(lambda: stack.producer().journal.snapshot().workers)
    other = Celery("other", broker=broker_url, set_as_current=False)
    other.send_task(DELIVER, kwargs={SECRET: SECRET}, queue=DEFAULT_QUEUE)
    other.close()
    until(lambda: "foreign_message_dropped" in actions(stack))
    assert stop_process(worker) == 0
    assert [line for line in lines_of(stack) if line["level"] == "debug"]
    assert SECRET not in stack.worker_log.read_text()


def test_what_convertro_answers_is_kept_with_its_event_and_told_nowhere_else(
    stack: Stack,
) -> None:
    worker = stack.start_worker(CONVERTRO_LOG_LEVEL="DEBUG")
    stack.sandbox.add_fault(f"error-body,message=unknown user {SECRET}")
    producer = stack.producer()
    producer.intake.enqueue(mobile_track(messageId="refused"))
    until(lambda: producer.journal.snapshot().dead == 1)
    record = producer.journal.look("refused").record
    assert record is not None
    (attempt,) = record.outcomes
    assert attempt.said == f"unknown user {SECRET}"
    assert attempt.took_ms is not None
    assert stop_process(worker) == 0
    assert "event_dead" in stack.worker_log.read_text()
    assert SECRET not in stack.worker_log.read_text()
    metrics = generate_latest(journal_registry(producer.journal, producer.settings)).decode()
    assert "convertro_up 1.0" in metrics
    assert SECRET not in metrics
