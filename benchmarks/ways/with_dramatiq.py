"""dramatiq with its Redis broker: two processes of threads, default middleware and retries.

Processes and threads as its guide says: as many processes as cores, more threads for I/O. The
prefetch stays at its default of twice the threads. `dramatiq_worker_timeout` is 100 instead of
1,000 ms, because the consumer polls with a backoff up to that, and an event that arrives at an
idle worker would wait for it. Messages are acknowledged after the work. There is no bulk call.
"""

from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.ways.delivery import UNBOUNDED_REDIS_URL
from benchmarks.ways.sync_delivery import deliver as send

broker = RedisBroker(url=UNBOUNDED_REDIS_URL)
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=5)
def deliver(event: dict[str, Any]) -> None:
    send(event)


enqueue = deliver.send
