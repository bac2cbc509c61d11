"""RQ with its worker pool of SimpleWorkers, which run jobs without a fork each.

Its notes on performance name SimpleWorker as the one for very short jobs, six times as fast as the
default. A worker runs one job at a time, so there are many of them: 64, the best single number
over all latencies. 32 took half the memory and less CPU and were faster at 50 ms, and 64 delivered
half as much again at 200 ms. The pool imports the job's module before it forks, as its
documentation advises. Results and finished jobs are not kept (`result_ttl=0`), failed ones are
retried (`Retry(max=3)`), and a description is given, which otherwise is made from the arguments of
each job. Bulk: `enqueue_many` with lists of 500, one pipeline.
"""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from rq import Queue, Retry

from benchmarks.ways.delivery import REDIS_URL
from benchmarks.ways.sync_delivery import deliver

#: Read by `rq --config`.
QUEUES = ["race"]

queue: Any = Queue("race", connection=Redis.from_url(REDIS_URL)) if REDIS_URL else None
_RETRY = Retry(max=3, interval=[1, 5, 30])
_OPTIONS: dict[str, Any] = {"result_ttl": 0, "description": "deliver", "retry": _RETRY}


def enqueue(event: dict[str, Any]) -> None:
    queue.enqueue_call(deliver, args=(event,), **_OPTIONS)


def enqueue_many(events: Sequence[dict[str, Any]]) -> None:
    queue.enqueue_many([Queue.prepare_data(deliver, args=(event,), **_OPTIONS) for event in events])
