"""The most that this machine allows, beside what the product achieves.

`python -m benchmarks.limits --rounds 3 --events 10000`. Each round measures, one after another:
the requests per second of wrk, of bare urllib3 loops in two processes, and of the product's
deliveries; and the synchronous calls per second of clients that only call Redis, and of
`enqueue()`.
"""

import argparse
import time
from typing import Any

from benchmarks.bare_http import urllib3_rate, wrk_rate
from benchmarks.bare_redis import python_rates, server_costs, tool_rates
from benchmarks.delivering import Setup, deploy, measure_delivery
from benchmarks.event import event
from benchmarks.results_file import write_results
from benchmarks.sink import Sink
from worker.lab.demo.stack import Stack

#: By the sink's latency in milliseconds: the numbers of threads that each of two urllib3 processes
#: is tried with.
HTTP = {0: (1, 2, 4), 50: (32,)}

#: By the same latency: how many events each process of the product has in flight. At 0 ms as in the
#: race, at 50 ms the default, which is as many as urllib3 has threads.
IN_FLIGHT = {0: 128, 50: 32}

#: The number of wrk's connections: as many as the product has by default in two processes.
CONNECTIONS = 64


def http_row(latency_ms: int, events: int, *, backwards: bool) -> dict[str, Any]:
    """The requests per second of each client."""
    row: dict[str, Any] = {"latency_ms": latency_ms}
    # The order alternates, so that a machine that slows down favours neither.
    for measure in (bare_rates, product_rate)[:: -1 if backwards else 1]:
        row |= measure(latency_ms, events)
    return row


def bare_rates(latency_ms: int, events: int) -> dict[str, float | None]:
    """The requests per second of clients that do nothing else."""
    with Sink(latency_ms) as sink:  # a separate sink, because wrk leaves requests behind
        rates = {"wrk": wrk_rate(sink, CONNECTIONS)}
    with Sink(latency_ms) as sink:
        for threads in HTTP[latency_ms]:
            rates[f"urllib3, 2 x {threads}"] = urllib3_rate(sink, events, threads)
    return rates


def product_rate(latency_ms: int, events: int) -> dict[str, float]:
    """The product's deliveries per second, and the CPU that they take."""
    setup = Setup(environment={"CONVERTRO_CONCURRENCY": str(IN_FLIGHT[latency_ms])})
    delivered = measure_delivery(latency_ms, events, setup)
    cpu = {f"{name}_cpu_seconds": used.cpu_seconds for name, used in delivered.used.items()}
    return {"product": delivered.events_per_second, **cpu}


def enqueue_rate(stack: Stack, calls: int) -> float:
    """The calls of `enqueue()` per second, from one thread, without a worker."""
    enqueue = stack.producer().intake.enqueue
    events = [event(number) for number in range(calls + 1)]
    enqueue(events[calls])  # connects
    begun = time.perf_counter()
    for each in events[:calls]:
        enqueue(each)
    return calls / (time.perf_counter() - begun)


def redis_row(calls: int) -> dict[str, Any]:
    """The calls per second of each client, each with its own Valkey."""
    with Sink(0) as sink:
        with deploy(sink) as stack:
            row: dict[str, Any] = {"enqueue": enqueue_rate(stack, calls)}
        with deploy(sink) as stack:
            row["python"] = python_rates(stack, stack.producer(), calls)
        with deploy(sink) as stack:
            row["c"] = tool_rates(stack, stack.producer(), calls)
        with deploy(sink) as stack:
            row["server"] = server_costs(stack, stack.producer(), calls)
    return row


def say(number: int, row: dict[str, Any]) -> dict[str, Any]:
    """Print a row, and return it with its round."""
    shown = ", ".join(f"{name} {_short(value)}" for name, value in row.items())
    print(f"round {number + 1}  {shown}", flush=True)
    return {"round": number, **row}


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(inner) for name, inner in value.items()}
    return f"{value:,.0f}" if isinstance(value, float) and value >= 100 else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    http, redis = [], []
    for number in range(options.rounds):
        for latency_ms in HTTP:
            row = http_row(latency_ms, options.events, backwards=number % 2 == 1)
            http.append(say(number, row))
        redis.append(say(number, redis_row(options.events)))
    print(write_results("limits", http, redis=redis, connections=CONNECTIONS))


if __name__ == "__main__":
    main()
