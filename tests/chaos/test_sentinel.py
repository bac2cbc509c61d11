"""The master disappears or is demoted; the producer and the worker go on by themselves."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock, Thread

import pytest

from convertro.errors import JournalUnavailable
from tests.support.events import mobile_track
from tests.support.failover import REDIS_PASSWORD, SENTINEL_PASSWORD, Failover, running
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

EVENTS_PER_SECOND = 50

#: A short lease, so that events claimed just before a failover become due again during the test.
SHORT_LEASE = {
    "CONVERTRO_LEASE_SECONDS": "8",
    "CONVERTRO_BLIP_SECONDS": "0.5",
    "CONVERTRO_CONNECT_TIMEOUT_SECONDS": "0.5",
    "CONVERTRO_READ_TIMEOUT_SECONDS": "2",
}


class Application(Thread):
    """Enqueues a steady stream of events, each repeatedly until it is accepted."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._intake = stack.producer().intake
        self._end = Event()
        self._running = Lock()
        #: When each event's enqueue() returned, in seconds of the monotonic clock.
        self.accepted: dict[str, float] = {}
        #: The reasons of the calls that failed and were repeated.
        self.refusals: list[str] = []

    def run(self) -> None:
        while not self._end.wait(1 / EVENTS_PER_SECOND):
            with self._running:
                self._enqueue(f"event-{len(self.accepted)}")

    def _enqueue(self, name: str) -> None:
        while True:
            try:
                self._intake.enqueue(mobile_track(messageId=name))
            except JournalUnavailable as error:
                self.refusals.append(error.reason)
                if self._end.wait(0.05):
                    return
            else:
                self.accepted[name] = time.monotonic()
                return

    def pause(self) -> None:
        """Wait until the current event is enqueued, and begin no other."""
        self._running.acquire()

    def go_on(self) -> None:
        self._running.release()

    def accepted_since(self, moment: float) -> set[str]:
        return {name for name, at in list(self.accepted.items()) if at > moment}

    def end(self) -> None:
        self._end.set()
        self.join()


@pytest.fixture
def failover(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Failover]:
    with running(tmp_path, **getattr(request, "param", {})) as failover:
        yield failover


@pytest.fixture
def stack(failover: Failover) -> Iterator[Stack]:
    with Stack({**failover.environment, **SHORT_LEASE}) as stack:
        stack.start_sandbox()
        yield stack


@pytest.fixture
def application(stack: Stack) -> Iterator[Application]:
    """An application that enqueues, and a worker that has begun to deliver."""
    worker = stack.start_worker()
    application = Application(stack)
    application.start()
    until(lambda: delivered(stack))
    yield application
    application.end()
    assert worker.poll() is None, "the worker ended"
    log = stack.worker_log.read_text()
    assert REDIS_PASSWORD not in log
    assert SENTINEL_PASSWORD not in log


def delivered(stack: Stack) -> set[str]:
    return {call.key.partition("/")[0] for call in stack.sandbox.calls()}


def goes_on(stack: Stack, application: Application, begun: float, what: str) -> float:
    """Wait until events are accepted and delivered again; return when the first was accepted.

    Events accepted before `begun` do not count.
    """
    until(lambda: application.accepted_since(begun))
    first = min(at for at in list(application.accepted.values()) if at > begun)
    until(lambda: application.accepted_since(begun) & delivered(stack))
    print(
        f"{what}: an event was accepted {first - begun:.1f} s later, one was delivered "
        f"{time.monotonic() - begun:.1f} s later, after {len(application.refusals)} refusals"
    )
    application.refusals.clear()
    return first


def drain(stack: Stack, application: Application) -> None:
    """Stop enqueuing, wait until nothing is in flight, and check that the journal adds up."""
    application.end()
    journal = stack.producer().journal
    until(lambda: journal.snapshot().in_flight == 0)
    assert journal.snapshot().unaccounted == 0
    assert not list(journal.inspect())
    assert journal.snapshot().dead == 0


def report_lost(stack: Stack, application: Application) -> None:
    lost = set(application.accepted) - delivered(stack)
    print(f"{len(lost)} of {len(application.accepted)} events were lost with their master")


def test_a_killed_master_loses_nothing_that_was_replicated(
    stack: Stack, failover: Failover, application: Application
) -> None:
    until(lambda: len(application.accepted) > 200)
    application.pause()
    failover.replicate()
    old = failover.master()
    begun = time.monotonic()
    old.kill()
    application.go_on()
    until(lambda: len(application.refusals) > 0)
    refusals = list(application.refusals)
    goes_on(stack, application, begun, "SIGKILL of the master")
    assert failover.master() is not old
    # Every accepted event was replicated before the kill, or accepted after it.
    drain(stack, application)
    assert delivered(stack) == set(application.accepted)
    assert not any(REDIS_PASSWORD in reason for reason in refusals)


@pytest.mark.slow
def test_masters_are_killed_there_and_back_under_load(
    stack: Stack, failover: Failover, application: Application
) -> None:
    """Replication is asynchronous, so the last events that a master accepted may be lost."""

    def kill_the_master() -> float:
        until(failover.ready)
        old = failover.master()
        begun = time.monotonic()
        old.kill()
        first = goes_on(stack, application, begun, "SIGKILL under load")
        assert failover.master() is not old
        old.start()
        return first

    kill_the_master()
    back = kill_the_master()
    drain(stack, application)
    assert application.accepted_since(back) <= delivered(stack)
    report_lost(stack, application)


@pytest.mark.slow
@pytest.mark.parametrize(
    "failover",
    [{"replicas": 2, "config": ["min-replicas-to-write 1", "min-replicas-max-lag 10"]}],
    ids=["with replicas to spare"],
    indirect=True,
)
def test_a_demoted_master_is_left_although_it_is_up(
    stack: Stack, failover: Failover, application: Application
) -> None:
    """The Sentinels take ten seconds to demote it, and until then it regards itself as the master.

    Its replicas leave it within a second, and from then on it refuses writes.
    """
    until(lambda: len(application.accepted) > 200)
    old = failover.master()
    failover.fail_over_by_hand()
    until(lambda: application.refusals)
    assert "NOREPLICAS" in application.refusals[0]
    refused = time.monotonic()
    until(lambda: application.accepted_since(refused))
    assert old.role()["role"] == "master"
    left = goes_on(stack, application, refused, "SENTINEL FAILOVER")
    until(lambda: old.role().get("role") == "slave")
    drain(stack, application)
    assert application.accepted_since(left) <= delivered(stack)
    report_lost(stack, application)
