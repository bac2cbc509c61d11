"""What a worker and Valkey cost while no event is delivered.

Run it as `python -m benchmarks.idle [--seconds 30] [--rounds 1]`; it prints CPU as a share of one
core, and memory.
"""

import argparse
import time
from typing import Any

from benchmarks.results_file import write_results
from benchmarks.usage import Watch, valkey_pid
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.journal.breaker_state import BreakerState
from worker.lab.demo.stack import Stack

WAITING = 1000


def measure(stack: Stack, state: str, seconds: float) -> dict[str, Any]:
    """Measure what a worker and Valkey use for some seconds in which nothing happens."""
    (worker,) = stack.workers
    # Memory hardly changes, so it is sampled rarely, to leave the measurement undisturbed.
    with Watch({"worker": [worker.pid], "valkey": [valkey_pid(stack)]}, seconds) as watch:
        time.sleep(seconds)
    row: dict[str, Any] = {"state": state}
    for name, used in watch.used.items():
        row[f"{name}_cpu_share"] = round(used.cpu_seconds / seconds, 5)
        row[f"{name}_mib"] = used.peak_mib
    print(
        f"{state:<44} worker {row['worker_cpu_share']:>7.2%} {row['worker_mib']:>6.0f} MiB   "
        f"Valkey {row['valkey_cpu_share']:>7.2%} {row['valkey_mib']:>6.0f} MiB",
        flush=True,
    )
    return row


def idle_round(seconds: float) -> list[dict[str, Any]]:
    """Measure one worker in the three states: idle, paused, breaker open."""
    with Stack() as stack:
        stack.start_valkey()
        stack.start_sandbox()
        stack.start_worker(CONVERTRO_LOG_LEVEL="WARNING")
        producer = stack.producer()
        until(lambda: bool(producer.journal.snapshot().workers))
        time.sleep(3)
        rows = [measure(stack, "idle, nothing due", seconds)]
        producer.journal.pause("measuring")
        producer.intake.enqueue_many(
            [mobile_track(messageId=f"idle-{number}") for number in range(WAITING)]
        )
        time.sleep(3)
        rows.append(measure(stack, f"paused, {WAITING:,} events due", seconds))
        stack.sandbox.add_fault("status=503")
        producer.journal.resume()
        until(lambda: producer.journal.snapshot().breaker.state is not BreakerState.CLOSED)
        until(lambda: producer.journal.snapshot().claimed == 0)
        time.sleep(20)  # by then probes are rare
        rows.append(measure(stack, f"breaker open, {WAITING:,} events due", seconds))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    rows = [
        {"round": number, **row}
        for number in range(options.rounds)
        for row in idle_round(options.seconds)
    ]
    print(write_results("idle", rows, seconds=options.seconds))


if __name__ == "__main__":
    main()
