"""The product at work: a journal that is filled while deliveries are paused, then delivered."""

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

#: Celery starts its pool before it says that it is ready, but a child still imports then.
SETTLE_SECONDS = 2.0

#: An application hears after 0.9 s that the journal does not answer, and calls again. While a
#: large append-only file is written anew a busy machine takes longer; here that is waited for,
#: so that it is part of the figures.
PATIENCE_SECONDS = 60.0

#: Imports, connections and caches are no part of the figures.
WARM_UP = 500


class NotExactlyOnceError(Exception):
    """Events are missing, came twice, or were never sent: the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of delivering."""

    events_per_second: float
    #: How many calls of `enqueue()` a second put them into the paused journal; None if lists did.
    enqueue_calls_per_second: float | None
    #: Of `worker` and `valkey`, from the moment at which delivery was allowed.
    used: dict[str, Used]


@dataclass(frozen=True, slots=True)
class Way:
    """How a worker and its Valkey are set; as it comes unless told otherwise."""

    #: Worker processes.
    processes: int = 2
    #: Further arguments of `celery worker`.
    arguments: Sequence[str] = ()
    #: Further `CONVERTRO_*` variables.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Settings of Valkey that differ from the stack's.
    valkey_config: Mapping[str, str] = field(default_factory=dict)
    #: What goes on beside the worker while it delivers.
    beside: Callable[[Stack], AbstractContextManager[object]] = nullcontext


class Deployment:
    """A stack whose worker delivers to a sink, and the number of the next event.

    Args:
        stack: With its Valkey running and the sink for its base URL.
        sink: Where the worker delivers to.
    """

    def __init__(self, stack: Stack, sink: Sink) -> None:
        self.stack = stack
        self.sink = sink
        self.producer = make_producer(stack.settings, PATIENCE_SECONDS)
        self._numbers = count()
        #: The events that `fill` put in last.
        self.expected = range(0)

    def fill(self, number: int) -> float:
        """Put events into the paused journal by lists; answers how many a second it took in."""
        return self._fill(number, self.producer.intake.enqueue_many)

    def fill_singly(self, number: int) -> float:
        """The same by single calls."""
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
        """Start the worker and wait until it could deliver; the journal is paused."""
        self.producer.journal.pause("measuring")
        level = {"CONVERTRO_LOG_LEVEL": "ERROR"}
        self.stack.start_worker("--concurrency", str(processes), *arguments, **level)
        until(lambda: self.producer.journal.snapshot().workers)
        time.sleep(SETTLE_SECONDS)

    def deliver(self, number: int, sample_seconds: float = SAMPLE_SECONDS) -> Delivered:
        """Let the worker deliver, and measure it by so many arrivals.

        Args:
            number: How many.
            sample_seconds: How often to look at memory, which takes long where there is much.
        """
        roots = {"worker": [worker.pid for worker in self.stack.workers]}
        self.sink.forget()
        with Watch({**roots, "valkey": [valkey_pid(self.stack)]}, sample_seconds) as watch:
            self.producer.journal.resume()
            self.sink.wait_for(number)
        return Delivered(steady_rate(self.sink.arrivals()[:number]), None, watch.used)

    def deliver_all(self) -> Delivered:
        """Let the worker deliver what `fill` put in.

        Raises:
            NotExactlyOnceError: Not every event arrived exactly once.
        """
        delivered = self.deliver(len(self.expected))
        until(lambda: self.producer.journal.snapshot().stored == 0)
        require_once(self.sink.arrivals(), self.expected)
        return delivered


def deploy(sink: Sink, environment: Mapping[str, str] | None = None, **valkey_config: str) -> Stack:
    """A stack with its Valkey running, which delivers to a sink; leave it with `with`."""
    stack = Stack({"CONVERTRO_BASE_URL": sink.url, **(environment or {})})
    stack.start_valkey(**valkey_config)
    return stack


def measure_delivery(latency_ms: float, events: int, way: Way | None = None) -> Delivered:
    """Deliver so many waiting events to a sink of that latency, by a worker that is warm."""
    way = way or Way()
    with Sink(latency_ms) as sink, deploy(sink, way.environment, **way.valkey_config) as stack:
        deployment = Deployment(stack, sink)
        deployment.start_worker(way.processes, *way.arguments)
        with way.beside(stack):
            deployment.fill(WARM_UP)
            deployment.deliver_all()
            calls_per_second = deployment.fill_singly(events)
            delivered = deployment.deliver_all()
    return replace(delivered, enqueue_calls_per_second=calls_per_second)


def steady_rate(arrivals: Sequence[Arrival]) -> float:
    """Arrivals per second, the first and the last tenth left out: both ends are ragged."""
    times = sorted(arrival.at_seconds for arrival in arrivals)
    first, last = len(times) // 10, len(times) - len(times) // 10 - 1
    return (last - first) / (times[last] - times[first])


def require_once(arrivals: Sequence[Arrival], expected: range) -> None:
    """Make sure that each event arrived exactly once.

    Raises:
        NotExactlyOnceError: One did not.
    """
    found = tally(arrivals, expected)
    if any(found):
        raise NotExactlyOnceError(f"not every event arrived exactly once: {found}")
