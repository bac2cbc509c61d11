"""What each safety costs: the product with its defaults beside the product with one change.

`python -m benchmarks.safeties --rounds 5 --events 10000`. Each setup gets a Valkey, a worker of two
processes and a sink that answers at once. Events are enqueued by single calls while deliveries are
paused, then delivered. Ratios are to the default of the same round.

It does not measure what no setting switches off: leases and their tokens; idempotency keys;
deduplication and the breaker as such (only how long ids are remembered, and how easily it opens,
can be set); counters and histograms; Celery's task events, of which each deliver task sends one set
and an event none. For dead letters announced to Flower see burials.py.
"""

import argparse
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from benchmarks.delivering import Setup, measure_delivery
from benchmarks.results_file import write_results
from benchmarks.sink import free_port, wait_for_port
from worker.lab.demo.stack import ROOT, Stack, stop_process

#: How long a program may take to start beside a busy worker, in seconds.
START_SECONDS = 60.0


@contextmanager
def beside(stack: Stack, *arguments: str) -> Iterator[None]:
    """Run a program of the product beside the worker."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **stack.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
    try:
        yield
    finally:
        stop_process(process)


@contextmanager
def scraped_exporter(stack: Stack) -> Iterator[None]:
    """Run the exporter, scraped every second; Prometheus would scrape every 15 s."""
    port = free_port()
    ended = Event()

    def scrape() -> None:
        while not ended.wait(1.0):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                answer.read()

    with beside(stack, "worker.cli", "exporter", "--port", str(port)):
        wait_for_port(port, START_SECONDS)
        thread = Thread(target=scrape)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextmanager
def flower(stack: Stack) -> Iterator[None]:
    """Run Flower, which receives every event of Celery's."""
    port = free_port()
    arguments = ["celery", "-A", "worker.app", "flower", "--address=127.0.0.1", f"--port={port}"]
    with beside(stack, *arguments):
        wait_for_port(port, START_SECONDS)
        yield


def variable(name: str, value: str) -> Setup:
    return Setup(environment={f"CONVERTRO_{name}": value})


DEFAULT = "as it comes"

SETUPS = {
    DEFAULT: Setup(),
    "ids remembered for 60 s, not a day": variable("DEDUPE_SECONDS", "60"),
    "a breaker that hardly ever opens": variable("BREAKER_MIN_COUNT", "10000"),
    "a rate limit of 100,000 requests/s": variable("MAX_REQUESTS_PER_SECOND", "100000"),
    "no append-only file": Setup(valkey_config={"appendonly": "no"}),
    "each write on disk (fsync)": Setup(
        environment={"CONVERTRO_DURABILITY": "fsync"}, valkey_config={"appendfsync": "always"}
    ),
    "exporter scraped every second": Setup(beside=scraped_exporter),
    "Flower listening": Setup(beside=flower),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        # The order alternates, so that a machine that slows down favours none.
        for name in list(SETUPS)[:: 1 if number % 2 else -1]:
            delivered = measure_delivery(0, options.events, SETUPS[name])
            rows.append(
                {
                    "round": number,
                    "way": name,
                    "events_per_second": delivered.events_per_second,
                    "enqueue_calls_per_second": delivered.enqueue_calls_per_second,
                    **{
                        f"{who}_cpu_seconds": use.cpu_seconds for who, use in delivered.used.items()
                    },
                }
            )
            print(
                f"round {number + 1}  {name:<36}{delivered.events_per_second:>7.0f} delivered/s"
                f"{delivered.enqueue_calls_per_second:>7.0f} enqueue calls/s",
                flush=True,
            )
    print(write_results("safeties", rows, events=options.events, default=DEFAULT))


if __name__ == "__main__":
    main()
