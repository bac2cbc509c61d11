"""Plain Celery: one task an event, acknowledged late, retried by `autoretry_for`.

What its documentation advises ("Optimizing", "Tips and best practices", "Redis") is done: results
ignored; late acknowledgement, as the task is idempotent; no events, gossip, mingle, heartbeats,
remote control or rate limits, which only cost. `worker_prefetch_multiplier` stays at 4: 1 and 32
made no difference beyond the noise. One Redis list instead of four (`priority_steps`), since no
priorities are used. Transport connections are not bounded to 10, which would let threads and
greenlets wait for each other's acknowledgements.

Three pools: prefork with 64 processes, and two workers each with 128 threads or 128 greenlets. 64
is the best single number over all latencies: at 200 ms it delivers nearly twice what 32 do. At 50
ms 32 do a tenth more with half the memory (some 28 MiB a process) and less CPU, at 0 ms 8 do a
fifth more. There is no bulk call; `group` publishes its tasks one by one.
"""

from typing import Any

from celery import Celery

from benchmarks.ways.delivery import CONNECTIONS, REDIS_URL
from benchmarks.ways.sync_delivery import deliver as send

app = Celery("race", broker=REDIS_URL)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"max_connections": CONNECTIONS, "priority_steps": [0]},
    task_acks_late=True,
    task_default_queue="race",
    task_ignore_result=True,
    worker_disable_rate_limits=True,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
)


@app.task(autoretry_for=(Exception,), retry_backoff=True, max_retries=5)
def deliver(event: dict[str, Any]) -> None:
    send(event)


enqueue = deliver.delay
