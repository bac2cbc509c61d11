"""saq: two worker processes with 128 jobs each, on uvloop, with hiredis.

Jobs are not kept when they are done (`ttl=-1`); three retries with backoff. Jobs wait in a
blocking read each, so nothing is polled. A `max_concurrent_ops` of 128 instead of its default of
20 made no difference beyond the noise. There is no bulk call: `enqueue_many` gathers 500 single
ones, as an asynchronous application does.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from saq import Queue

from benchmarks.ways.async_delivery import Deliverer, use_uvloop
from benchmarks.ways.delivery import IN_FLIGHT, REDIS_URL

use_uvloop()

_OPTIONS: dict[str, Any] = {"ttl": -1, "retries": 3, "retry_delay": 1.0, "retry_backoff": True}


def make_queue() -> Queue:
    return Queue.from_url(REDIS_URL, name="race")


async def deliver(context: dict[str, Any], *, event: dict[str, Any]) -> None:
    await context["deliverer"].deliver(event)


async def start(context: dict[str, Any]) -> None:
    context["deliverer"] = Deliverer()


async def stop(context: dict[str, Any]) -> None:
    await context["deliverer"].close()


def settings() -> dict[str, Any]:
    """What `saq` runs."""
    return {
        "queue": make_queue(),
        "functions": [deliver],
        "concurrency": IN_FLIGHT,
        "startup": start,
        "shutdown": stop,
    }


class _Producer:
    queue: Queue


async def connect() -> None:
    _Producer.queue = make_queue()
    await _Producer.queue.connect()


async def enqueue(event: dict[str, Any]) -> None:
    await _Producer.queue.enqueue("deliver", event=event, **_OPTIONS)


async def enqueue_many(events: Sequence[dict[str, Any]]) -> None:
    await asyncio.gather(*map(enqueue, events))
