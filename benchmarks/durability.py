"""What it costs to wait for the disk: interleaved rounds, medians, ratios within each round.

`python -m benchmarks.durability --rounds 7`. Each way gets its own embedded Valkey, one producer
process, and the 1 KB events of the race. With each, a probe measures how long this machine's disk
takes for an fsync.
"""

import argparse
import os
import statistics
import tempfile
import time
from typing import Any

from benchmarks.event import event
from benchmarks.results_file import write_results
from config.settings import Settings
from worker.journal.producer import make_producer
from worker.lab.demo.embedded import embedded_server

CHUNK = 500

#: The values of CONVERTRO_DURABILITY and appendfsync that are compared.
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
    """The median time that this machine takes to bring 1 KB to the disk, in milliseconds."""
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
        # The order alternates, so that a machine that slows down favours none.
        for way in WAYS if number % 2 else WAYS[::-1]:
            row = measure(*way, options.singles, options.chunks)
            rows.append({"round": number, "way": "+".join(way), "fsync_ms": fsync_ms(), **row})
            print(
                f"round {number + 1}  {'+'.join(way):<16}{row['single']:>7.0f} enqueue calls/s"
                f"{row['many']:>8.0f} events/s by lists of {CHUNK}"
                f"   fsync {rows[-1]['fsync_ms']:.2f} ms",
                flush=True,
            )
    print(write_results("durability", rows))


if __name__ == "__main__":
    main()
