"""Deliveries per second by the number of worker processes, and of two journals at once.

`python -m benchmarks.scaling --rounds 3 --events 10000`. One worker, `--concurrency` 1 to 4, with
the default `CONVERTRO_CONCURRENCY`; the events wait in the journal before the clock starts. Two
journals are two Valkeys with a worker of one process each.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from benchmarks.delivering import WARM_UP, Deployment, Setup, deploy, measure_delivery, steady_rate
from benchmarks.results_file import write_results
from benchmarks.sink import Sink

LATENCIES_MS = (0, 50)
PROCESSES = (1, 2, 3, 4)
JOURNALS = 2


def measure_journals(latency_ms: float, events: int) -> float:
    """The events per second of two journals together, each with a worker of one process."""
    with ExitStack() as ends, ThreadPoolExecutor(JOURNALS) as threads:
        deployments = []
        for number in range(JOURNALS):
            sink = ends.enter_context(Sink(latency_ms))
            prefix = {"CONVERTRO_KEY_PREFIX": f"journal-{number}:"}
            deployment = Deployment(ends.enter_context(deploy(sink, prefix)), sink)
            deployment.start_worker(1)
            deployment.fill(WARM_UP)
            deployment.deliver_all()
            deployment.fill(events)
            deployments.append(deployment)
        list(threads.map(Deployment.deliver_all, deployments))
        return steady_rate([one for each in deployments for one in each.sink.arrivals()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for latency_ms in LATENCIES_MS:
            # The order alternates, so that a machine that slows down favours none.
            for processes in PROCESSES if number % 2 else PROCESSES[::-1]:
                delivered = measure_delivery(latency_ms, options.events, Setup(processes=processes))
                used = delivered.used
                rows.append(
                    {
                        "round": number,
                        "latency_ms": latency_ms,
                        "processes": processes,
                        "events": options.events,
                        "events_per_second": delivered.events_per_second,
                        "worker_cpu_seconds": used["worker"].cpu_seconds,
                        "valkey_cpu_seconds": used["valkey"].cpu_seconds,
                        "worker_mib": used["worker"].peak_mib,
                    }
                )
                print(
                    f"round {number + 1}  {latency_ms:>3} ms  {processes} processes  "
                    f"{delivered.events_per_second:>6.0f} events/s  "
                    f"{used['worker'].cpu_seconds:.2f} + {used['valkey'].cpu_seconds:.2f} s CPU  "
                    f"{used['worker'].peak_mib:.0f} MiB",
                    flush=True,
                )
    journals = [
        {"round": number, "latency_ms": latency_ms, "events_per_second": rate}
        for number in range(options.rounds)
        for latency_ms in LATENCIES_MS
        for rate in [measure_journals(latency_ms, options.events // JOURNALS)]
    ]
    for row in journals:
        print("two journals  " + "  ".join(f"{name} {value:,.0f}" for name, value in row.items()))
    print(write_results("scaling", rows, journals=journals))


if __name__ == "__main__":
    main()
