"""Deliveries per second by the number of worker processes.

`python -m benchmarks.scaling --rounds 3 --events 10000`. One worker, `--concurrency` 1 to 4,
32 threads in each process; the events wait in the journal before the clock starts.
"""

import argparse
from typing import Any

from benchmarks.delivering import Way, measure_delivery
from benchmarks.results_file import write_results

LATENCIES_MS = (0, 50)
PROCESSES = (1, 2, 3, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for latency_ms in LATENCIES_MS:
            # Whoever comes first differs, so that a machine that slows down favours none.
            for processes in PROCESSES if number % 2 else PROCESSES[::-1]:
                delivered = measure_delivery(latency_ms, options.events, Way(processes=processes))
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
    print(write_results("scaling", rows))


if __name__ == "__main__":
    main()
