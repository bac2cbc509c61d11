"""How long a worker takes from its start to its first delivery, beside plain Celery's.

`python -m benchmarks.start --rounds 3`. Events wait before it starts; two processes each.
"""

import argparse
import time
from statistics import median

from benchmarks.entrant import Entrant
from benchmarks.entries import WAYS
from benchmarks.race import PATIENCE_SECONDS

_WAYS = ("ours", "celery-prefork")
_EVENTS = 5


def seconds_to_first(name: str) -> float:
    """From the start of a way's worker to the first arrival."""
    with Entrant(WAYS[name], 0, {"processes": 2}) as entrant:
        entrant.produce("single", 0, _EVENTS)
        begun = time.monotonic()
        entrant.start_workers()
        entrant.sink.wait_for(1, PATIENCE_SECONDS)
        return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = {name: [seconds_to_first(name) for _ in range(options.rounds)] for name in _WAYS}
    for name, seconds in found.items():
        print(f"{name:<16}{median(seconds):>6.2f} s")


if __name__ == "__main__":
    main()
