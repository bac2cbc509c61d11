"""What a worker and Valkey cost while nothing may be delivered.

Run as `python -m benchmarks.idle [--seconds 30]`; prints CPU as a share of one core.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.events import mobile_track
from worker.demo.stack import Stack
from worker.holding import BreakerState

WAITING = 1000

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU that a process and its children used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.1)


def measure(title: str, seconds: float, worker: int, valkey: int) -> None:
    before = cpu_seconds(worker), cpu_seconds(valkey)
    time.sleep(seconds)
    used = cpu_seconds(worker) - before[0], cpu_seconds(valkey) - before[1]
    shares = [f"{amount / seconds:.2%}" for amount in used]
    print(f"{title:<44} worker {shares[0]:>7}   Valkey {shares[1]:>7}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    with Stack() as stack:
        stack.start_valkey()
        stack.start_sandbox()
        worker = stack.start_worker(CONVERTRO_LOG_LEVEL="WARNING").pid
        valkey = stack.valkey._process.pid  # noqa: SLF001  there is no public way
        producer = stack.producer()
        until(lambda: bool(producer.journal.snapshot().workers))
        time.sleep(3)
        measure("idle, nothing due", seconds, worker, valkey)
        producer.journal.pause("measuring")
        producer.intake.enqueue_many(
            [mobile_track(messageId=f"idle-{number}") for number in range(WAITING)]
        )
        time.sleep(3)
        measure(f"paused, {WAITING:,} events due", seconds, worker, valkey)
        stack.sandbox.add_fault("status=503")
        producer.journal.resume([])
        until(lambda: producer.journal.snapshot().breaker.state is not BreakerState.CLOSED)
        until(lambda: producer.journal.snapshot().claimed == 0)
        time.sleep(20)  # by then probes are rare
        measure(f"breaker open, {WAITING:,} events due", seconds, worker, valkey)


if __name__ == "__main__":
    main()
