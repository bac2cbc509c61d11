"""huey with RedisHuey: two consumers, each with greenlets, which its help advises for heavy I/O.

Blocking reads, the default, so nothing is polled; no results are stored; retries with a delay; no
periodic tasks. 128 greenlets each: 32 and 64 were no faster; threads took more CPU. huey takes a
task off its list before it runs it and has no acknowledgement: what a killed consumer held is
lost. There is no bulk call (`map` enqueues one by one).
"""

import os

if not os.environ.get("RACE_PRODUCER"):
    from gevent import monkey

    monkey.patch_all()

from typing import Any

from huey import RedisHuey

from benchmarks.ways.delivery import UNBOUNDED_REDIS_URL
from benchmarks.ways.sync_delivery import deliver as send

huey = RedisHuey("race", url=UNBOUNDED_REDIS_URL, results=False)


@huey.task(retries=3, retry_delay=5)
def deliver(event: dict[str, Any]) -> None:
    send(event)


enqueue = deliver
