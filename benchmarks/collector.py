"""The requests that one process of the collector takes, beside its bare server under the same load.

    python -m benchmarks.collector --rounds 5

Needs wrk (Debian: `apt install wrk`). Valkey, server and load share the machine. Each round
measures the bare server and the collector one after the other. The result is the median of the
ratios within rounds, because other loads on the machine come and go.
"""

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

from benchmarks.event import event
from benchmarks.sink import free_port, wait_for_port
from benchmarks.usage import tree_cpu_seconds, valkey_pid
from worker.journal.producer import Producer
from worker.lab.demo.stack import ROOT, Stack

KEY = "shop-web"
CONNECTIONS = 64

#: The units of wrk's latencies, in milliseconds.
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Run(NamedTuple):
    """A server's figures under load."""

    requests: int
    per_second: float
    p99_ms: float
    failed: int
    cpu_us_per_request: float


def template() -> str:
    """The event of all benchmarks, about 1 KB, without its id."""
    return json.dumps({**event(1), "messageId": "MESSAGE-ID"}, separators=(",", ":"))


def load(url: str, pid: int, batch: int, seconds: int, run: str) -> Run:
    """Let wrk post to a server for a number of seconds."""
    authorization = f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}"
    given = {"BATCH": str(batch), "RUN": run, "EVENT": template(), "AUTHORIZATION": authorization}
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    before = tree_cpu_seconds(pid)
    told = subprocess.run(
        [*command, "-s", ROOT / "benchmarks" / "collector.lua", url],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    cpu = tree_cpu_seconds(pid) - before
    requests = int(found(r"(\d+) requests in", told))
    p99 = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s)\s*$", told, re.MULTILINE)
    assert p99, told
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return Run(
        requests,
        float(found(r"Requests/sec:\s+([\d.]+)", told)),
        float(p99[1]) * UNITS[p99[2]],
        int(bad[1]) if bad else 0,
        cpu / requests * 1e6,
    )


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def measure(stack: Stack, producer: Producer, batch: int, rounds: int, seconds: int) -> None:
    port = free_port()
    settings = {
        **stack.environment,
        "CONVERTRO_WRITE_KEYS": KEY,
        "CONVERTRO_COLLECTOR_REQUESTS_PER_SECOND": "0",
    }
    valkey = valkey_pid(stack)
    pairs: list[tuple[Run, Run]] = []
    valkey_us: list[float] = []
    with (
        running(["benchmarks.bare_collector", str(port)], {}) as bare,
        running(["worker.cli", "collector", "--port", "0"], settings) as ours,
    ):
        assert ours.stdout is not None
        url = ours.stdout.readline().split()[-1]
        wait_for_port(port)
        for number in range(rounds):
            # The first run of a pair finds the caches that the pair before left.
            one = load(f"http://127.0.0.1:{port}", bare.pid, batch, seconds, "bare")
            before = tree_cpu_seconds(valkey)
            accepted = producer.journal.snapshot().total("accepted")
            two = load(url, ours.pid, batch, seconds, f"{batch}-{number}")
            time.sleep(0.5)  # for requests that wrk left unanswered
            events = producer.journal.snapshot().total("accepted") - accepted
            valkey_us.append((tree_cpu_seconds(valkey) - before) / events * 1e6)
            assert events >= two.requests * batch, "an event that was answered 200 is missing"
            assert not two.failed, f"{two.failed} requests failed"
            pairs.append((one, two))
            print(
                f"  round {number + 1}: {one.per_second:,.0f} and {two.per_second:,.0f} requests/s"
            )
    assert producer.journal.snapshot().unaccounted == 0
    report(batch, pairs, median(valkey_us))


def report(batch: int, pairs: list[tuple[Run, Run]], valkey_us: float) -> None:
    ratio = median(two.per_second / one.per_second for one, two in pairs)
    cpu_ratio = median(one.cpu_us_per_request / two.cpu_us_per_request for one, two in pairs)
    per_second = median(two.per_second for _, two in pairs)
    bare_per_second = median(one.per_second for one, _ in pairs)
    cells = [
        f"{batch}",
        f"{per_second:,.0f}",
        f"{per_second * batch:,.0f}",
        f"{median(two.p99_ms for _, two in pairs):.0f} ms",
        f"{median(two.cpu_us_per_request for _, two in pairs):.0f} µs",
        f"{valkey_us:.1f} µs",
        f"{bare_per_second:,.0f}",
        f"{ratio:.2f}",
        f"{cpu_ratio:.2f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 20])
    args = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed (Debian: apt install wrk)")
    print(
        "| batch | requests/s | events/s | p99 | CPU a request | Valkey CPU an event "
        "| bare requests/s | ratio | ratio of CPU |\n| ---: |" + " ---: |" * 8
    )
    for batch in args.batches:
        with Stack() as stack:
            stack.start_valkey()
            measure(stack, stack.producer(), batch, args.rounds, args.seconds)


if __name__ == "__main__":
    main()
