"""dramatiq with its Redis broker: two processes of threads, default middleware and retries.

As many processes as cores and more threads for I/O, as its guide says: 128. At 0 and 50 ms 64 take
up to a fifth less CPU and are about as fast, at 200 ms they deliver a third less. Its gevent
program took a sixth less CPU and delivered no more. The prefetch stays at its default of twice the
threads. `dramatiq_worker_timeout` is 100 instead of 1,000 ms: consumers poll with a backoff up to
that, and an event that arrives at an idle worker waits for it. (It costs 8 % of a core while idle;
at 20 ms it would be a third.) Messages are acknowledged after the work. There is no bulk call.
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
