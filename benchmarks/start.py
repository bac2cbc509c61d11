"""How long a worker takes from its start to its first delivery, beside plain Celery's.

`python -m benchmarks.start --rounds 5`. Events wait before a worker of two processes starts. The
ways take turns. Python keeps its compiled files, as in the image; the first round, which may still
compile, does not count.
"""

import argparse
import os
import time
from statistics import median

from benchmarks.entrant import Entrant
from benchmarks.entries import WAYS
from benchmarks.race import PATIENCE_SECONDS

_WAYS = ("ours", "celery-prefork")
_EVENTS = 5


def seconds_to_first(name: str) -> float:
    """The seconds from the start of a way's worker to the first arrival."""
    with Entrant(WAYS[name], 0, {"processes": 2}) as entrant:
        entrant.produce("single", 0, _EVENTS)
        begun = time.monotonic()
        entrant.start_workers()
        entrant.sink.wait_for(1, PATIENCE_SECONDS)
        return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rounds = [[seconds_to_first(name) for name in _WAYS] for _ in range(1 + options.rounds)]
    for name, seconds in zip(_WAYS, zip(*rounds[1:], strict=True), strict=True):
        print(f"{name:<16}{median(seconds):>6.2f} s")


if __name__ == "__main__":
    main()
