"""Events per second beside the plain way: interleaved rounds, medians of ratios.

`make bench` or `python -m benchmarks.throughput --rounds 5 --events 2000`. Both ways get
two worker processes that each keep 32 events in flight, the same embedded Valkey, the same
sink and the same 1 KB events, enqueued by single calls from one process.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from kombu import pools

from benchmarks import plain
from worker.bootstrap import make_producer
from worker.demo.embedded import embedded_server
from worker.demo.stack import DESTINATION, ROOT, Stack, stop_process

LATENCIES_MS = (0, 50)
RESULTS = Path(__file__).parent / "results"

Enqueue = Callable[[dict[str, Any]], object]


def event(number: int) -> dict[str, Any]:
    """A realistic raw event of about 1 KB."""
    return {
        "messageId": f"ajs-next-{number:024d}",
        "type": "track",
        "event": "Order Completed",
        "anonymousId": "507f191e-810c-4197-9b4d-c1f8b3a7e2aa",
        "userId": f"user-{number % 1000}",
        "timestamp": "2026-05-04T10:15:30.123Z",
        "sentAt": "2026-05-04T10:15:30.456Z",
        "properties": {
            "orderId": f"order-{number}",
            "total": 27.5,
            "currency": "EUR",
            "coupon": "SPRING",
            "products": [
                {"productId": f"sku-{item}", "name": "A thing", "price": 9.1, "quantity": 1}
                for item in range(3)
            ],
        },
        "context": {
            "library": {"name": "analytics.js", "version": "2.1.0"},
            "page": {
                "url": "https://shop.example.com/checkout/thanks?order=1",
                "path": "/checkout/thanks",
                "referrer": "https://shop.example.com/checkout",
                "title": "Thank you",
            },
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
            "locale": "en-GB",
        },
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SinkProcess:
    """The sink and its counts."""

    def __init__(self, latency_ms: float) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink", str(port), str(latency_ms)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = requests.get(self.url, timeout=10).json()
        return counts

    def wait_for(self, number: int) -> None:
        while self.counts()["distinct"] < number:
            time.sleep(0.02)

    def forget(self) -> None:
        requests.delete(self.url, timeout=10)

    def stop(self) -> None:
        stop_process(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def ours(sink: SinkProcess) -> Iterator[tuple[Enqueue, Callable[[], None]]]:
    """The product: what enqueues, and what starts its workers."""
    environment = {"CONVERTRO_BASE_URL": sink.url, "CONVERTRO_LOG_LEVEL": "ERROR"}
    with Stack(environment) as stack:
        stack.start_valkey()
        producer = make_producer(stack.settings)

        def start() -> None:
            stack.start_worker("--concurrency", "2", **environment)
            while not producer.journal.snapshot().workers:
                time.sleep(0.05)

        yield producer.intake.enqueue, start


@contextmanager
def plain_celery(sink: SinkProcess) -> Iterator[tuple[Enqueue, Callable[[], None]]]:
    """The plain way: two workers with 32 threads each."""
    workers: list[subprocess.Popen[str]] = []
    with embedded_server(config={"appendonly": "yes", "save": ""}) as valkey:
        url = f"redis://127.0.0.1:{valkey.port}/0"
        sender = plain.make_app(url)
        task = sender.task(name=plain.NAME)(plain.deliver)
        environment = {
            **os.environ,
            "PLAIN_BROKER_URL": url,
            "PLAIN_BASE_URL": sink.url,
            **DESTINATION,
        }

        def start() -> None:
            for number in range(2):
                command = [sys.executable, "-m", "celery", "-A", "benchmarks.plain", "worker"]
                command += ["--pool", "threads", "--concurrency", "32", "--loglevel", "ERROR"]
                command += ["--without-mingle", "--without-gossip", "-n", f"plain{number}@%h"]
                workers.append(
                    subprocess.Popen(
                        command,
                        env=environment,
                        cwd=ROOT,
                        text=True,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        process_group=0,
                    )
                )
            while len(sender.control.ping(timeout=0.5)) < 2:
                pass

        try:
            yield task.delay, start
        finally:
            for worker in workers:
                stop_process(worker)
            sender.close()
            pools.reset()  # kept by address, and the next server may have the same port


WAYS = {"ours": ours, "plain": plain_celery}


def measure(way: str, latency_ms: float, number: int) -> dict[str, float]:
    """One round of one way: enqueue calls per second, then events per second end to end."""
    sink = SinkProcess(latency_ms)
    try:
        with WAYS[way](sink) as (enqueue, start):
            begun = time.perf_counter()
            for index in range(number):
                enqueue(event(index))
            enqueue_seconds = time.perf_counter() - begun
            start()
            sink.wait_for(number)  # what was enqueued before also warms the workers up
            sink.forget()
            begun = time.perf_counter()
            for index in range(number, 2 * number):
                enqueue(event(index))
            sink.wait_for(number)
            seconds = time.perf_counter() - begun
            extra = sink.counts()["requests"] - number
    finally:
        sink.stop()
    return {
        "enqueue_per_second": number / enqueue_seconds,
        "events_per_second": number / seconds,
        "sent_again": float(extra),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=2000)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for latency_ms in LATENCIES_MS:
            for way in WAYS:
                row = measure(way, latency_ms, options.events)
                rows.append({"round": number, "latency_ms": latency_ms, "way": way, **row})
                print(
                    f"round {number + 1}  {latency_ms:>3} ms  {way:<6}"
                    f"{row['enqueue_per_second']:>8.0f} enqueued/s"
                    f"{row['events_per_second']:>8.0f} events/s end to end",
                    flush=True,
                )
    report(rows)


def report(rows: list[dict[str, Any]]) -> None:
    """Print medians, and medians of the ratios within each round."""
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for latency_ms in LATENCIES_MS:
        for what in ("enqueue_per_second", "events_per_second"):
            found = {
                way: [
                    row[what]
                    for row in rows
                    if (row["way"], row["latency_ms"]) == (way, latency_ms)
                ]
                for way in WAYS
            }
            ratios = [
                mine / other for mine, other in zip(found["ours"], found["plain"], strict=True)
            ]
            print(
                f"{latency_ms:>3} ms  {what:<19} ours {statistics.median(found['ours']):>6.0f}"
                f"  plain {statistics.median(found['plain']):>6.0f}"
                f"  ratio {statistics.median(ratios):.1f}"
                f" (from {min(ratios):.1f} to {max(ratios):.1f})"
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "throughput.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
