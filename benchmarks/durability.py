"""What it costs to wait for the disk: interleaved rounds, medians, ratios within each round.

`python -m benchmarks.durability --rounds 7`. Each way gets an embedded Valkey of its own,
one producer process, and the 1 KB events of the race. A probe says first
how long this machine's disk takes for an fsync.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.event import event
from benchmarks.results_file import RESULTS
from config.settings import Settings
from worker.bootstrap import make_producer
from worker.demo.embedded import embedded_server

CHUNK = 500

#: CONVERTRO_DURABILITY and appendfsync.
WAYS = (("memory", "everysec"), ("memory", "always"), ("fsync", "always"))


def measure(durability: str, appendfsync: str, singles: int, chunks: int) -> dict[str, float]:
    """Events per second by single calls and by lists of 500."""
    config = {"appendonly": "yes", "appendfsync": appendfsync, "save": ""}
    with embedded_server(config=config) as valkey:
        url = f"redis://127.0.0.1:{valkey.port}/0"
        intake = make_producer(Settings(redis_url=url, durability=durability)).intake
        intake.enqueue(event(0))
        begun = time.perf_counter()
        for number in range(1, singles + 1):
            intake.enqueue(event(number))
        single_seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        for number in range(chunks):
            first = singles + 1 + number * CHUNK
            intake.enqueue_many(event(index) for index in range(first, first + CHUNK))
        many_seconds = time.perf_counter() - begun
    return {"single": singles / single_seconds, "many": chunks * CHUNK / many_seconds}


def fsync_ms(times: int = 200) -> float:
    """The median time that this machine takes to write 1 KB and have it on disk."""
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(times):
            file.write(b"x" * 1024)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--singles", type=int, default=1000)
    parser.add_argument("--chunks", type=int, default=8)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for way in WAYS:
            row = measure(*way, options.singles, options.chunks)
            rows.append({"round": number, "way": "+".join(way), "fsync_ms": fsync_ms(), **row})
            print(
                f"round {number + 1}  {'+'.join(way):<16}{row['single']:>7.0f} enqueue calls/s"
                f"{row['many']:>8.0f} events/s by lists of {CHUNK}"
                f"   fsync {rows[-1]['fsync_ms']:.2f} ms",
                flush=True,
            )
    report(rows)


def report(rows: list[dict[str, Any]]) -> None:
    """Print medians, and medians of the ratios to the first way within each round."""
    probe = statistics.median(row["fsync_ms"] for row in rows)
    print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"an fsync of 1 KB takes {probe:.2f} ms"
    )
    for what in ("single", "many"):
        found = {
            "+".join(way): [row[what] for row in rows if row["way"] == "+".join(way)]
            for way in WAYS
        }
        first = found["+".join(WAYS[0])]
        for way, values in found.items():
            ratios = [value / base for value, base in zip(values, first, strict=True)]
            print(
                f"{what:<7} {way:<16} {statistics.median(values):>6.0f}/s  "
                f"{statistics.median(ratios):.2f} of the first "
                f"(from {min(ratios):.2f} to {max(ratios):.2f})"
            )
    RESULTS.mkdir(exist_ok=True)
    Path(RESULTS / "durability.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
