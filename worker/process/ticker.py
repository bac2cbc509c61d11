"""The ticker: once a second each worker records that it is alive, and sends missing wake-ups.

Because of it wake-ups may get lost: a tick finds due retries, ended leases and due events whose
wake-up was lost.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import structlog
from celery import bootsteps
from celery.platforms import EX_FAILURE
from celery.worker import state

from convertro.errors import JournalUnavailable
from worker.journal.journal import Disagreement, Journal
from worker.log_actions import LogAction
from worker.process.foreign_messages import ForeignMessages
from worker.process.outage import Outage
from worker.process.wakeups import Wakeups

_TICK_SECONDS = 1.0

#: A difference of the clocks up to this does no harm, and an answer of Redis may take a second.
_SKEW_SECONDS = 3.0

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Ticker:
    """One worker's heartbeat."""

    #: The journal in which the worker is registered.
    journal: Journal
    #: Publishes wake-ups.
    wakeups: Wakeups
    #: The worker's name, unique among live workers.
    worker: str
    #: How many deliver tasks the worker runs at once.
    capacity: int
    #: The journal's outage as this worker sees it; outlives the ticker.
    outage: Outage
    #: The messages that the worker dropped from its queue; outlives the ticker too.
    foreign: ForeignMessages
    #: Whether the clocks of this machine and of Redis differed at the last tick.
    clocks_differ: bool = field(default=False, init=False)

    def tick(self) -> None:
        """Register the worker, send missing wake-ups, keep dead letters within their bounds.

        Raises:
            Disagreement: Another worker started before with other values.
        """
        tokens = self.wakeups.offer(self.capacity)
        foreign = self.foreign.uncounted()
        self.foreign.say()
        try:
            registered = self.journal.tick(self.worker, self.capacity, tokens, foreign)
        except JournalUnavailable as error:
            self.outage.note(error.reason)
            return
        self.outage.end()
        self.foreign.counted(foreign)
        self._compare_clocks()
        self.wakeups.publish(registered)

    def _compare_clocks(self) -> None:
        """Log once that the clocks differ; all waits and leases are by Redis's clock alone."""
        differ = abs(self.journal.skew_seconds) > _SKEW_SECONDS
        if differ and not self.clocks_differ:
            log.warning(
                "This machine's clock is not that of Redis: times in the log and in records are "
                "wrong; set both by NTP.",
                action=LogAction.CLOCKS_DIFFER,
                ahead_seconds=round(self.journal.skew_seconds, 1),
            )
        self.clocks_differ = differ

    def tell_clients(self) -> None:
        """Store in the journal how clients wake workers."""
        try:
            if sample := self.wakeups.sample(self.journal.take_entry):
                self.journal.leave_wakeup(self.wakeups.queue, sample)
            else:
                self.journal.forget_wakeup()
        except JournalUnavailable as error:
            self.outage.note(error.reason)

    def resize(self, capacity: int) -> None:
        """Register another capacity from the next tick on, after the pool has grown or shrunk."""
        if capacity == self.capacity:
            return
        try:
            self.journal.leave(self.worker, self.capacity)
        except JournalUnavailable as error:
            self.outage.note(error.reason)
        self.capacity = capacity

    def leave(self) -> None:
        """Remove the worker from the journal; if Redis is unavailable, it will count as silent."""
        foreign = self.foreign.uncounted()
        try:
            if foreign:
                self.journal.tick(self.worker, self.capacity, (), foreign)
                self.foreign.counted(foreign)
            self.journal.leave(self.worker, self.capacity)
        except JournalUnavailable as error:
            self.outage.note(error.reason)


class WorkerName:
    """The name under which the journal knows this worker.

    It has a random part, because hosts and containers may share names and process ids.
    """

    def __init__(self) -> None:
        #: `celery@host/12-8c1f`; without the node name before the worker starts.
        self.value = _unique("")

    def take(self, node: str) -> None:
        """Set the node name, which is Celery's name of the worker."""
        self.value = _unique(node)


def _unique(node: str) -> str:
    return f"{node}/{os.getpid()}-{uuid4().hex[:4]}"


def _capacity_of(pool: Any) -> int:
    """Get how many deliver tasks a pool runs at once: one in each process."""
    return int(pool.num_processes) if _kind_of(pool) == "prefork" else 1


def _kind_of(pool: Any) -> str:
    return type(pool).__module__.rpartition(".")[2]


class _TimerThread(Thread):
    """Ticks in a thread, for a pool whose tasks run in the timer's thread and block the timer."""

    def __init__(self, tick: Callable[[], None]) -> None:
        super().__init__(name="ticker", daemon=True)
        self._tick = tick
        self._over = Event()

    def run(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            self._tick()

    def cancel(self) -> None:
        """Stop, after waiting for the current tick."""
        self._over.set()
        self.join()


def _repeat(consumer: Any, tick: Callable[[], None]) -> Any:
    """Call `tick` each second until the returned object is cancelled."""
    if _kind_of(consumer.pool) != "solo":
        return consumer.timer.call_repeatedly(_TICK_SECONDS, tick)
    thread = _TimerThread(tick)
    thread.start()
    return thread


def ticker_step(
    make_ticker: Callable[[int], Ticker], explain: Callable[[Disagreement], str]
) -> type[bootsteps.StartStopStep]:
    """Make the step that runs a ticker on the timer of a worker's consumer.

    Args:
        make_ticker: Makes the ticker for a worker's capacity.
        explain: Makes the sentence why a worker that disagrees with another one has to stop.
    """

    class TickerStep(bootsteps.StartStopStep):
        """Ticks while the consumer runs."""

        requires = ("celery.worker.consumer.tasks:Tasks",)

        def __init__(self, _consumer: Any, **_options: Any) -> None:
            self._pool: Any = None
            self._timer: Any = None
            self._ticker: Ticker | None = None

        def start(self, consumer: Any) -> None:
            """Tick now and every second."""
            self._pool = consumer.pool
            self._ticker = make_ticker(_capacity_of(self._pool))
            self._ticker.tell_clients()
            self._tick()
            self._timer = _repeat(consumer, self._tick)

        def _tick(self) -> None:
            if self._ticker is None:
                return
            self._ticker.resize(_capacity_of(self._pool))
            try:
                self._ticker.tick()
            except Disagreement as error:
                log.error(explain(error), action=LogAction.WORKER_DISAGREES)  # noqa: TRY400  a traceback adds nothing
                state.should_stop = EX_FAILURE  # type: ignore[assignment]  # the stubs lack numbers

        def stop(self, _consumer: Any) -> None:
            """Stop ticking, and remove the worker from the journal."""
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._ticker is not None:
                self._ticker.leave()
                self._ticker = None

        shutdown = stop

    return TickerStep
