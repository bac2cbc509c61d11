"""Measures the product's deliveries: fills a journal while they are paused, then resumes them."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from benchmarks.event import event
from benchmarks.sink import Arrival, Sink, tally
from benchmarks.usage import SAMPLE_SECONDS, Used, Watch, valkey_pid
from tests.support.waiting import until
from worker.journal.producer import make_producer
from worker.lab.demo.stack import Stack

#: The wait after the worker's first sign of life, in seconds: its pool has started by then, but the
#: children still import.
SETTLE_SECONDS = 2.0

#: How long the producer waits for Redis, in seconds. An application gets an error after 0.9 s and
#: calls again. A busy machine that rewrites a large append-only file takes longer; the producer
#: waits for it, so that it is part of the figures.
PATIENCE_SECONDS = 60.0

#: The number of events delivered before measuring, because imports, new connections and cold caches
#: are not to be part of the figures.
WARM_UP = 500


class NotExactlyOnceError(Exception):
    """Events are missing, arrived twice, or were never sent, so the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The figures of some deliveries."""

    events_per_second: float
    #: The calls of `enqueue()` per second that filled the paused journal; None if lists filled it.
    enqueue_calls_per_second: float | None
    #: What `worker` and `valkey` used from the end of the pause on.
    used: dict[str, Used]


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of a worker and its Valkey; the defaults unless given."""

    #: The number of worker processes.
    processes: int = 2
    #: Further arguments of `celery worker`.
    arguments: Sequence[str] = ()
    #: Further `CONVERTRO_*` variables.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Settings of Valkey that differ from the stack's.
    valkey_config: Mapping[str, str] = field(default_factory=dict)
    #: What runs beside the worker while it delivers.
    beside: Callable[[Stack], AbstractContextManager[object]] = nullcontext


class Deployment:
    """A stack whose worker delivers to a sink, and the number of the next event.

    Args:
        stack: A stack whose Valkey runs and whose base URL is the sink's.
        sink: The sink to which the worker delivers.
    """

    def __init__(self, stack: Stack, sink: Sink) -> None:
        self.stack = stack
        self.sink = sink
        self.producer = make_producer(stack.settings, PATIENCE_SECONDS)
        self._numbers = count()
        #: The numbers of the events that `fill` enqueued last.
        self.expected = range(0)

    def fill(self, number: int) -> float:
        """Enqueue events into the paused journal in lists; return how many per second."""
        return self._fill(number, self.producer.intake.enqueue_many)

    def fill_singly(self, number: int) -> float:
        """Enqueue events into the paused journal by single calls; return how many per second."""
        return self._fill(number, lambda events: list(map(self.producer.intake.enqueue, events)))

    def _fill(self, number: int, enqueue: Callable[[Iterable[Any]], object]) -> float:
        self.producer.journal.pause("measuring")
        first = next(self._numbers)
        self._numbers = count(first + number)
        self.expected = range(first, first + number)
        begun = time.perf_counter()
        enqueue(map(event, self.expected))
        return number / (time.perf_counter() - begun)

    def start_worker(self, processes: int, *arguments: str) -> None:
        """Pause deliveries, start the worker and wait until it could deliver."""
        self.producer.journal.pause("measuring")
        level = {"CONVERTRO_LOG_LEVEL": "ERROR"}
        self.stack.start_worker("--concurrency", str(processes), *arguments, **level)
        until(lambda: self.producer.journal.snapshot().workers)
        time.sleep(SETTLE_SECONDS)

    def deliver(self, number: int, sample_seconds: float = SAMPLE_SECONDS) -> Delivered:
        """Let the worker deliver, and measure it until a number of events have arrived.

        Args:
            number: The number of arrivals.
            sample_seconds: How often to measure memory, in seconds; if it is large that takes long.
        """
        roots = {"worker": [worker.pid for worker in self.stack.workers]}
        self.sink.forget()
        with Watch({**roots, "valkey": [valkey_pid(self.stack)]}, sample_seconds) as watch:
            self.producer.journal.resume()
            self.sink.wait_for(number)
        return Delivered(steady_rate(self.sink.arrivals()[:number]), None, watch.used)

    def deliver_all(self) -> Delivered:
        """Let the worker deliver what `fill` enqueued.

        Raises:
            NotExactlyOnceError: Not every event arrived exactly once.
        """
        delivered = self.deliver(len(self.expected))
        until(lambda: self.producer.journal.snapshot().stored == 0)
        require_once(self.sink.arrivals(), self.expected)
        return delivered


def deploy(sink: Sink, environment: Mapping[str, str] | None = None, **valkey_config: str) -> Stack:
    """Start a stack's Valkey and return the stack, which delivers to a sink; use it in a `with`."""
    stack = Stack({"CONVERTRO_BASE_URL": sink.url, **(environment or {})})
    stack.start_valkey(**valkey_config)
    return stack


def measure_delivery(latency_ms: float, events: int, setup: Setup | None = None) -> Delivered:
    """Measure how a warmed-up worker delivers waiting events to a sink with some latency."""
    setup = setup or Setup()
    with Sink(latency_ms) as sink, deploy(sink, setup.environment, **setup.valkey_config) as stack:
        deployment = Deployment(stack, sink)
        deployment.start_worker(setup.processes, *setup.arguments)
        with setup.beside(stack):
            deployment.fill(WARM_UP)
            deployment.deliver_all()
            calls_per_second = deployment.fill_singly(events)
            delivered = deployment.deliver_all()
    return replace(delivered, enqueue_calls_per_second=calls_per_second)


def steady_rate(arrivals: Sequence[Arrival]) -> float:
    """The arrivals per second without the first and the last tenth, which are uneven."""
    times = sorted(arrival.at_seconds for arrival in arrivals)
    first, last = len(times) // 10, len(times) - len(times) // 10 - 1
    return (last - first) / (times[last] - times[first])


def require_once(arrivals: Sequence[Arrival], expected: range) -> None:
    """Make sure that each event arrived exactly once.

    Raises:
        NotExactlyOnceError: An event did not.
    """
    found = tally(arrivals, expected)
    if any(found):
        raise NotExactlyOnceError(f"not every event arrived exactly once: {found}")
