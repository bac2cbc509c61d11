"""taskiq with taskiq-redis's stream broker, the one with acknowledgements, and uvloop.

Two workers, the default; `--max-async-tasks 128` instead of 100; acknowledged when executed, as
there is no result to save. Retries by `SimpleRetryMiddleware`, as its documentation shows. 50
connections a process, with which it was fastest. Prefetching (`--max-prefetch 128`) and
`--no-parse` made no difference beyond the noise. The stream is not trimmed (`maxlen`), which is
the default and never loses an event. There is no bulk call: `enqueue_many` gathers 500 single
ones, as an asynchronous application does.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from taskiq import SimpleRetryMiddleware, TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from benchmarks.ways.async_delivery import Deliverer
from benchmarks.ways.delivery import REDIS_URL

CONNECTIONS = 50

broker = RedisStreamBroker(REDIS_URL, max_connection_pool_size=CONNECTIONS).with_middlewares(
    SimpleRetryMiddleware(default_retry_count=3)
)


class _Worker:
    deliverer: Deliverer


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start(_state: TaskiqState) -> None:
    _Worker.deliverer = Deliverer()


@broker.task(retry_on_error=True)
async def deliver(event: dict[str, Any]) -> None:
    await _Worker.deliverer.deliver(event)


async def connect() -> None:
    await broker.startup()


async def enqueue(event: dict[str, Any]) -> None:
    await deliver.kiq(event)


async def enqueue_many(events: Sequence[dict[str, Any]]) -> None:
    await asyncio.gather(*map(enqueue, events))
