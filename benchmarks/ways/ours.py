"""The product, with its defaults but for the number of events in flight.

One worker with two pool processes, which is the default of `celery worker -c 2` on two cores;
CONVERTRO_CONCURRENCY=128, so that as many are in flight as with the others, and 512 where the
destination takes 200 ms. The journal, idempotency keys, deduplication, the circuit breaker and
counters are all on: they cannot be turned off. Bulk: `enqueue_many` with lists of 500.
"""

from tasks import enqueue, enqueue_many

__all__ = ["enqueue", "enqueue_many"]
