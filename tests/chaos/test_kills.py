"""Workers are killed while events come in; not one event is lost."""

import os
import random
import signal
import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from tests.events import mobile_track
from tests.waiting import until
from worker.demo.stack import Stack

if TYPE_CHECKING:
    import subprocess

LEASE_SECONDS = 8
EVENTS_PER_SECOND = 200
KILLS = 20

#: All but the lease is short, so that leases often end while events are under way.
SETTINGS = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "BLIP_SECONDS": "0.5",
    "CONNECT_TIMEOUT_SECONDS": "0.5",
    "READ_TIMEOUT_SECONDS": "2",
    "RETRY_BASE_SECONDS": "0.5",
    "RETRY_MAX_SECONDS": "2",
}


class Trickle(Thread):
    """An application that enqueues a steady stream of events."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._intake = stack.producer().intake
        self._end = Event()
        self.ids: list[str] = []

    def run(self) -> None:
        begun = time.monotonic()
        while not self._end.wait(1 / EVENTS_PER_SECOND):
            while len(self.ids) < (time.monotonic() - begun) * EVENTS_PER_SECOND:
                name = f"trickle-{len(self.ids)}"
                self._intake.enqueue(mobile_track(messageId=name))
                self.ids.append(name)

    def end(self) -> None:
        self._end.set()
        self.join()


def kill(worker: "subprocess.Popen[str]") -> None:
    """SIGKILL a worker with every process of its pool."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@pytest.mark.environment(**SETTINGS)
def test_twenty_kills_lose_nothing(stack: Stack, seed: int) -> None:
    chance = random.Random(seed)
    # The first rule that fits answers: these are never accepted.
    stack.sandbox.add_fault("status=400,match=trickle-13")
    stack.sandbox.add_fault("slow=0.05,ratio=0.2")
    stack.sandbox.add_fault("status=503,ratio=0.01")
    trickle = Trickle(stack)
    trickle.start()
    try:
        for _ in range(KILLS):
            worker = stack.start_worker()
            # A worker needs about a second and a half to begin: most kills hit it at work.
            time.sleep(chance.uniform(1.0, 3.5))
            kill(worker)
    finally:
        trickle.end()
    stack.start_worker()
    journal = stack.producer().journal
    until(lambda: journal.snapshot().in_flight == 0, patience_seconds=LEASE_SECONDS + 10)

    snapshot = journal.snapshot()
    assert snapshot.unaccounted == 0
    assert not list(journal.inspect())
    assert snapshot.total("accepted") == len(trickle.ids)
    dead = {letter.event_id: letter.record.reason for letter in journal.dead_letters()}
    assert set(dead.values()) <= {"rejected"}
    calls = stack.sandbox.calls()
    # One call for each event, so any other key would be a sale counted twice.
    assert len({call.key for call in calls}) == len(calls)
    delivered = {call.key.removesuffix("/0") for call in calls}
    assert delivered | set(dead) == set(trickle.ids)
    assert delivered.isdisjoint(dead)
    duplicates = sum(call.times - 1 for call in calls)
    print(
        f"{KILLS} kills, {len(trickle.ids)} events, {len(delivered)} delivered, {len(dead)} dead, "
        f"0 lost, {duplicates} sent again under the same key, "
        f"{snapshot.counters.get('leases_lost', 0)} leases lost"
    )
