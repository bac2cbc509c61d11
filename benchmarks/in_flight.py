"""Deliveries per second and memory by the number of events in flight, at several latencies.

`python -m benchmarks.in_flight --rounds 3`. One worker with two processes; the events wait in the
journal before the clock starts. docs/sizing.md bases its advice on `CONVERTRO_CONCURRENCY` on it.
"""

import argparse
from typing import Any

from benchmarks.delivering import WARM_UP, Delivered, Deployment, deploy
from benchmarks.race import numbers
from benchmarks.results_file import write_results
from benchmarks.sink import Sink

PROCESSES = 2

#: The length of a measurement, in seconds. The number of events is that which latency alone would
#: allow in this time, within bounds.
_SECONDS = 4
_MOST_EVENTS, _LEAST_EVENTS = 20_000, 2_000


def measure(latency_ms: float, in_flight: int) -> Delivered:
    """Measure how a warmed-up worker delivers a backlog.

    Args:
        latency_ms: How long the sink waits before each answer, in milliseconds.
        in_flight: How many events each process may have in flight.
    """
    per_second = PROCESSES * in_flight * 1000 / max(latency_ms, 1)
    events = int(min(_MOST_EVENTS, max(_LEAST_EVENTS, _SECONDS * per_second)))
    bounds = {"CONVERTRO_CONCURRENCY": str(in_flight)}
    with Sink(latency_ms) as sink, deploy(sink, bounds) as stack:
        deployment = Deployment(stack, sink)
        deployment.start_worker(PROCESSES)
        deployment.fill(WARM_UP)
        deployment.deliver_all()
        deployment.fill(events)
        return deployment.deliver_all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latencies", type=numbers, default=[0, 50, 200, 1000])
    parser.add_argument("--in-flight", type=numbers, default=[8, 32, 128, 256, 512])
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for latency_ms in options.latencies:
            tried = options.in_flight
            for in_flight in tried if number % 2 else tried[::-1]:
                delivered = measure(latency_ms, int(in_flight))
                worker = delivered.used["worker"]
                row = {
                    "round": number,
                    "latency_ms": int(latency_ms),
                    "in_flight": int(in_flight),
                    "events_per_second": delivered.events_per_second,
                    "worker_mib": worker.peak_mib,
                }
                rows.append(row)
                print("  ".join(f"{name} {value:,.0f}" for name, value in row.items()), flush=True)
    print(write_results("in_flight", rows))


if __name__ == "__main__":
    main()
