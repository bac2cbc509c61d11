"""A long drill, and how much memory the worker and Valkey take meanwhile.

`make soak` or `python -m benchmarks.soak --minutes 30`. It runs `convertro drill --embedded`,
samples Valkey and the worker that is never killed (all its processes, with shared memory counted
once), writes the samples as CSV, and draws them. It exits with the drill's exit code.
"""

import argparse
import csv
import re
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import IO, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.usage import tree_pss_bytes
from worker.lab.demo.stack import ROOT

SAMPLE_SECONDS = 5.0
MIB = 1024 * 1024

#: What the drill prints about its processes.
STEADY = re.compile(r"steady worker (\d+)")
PORT = re.compile(r"Valkey on port (\d+)")


class Sample(NamedTuple):
    """The memory at one moment; Valkey's is None while it is down."""

    seconds: float
    worker_mib: float
    valkey_used_mib: float | None


def used_memory(redis: Redis) -> int | None:
    try:
        return int(redis.info("memory")["used_memory"])
    except RedisError:  # killed, or loading
        return None


def first_match(lines: IO[str], patterns: tuple[re.Pattern[str], ...]) -> list[int]:
    """The numbers in the first line that matches all patterns; print the lines that are read."""
    for line in lines:
        sys.stderr.write(line)
        found = [pattern.search(line) for pattern in patterns]
        if all(found):
            return [int(match[1]) for match in found if match]
    raise SystemExit("the drill did not start")


def sample(drill: "subprocess.Popen[str]") -> list[Sample]:
    """Sample until the drill ends."""
    assert drill.stderr is not None
    steady, port = first_match(drill.stderr, (STEADY, PORT))
    Thread(target=lambda: [sys.stderr.write(line) for line in drill.stderr or ()]).start()
    redis = Redis(port=port, socket_timeout=1)
    begun = time.monotonic()
    samples: list[Sample] = []
    while _goes_on(drill):
        if worker := tree_pss_bytes(steady):
            used = used_memory(redis)
            samples.append(
                Sample(
                    round(time.monotonic() - begun, 1),
                    round(worker / MIB, 2),
                    None if used is None else round(used / MIB, 2),
                )
            )
    return samples


def _goes_on(drill: "subprocess.Popen[str]") -> bool:
    """Wait until the next sample is due; False if the drill has ended by then."""
    try:
        drill.wait(SAMPLE_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def write_csv(samples: list[Sample], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Sample._fields)
        writer.writerows(samples)


def draw(samples: list[Sample], path: Path, title: str) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415  an extra package that nothing else here needs

    minutes = [sample.seconds / 60 for sample in samples]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(minutes, [sample.worker_mib for sample in samples], label="steady worker")
    axes.plot(
        minutes,
        [float("nan") if s.valkey_used_mib is None else s.valkey_used_mib for s in samples],
        label="Valkey, used_memory",
    )
    axes.set(xlabel="minutes", ylabel="MiB", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", type=Path, default=ROOT / "benchmarks" / "results" / "soak.csv")
    parser.add_argument("--png", type=Path, default=ROOT / "docs" / "soak.png")
    options = parser.parse_args()
    command = [sys.executable, "-m", "worker.cli", "drill", "--embedded"]
    command += ["--minutes", str(options.minutes), "--rate", str(options.rate)]
    command += ["--seed", str(options.seed)]
    drill = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        samples = sample(drill)
    finally:
        code = drill.wait()
    write_csv(samples, options.csv)
    draw(samples, options.png, f"{options.minutes:g} minutes of drill, {options.rate:g} events/s")
    print(f"{len(samples)} samples in {options.csv}, drawn in {options.png}")
    sys.exit(code)


if __name__ == "__main__":
    main()
