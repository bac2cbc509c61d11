"""What it costs to tell Flower of dead letters: interleaved rounds, ratios within each round.

`python -m benchmarks.burials --rounds 7 --events 3000`. A worker of two processes buries every
event, because the sandbox answers each with 400: with CONVERTRO_DEAD_LETTER_EVENTS off, with it
on, and with it on while a program on the same machine receives Celery's events, as Flower does.
Rates are measured from the first burial to the last.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from threading import Thread
from typing import Any, Self

from celery import Celery

from benchmarks.results_file import RESULTS
from tests.support.events import mobile_track
from tests.support.waiting import until
from worker.lab.demo.stack import Stack
from worker.task_names import DEAD_LETTER

WAYS = ("off", "on", "on, heard")

#: Otherwise the breaker would open after 20 dead letters.
ENVIRONMENT = {"CONVERTRO_BREAKER_MIN_COUNT": "10000"}


class Listener:
    """Receives every Celery event, as Flower does, and counts dead letters."""

    def __init__(self, broker_url: str) -> None:
        self.told = 0
        self._app = Celery("listener", broker=broker_url, set_as_current=False)
        self._thread = Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._receiver.should_stop = True
        self._thread.join()

    def _listen(self) -> None:
        with self._app.connection() as connection:
            self._receiver = self._app.events.Receiver(connection, handlers={"*": self._note})
            self._receiver.capture(wakeup=False)

    def _note(self, event: dict[str, Any]) -> None:
        # Of the events that make a dead letter's life, the last.
        self.told += event["type"] == "task-failed" and event.get("name") == DEAD_LETTER


def measure(way: str, events: int) -> float:
    """Measure the burials per second."""
    told = "false" if way == "off" else "true"
    with Stack({**ENVIRONMENT, "CONVERTRO_DEAD_LETTER_EVENTS": told}) as stack:
        stack.start_valkey()
        stack.start_sandbox().add_fault("status=400")
        if way != "on, heard":
            return bury(stack, events)
        with Listener(stack.redis_url) as listener:
            rate = bury(stack, events)
            until(lambda: listener.told == events)
            return rate


def bury(stack: Stack, events: int) -> float:
    """Let a worker bury all events; return how many it buries per second."""
    producer = stack.producer()
    journal = producer.journal
    journal.pause("measuring")
    producer.intake.enqueue_many(
        [mobile_track(messageId=f"event-{number}") for number in range(events)]
    )
    stack.start_worker(CONVERTRO_LOG_LEVEL="ERROR")
    until(lambda: journal.snapshot().workers)
    time.sleep(2)  # until both processes run
    journal.resume()
    until(lambda: journal.snapshot().dead > 0)
    begun, already = time.perf_counter(), journal.snapshot().dead
    until(lambda: journal.snapshot().dead == events)
    return (events - already) / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=3000)
    options = parser.parse_args()
    rows: list[dict[str, float]] = []
    for number in range(options.rounds):
        # The order alternates, so that a machine that slows down favours none.
        ways = WAYS if number % 2 else WAYS[::-1]
        rows.append({way: measure(way, options.events) for way in ways})
        found = "   ".join(f"{way}: {rows[-1][way]:.0f}/s" for way in WAYS)
        print(f"round {number + 1}   {found}", flush=True)
    report(rows)


def report(rows: list[dict[str, float]]) -> None:
    """Print medians, and the median of the ratios within each round."""
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for way in WAYS:
        rate = statistics.median(row[way] for row in rows)
        ratios = [row[way] / row["off"] for row in rows]
        print(
            f"{way:<10} {rate:.0f} burials a second, {statistics.median(ratios):.2f} of off "
            f"(from {min(ratios):.2f} to {max(ratios):.2f})"
        )
    RESULTS.mkdir(exist_ok=True)
    Path(RESULTS / "burials.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
