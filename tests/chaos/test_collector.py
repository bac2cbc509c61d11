"""The collector is killed under load; what it answered with 200 is accounted for."""

import json
import random
import time
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread

import pytest

from tests.support.collector_process import BASIC, CollectorProcess
from tests.support.events import mobile_track
from tests.support.killed_server import Server
from tests.support.load import SETTINGS
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

SENDERS = 4

#: The number of events in each request; one is skipped, one becomes a dead letter.
BATCH = 10


class Sender(Thread):
    """A client that sends batch after batch, and repeats each until it is accepted."""

    def __init__(self, name: str, port: int, end: Event) -> None:
        super().__init__()
        self._prefix = name
        self._port = port
        self._end = end
        #: Ids of events in requests that were answered 200.
        self.safe: list[str] = []
        self.failures = 0

    def run(self) -> None:
        number = 0
        while not self._end.is_set():
            ids = [f"{self._prefix}-{number}-{index}" for index in range(BATCH)]
            if self._post(ids):
                self.safe += ids
                number += 1
            else:
                self.failures += 1
                time.sleep(0.05)

    def _post(self, ids: list[str]) -> bool:
        events = [mobile_track(messageId=name) for name in ids]
        events[0]["type"] = "page"
        events[1]["context"] = {}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("POST", "/v1/batch", json.dumps({"batch": events}), BASIC)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.environment(**SETTINGS)
def test_kills_of_the_collector_lose_nothing(stack: Stack, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    Server(stack)  # it writes to disk before it answers
    stack.start_worker()
    journal = stack.producer().journal
    end = Event()
    with CollectorProcess(stack.environment) as collector:
        senders = [Sender(f"s{number}", collector.port, end) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.3, 1.5))
            collector.kill()
            collector.start()
        time.sleep(0.5)
        end.set()
        for sender in senders:
            sender.join()
    until(lambda: journal.snapshot().in_flight == 0)
    safe = {name for sender in senders for name in sender.safe}
    snapshot = journal.snapshot()
    assert snapshot.unaccounted == 0
    delivered = {call.key.partition("/")[0] for call in stack.sandbox.calls()}
    dead = {letter.event_id: letter.record.reason for letter in journal.dead_letters()}
    skipped = {name for name in safe if name.endswith("-0")}
    assert safe <= delivered | set(dead) | skipped
    assert {dead[name] for name in safe & set(dead)} <= {"missing_device_id", "no_identity"}
    # A skipped page only leaves a count, which includes those answered with 200 and perhaps more.
    assert snapshot.total("skipped") >= len(skipped)
    failures = sum(sender.failures for sender in senders)
    assert failures >= kills
    print(f"{kills} kills, {len(safe)} events answered 200, 0 lost, {failures} requests failed")
