"""Plain Celery: one task an event, acknowledged late, retried by `autoretry_for`.

What the documentation advises ("Optimizing", "Tips and best practices", "Redis" pages) is done:
results ignored; late acknowledgement for idempotent tasks; no events, gossip, mingle, heartbeats
or remote control, which only cost; `worker_prefetch_multiplier` left at 4, because with
late acknowledgement higher ones brought nothing here; rate limits off; one Redis list instead of
four (`priority_steps`), since no priorities are used. Transport connections are not bounded to
10, which would make threads and greenlets wait for each other's acknowledgements. The
application has no bulk call; `group` publishes its tasks one by one.
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
