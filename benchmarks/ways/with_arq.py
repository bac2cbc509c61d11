"""arq: two workers with up to 128 jobs each, on uvloop, with hiredis.

`poll_delay` is 20 instead of 500 ms: between two polls a worker starts no more than `max_jobs`
jobs, so with the default it would start 256 a second, and an event would wait for the next poll.
From 10 to 100 ms throughput changed by less than the noise. `keep_result=0`, so that no results
are stored; results are not logged either. Jobs are tried five times, the default, and leave the
queue after the work. There is no bulk call: `enqueue_many` gathers 500 single ones, as an
asynchronous application does.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from arq.worker import Retry

from benchmarks.ways.async_delivery import Deliverer, use_uvloop
from benchmarks.ways.delivery import IN_FLIGHT, REDIS_URL

use_uvloop()

#: Given to `arq --custom-log-dict`.
QUIET = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}}

SETTINGS = RedisSettings.from_dsn(REDIS_URL)


async def deliver(context: dict[str, Any], event: dict[str, Any]) -> None:
    try:
        await context["deliverer"].deliver(event)
    except Exception as error:
        raise Retry(defer=context["job_try"] * 5) from error


async def start(context: dict[str, Any]) -> None:
    context["deliverer"] = Deliverer()


async def stop(context: dict[str, Any]) -> None:
    await context["deliverer"].close()


class WorkerSettings:
    """What `arq` runs."""

    functions: ClassVar = [deliver]
    on_startup = start
    on_shutdown = stop
    redis_settings = SETTINGS
    max_jobs = IN_FLIGHT
    poll_delay = 0.02
    keep_result = 0
    log_results = False


class _Producer:
    pool: ArqRedis


async def connect() -> None:
    _Producer.pool = await create_pool(SETTINGS)


async def enqueue(event: dict[str, Any]) -> None:
    await _Producer.pool.enqueue_job("deliver", event)


async def enqueue_many(events: Sequence[dict[str, Any]]) -> None:
    await asyncio.gather(*map(enqueue, events))
