"""A worker whose processes may open fewer files than they have events in flight."""

import resource
import socket
import time

import pytest

from tests.support.events import mobile_track
from tests.support.processes import children_of
from tests.support.raw_server import OK, RawServer, raw_server
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

FILES = resource.RLIMIT_NOFILE
EVENTS = 200


def slowly(_server: RawServer, connection: socket.socket) -> bool:
    """Keep each connection busy for a while."""
    time.sleep(0.5)
    connection.sendall(OK)
    return True


@pytest.mark.environment(CONCURRENCY="100", RETRY_BASE_SECONDS="1")
def test_a_worker_goes_on_with_fewer_files_than_it_needs(stack: Stack) -> None:
    with raw_server() as server:
        server.usual = slowly
        worker = stack.start_worker("-c", "1", CONVERTRO_BASE_URL=server.base_url)
        producer = stack.producer()
        until(lambda: producer.journal.snapshot().workers)
        for child in children_of(worker.pid):
            resource.prlimit(child, FILES, (50, 50))
        for number in range(EVENTS):
            producer.intake.enqueue(mobile_track(messageId=f"m{number}"))
        until(lambda: producer.journal.snapshot().total("delivered") == EVENTS, 120)
        assert len(server.requests) == EVENTS
    actions = {line.get("action") for line in stack.worker_lines()}
    assert "event_postponed" in actions  # the limit was reached
    assert "OSError at" not in stack.worker_log.read_text()


def test_a_worker_raises_its_limit_as_far_as_it_may(stack: Stack) -> None:
    before, most = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (min(before, most - 1), most))
    try:
        worker = stack.start_worker("-c", "1")
    finally:
        resource.setrlimit(FILES, (before, most))
    producer = stack.producer()
    producer.intake.enqueue(mobile_track(messageId="one"))
    until(lambda: producer.journal.snapshot().total("delivered") == 1)
    assert [resource.prlimit(child, FILES) for child in children_of(worker.pid)] == [(most, most)]
