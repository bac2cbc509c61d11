"""Enqueues for the race, in the environment of its way: `python -m benchmarks.producer MODULE`.

Each line of its input is an order, `{"kind": …, "first": …, "count": …}`. It prepares the events
and prints `ready`. At the line `go` it enqueues them, then prints the time and CPU that took as a
line of JSON. `single` enqueues one after the other, `many` in lists of 500, `paced` at `rate` a
second without waiting for deliveries.
"""

import asyncio
import gc
import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.event import event

CHUNK = 500

Order = dict[str, Any]
Result = dict[str, Any]


def chunks(events: list[Any]) -> list[list[Any]]:
    return [events[start : start + CHUNK] for start in range(0, len(events), CHUNK)]


class Orders:
    """Reads the orders and answers them; measures the time between `begin` and `end`."""

    def receive(self) -> tuple[Order, list[dict[str, Any]]] | None:
        """The next order with its events; None at the end of the input."""
        line = sys.stdin.readline()
        if not line:
            return None
        order: Order = json.loads(line)
        events = [
            event(number) for number in range(order["first"], order["first"] + order["count"])
        ]
        gc.collect()
        gc.freeze()  # so that a collection does not look through the events
        return order, events

    def begin(self) -> None:
        print("ready", flush=True)
        sys.stdin.readline()
        self._cpu = time.process_time()
        self._begun_at = time.time()
        self._begun = time.perf_counter()

    def end(self, calls_at: list[float]) -> None:
        result = {
            "seconds": time.perf_counter() - self._begun,
            "cpu_seconds": time.process_time() - self._cpu,
            "begun_at": self._begun_at,
            "calls_at": calls_at,
        }
        print(json.dumps(result), flush=True)


def produce(enqueue: Callable[[Any], Any], enqueue_many: Callable[[Any], Any] | None) -> None:
    """Carry out orders with ordinary functions."""
    orders = Orders()
    while received := orders.receive():
        order, events = received
        calls_at: list[float] = []
        if order["kind"] == "many" and enqueue_many:
            lists = chunks(events)
            orders.begin()
            for some in lists:
                enqueue_many(some)
        elif order["kind"] == "paced":
            orders.begin()
            begun = time.time()
            for number, each in enumerate(events):
                if (wait := begun + number / order["rate"] - time.time()) > 0:
                    time.sleep(wait)
                calls_at.append(time.time())
                enqueue(each)
        else:
            orders.begin()
            for each in events:
                enqueue(each)
        orders.end(calls_at)


async def produce_async(
    enqueue: Callable[[Any], Coroutine[Any, Any, Any]],
    enqueue_many: Callable[[Any], Coroutine[Any, Any, Any]] | None,
) -> None:
    """Carry out orders with coroutine functions, each awaited before the next."""
    orders = Orders()
    while received := orders.receive():
        order, events = received
        calls_at: list[float] = []
        if order["kind"] == "many" and enqueue_many:
            lists = chunks(events)
            orders.begin()
            for some in lists:
                await enqueue_many(some)
        elif order["kind"] == "paced":
            orders.begin()
            begun = time.time()
            for number, each in enumerate(events):
                if (wait := begun + number / order["rate"] - time.time()) > 0:
                    await asyncio.sleep(wait)
                calls_at.append(time.time())
                await enqueue(each)
        else:
            orders.begin()
            for each in events:
                await enqueue(each)
        orders.end(calls_at)


def main() -> None:
    way = importlib.import_module(f"benchmarks.ways.{sys.argv[1]}")
    enqueue_many = getattr(way, "enqueue_many", None)
    if not inspect.iscoroutinefunction(way.enqueue):
        produce(way.enqueue, enqueue_many)
        return

    import uvloop  # noqa: PLC0415  only in environments of asynchronous ways

    async def run() -> None:
        await way.connect()
        await produce_async(way.enqueue, enqueue_many)

    uvloop.run(run())


if __name__ == "__main__":
    main()
