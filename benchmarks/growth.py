"""What a large backlog costs: delivery, intake and memory by the number of events that wait.

`python -m benchmarks.growth --rounds 5 --delivered 9000`. Each size gets its own Valkey and worker
in each round. The rate is that of the first `--delivered` deliveries. Then deliveries are paused,
and the journal's count of delivered events must equal the number of arrivals.
"""

import argparse
import time
from typing import Any

from redis import Redis

from benchmarks.delivering import (
    WARM_UP,
    Delivered,
    Deployment,
    NotExactlyOnceError,
    deploy,
)
from benchmarks.event import event
from benchmarks.results_file import write_results
from benchmarks.sink import Sink, tally
from convertro.segment_event import encode
from tests.support.waiting import until
from worker.lab.demo.stack import Stack

SIZES = (10_000, 100_000, 1_000_000)

#: The bound on a waiting event's memory: a multiple of its raw size, and further bytes.
BOUND_FACTOR, BOUND_BYTES = 1.5, 250

#: How long to wait for rewrites of the append-only file, in seconds; a million events cause a few.
REWRITE_PATIENCE_SECONDS = 600.0


def measure(size: int, delivered: int) -> dict[str, Any]:
    """Fill a journal, deliver the first events, and count."""
    with Sink(0) as sink, deploy(sink) as stack:
        deployment = Deployment(stack, sink)
        deployment.start_worker(2)
        deployment.fill(WARM_UP)
        deployment.deliver_all()
        before = used_bytes(stack)
        enqueued_per_second = deployment.fill(size)
        wait_for_rewrite(stack)
        bytes_each = (used_bytes(stack) - before) / size
        # Not all of the smallest backlog, because its end is not typical.
        number = min(delivered, int(0.9 * size))
        delivered_first = first_deliveries(deployment, number)
    raw = raw_bytes(size)
    bound = BOUND_FACTOR * raw + BOUND_BYTES
    return {
        "waiting": size,
        "measured": number,
        "events_per_second": delivered_first.events_per_second,
        "valkey_us": delivered_first.used["valkey"].cpu_seconds / number * 1e6,
        "enqueued_per_second": enqueued_per_second,
        "raw_bytes": raw,
        "bytes_each": bytes_each,
        "bound_bytes": bound,
    }


def first_deliveries(deployment: Deployment, number: int) -> Delivered:
    """Measure the first deliveries of a longer backlog.

    Raises:
        NotExactlyOnceError: An event arrived twice, or journal and sink counted differently.
    """
    journal = deployment.producer.journal
    already = journal.snapshot().counters.get("delivered", 0)
    delivered = deployment.deliver(number, sample_seconds=60)
    journal.pause("measured")
    until(lambda: journal.snapshot().claimed == 0)
    told = journal.snapshot().counters["delivered"] - already
    found = tally(deployment.sink.arrivals(), deployment.expected)
    arrived = len(deployment.sink.arrivals())
    if found.again or found.strange or arrived != told:
        raise NotExactlyOnceError(f"{told} delivered, {arrived} arrived, {found}")
    return delivered


def raw_bytes(size: int) -> float:
    """The mean size of an event as JSON, in bytes, over a sample of a backlog."""
    sample = range(0, size, max(1, size // 1000))
    return sum(len(encode(event(number))) for number in sample) / len(sample)


def used_bytes(stack: Stack) -> int:
    memory = stack.producer().journal.memory()
    assert memory
    return memory.used


def wait_for_rewrite(stack: Stack) -> None:
    """Wait until Valkey rewrites no file: its child takes CPU, and not in each round."""
    redis = Redis(port=stack.valkey.port)

    def is_over() -> bool:
        facts: Any = redis.info("persistence")
        return not (facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"])

    until(is_over, REWRITE_PATIENCE_SECONDS)
    time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delivered", type=int, default=9_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        # The order alternates, so that a machine that slows down favours none.
        for size in options.sizes if number % 2 else options.sizes[::-1]:
            row = measure(size, options.delivered)
            rows.append({"round": number, **row})
            print(
                f"round {number + 1}  {size:>9,} waiting  {row['events_per_second']:>6.0f} "
                f"delivered/s  {row['valkey_us']:.0f} µs of Valkey each  "
                f"{row['enqueued_per_second']:>6.0f} enqueued/s  "
                f"{row['bytes_each']:.0f} bytes each (bound {row['bound_bytes']:.0f})",
                flush=True,
            )
    print(write_results("growth", rows))


if __name__ == "__main__":
    main()
