"""Tries whether a way of the race is faster with other bounds; its configuration is based on this.

`python -m benchmarks.tuning dramatiq --in-flight 8,32,128 --latencies 0,50`. Rounds are
interleaved; medians are printed. What the modules in `benchmarks.ways` say about other bounds comes
from one to three rounds on a machine that did other work too, so it is rough.
"""

import argparse
import statistics
from itertools import product

from benchmarks.entries import WAYS
from benchmarks.race import Row, measure, numbers

FIELDS = ("drain_per_second", "events_per_second", "worker_cpu_s_per_10k", "worker_mib")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ways", nargs="+", choices=list(WAYS))
    parser.add_argument("--in-flight", type=numbers, default=[])
    parser.add_argument("--processes", type=numbers, default=[])
    parser.add_argument("--latencies", type=numbers, default=[0.0, 50.0])
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    tried = [
        {name: int(value) for name, value in pair if value is not None}
        for pair in product(
            [("in_flight", value) for value in options.in_flight or [None]],
            [("processes", value) for value in options.processes or [None]],
        )
    ]
    for latency_ms, name in product(options.latencies, options.ways):
        rows: list[list[Row]] = [[] for _ in tried]
        for _round in range(options.rounds):
            for bounds, found in zip(tried, rows, strict=True):
                found.append(measure(WAYS[name], latency_ms, options.events, bounds))
        for bounds, found in zip(tried, rows, strict=True):
            print(f"{latency_ms:>3.0f} ms  {name:<15} {bounds}  {line_of(found)}", flush=True)


def line_of(rows: list[Row]) -> str:
    if failures := [row["failed"] for row in rows if "failed" in row]:
        return f"failed: {failures[0]}"
    medians = [(name, statistics.median(row[name] for row in rows)) for name in FIELDS]
    return "  ".join(f"{name} {value:.0f}" for name, value in medians)


if __name__ == "__main__":
    main()
