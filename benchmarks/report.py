"""Tables and pictures of everything that was measured.

`python -m benchmarks.report` reads `benchmarks/results/*.json` and writes `report.md` and pictures
beside them. With `--into docs` it renews the blocks of docs/benchmarks.md and docs/sizing.md, which
are between `<!-- figures: NAME -->` and `<!-- end -->`, and docs/benchmarks-*.png. A block whose
measurement is missing says so. matplotlib comes with `requirements/bench.txt`.
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from benchmarks import report_own, report_race
from benchmarks.report_bars import bars
from benchmarks.report_pictures import draw_all
from benchmarks.results_file import RESULTS, MissingResultsError, Results, read_results

#: The blocks by name, each with its title in `report.md`.
BLOCKS: dict[str, tuple[str, Callable[[Results], str]]] = {
    "machine": ("Machine and versions", report_own.machine),
    "bars": ("Bars", bars),
    "ways": ("What races", report_race.ways),
    "end-to-end": (
        "End to end, by single calls",
        report_race.compared("events/s", "events_per_second"),
    ),
    "drain": ("A backlog is drained", report_race.compared("events/s", "drain_per_second")),
    "bulk": (
        "End to end, enqueued in bulk",
        report_race.compared("events/s", "bulk_events_per_second"),
    ),
    "enqueue": ("Enqueueing", report_race.enqueue),
    "latency": ("From the call to the sink: median / 95 % / 99 %, ms", report_race.latency),
    "cpu": ("CPU seconds per 10,000 events at 0 ms, and memory", report_race.cpu),
    "faults": ("What did not arrive exactly once", report_race.faults),
    "limits-http": ("The limit: requests", report_own.limits_http),
    "limits-redis": ("The limit: Redis", report_own.limits_redis),
    "limits-server": ("What a step costs Redis", report_own.limits_server),
    "growth": ("A growing backlog", report_own.growth),
    "scaling": ("More processes", report_own.scaling),
    "in-flight": ("More in flight", report_own.in_flight),
    "safeties": ("What safeties cost", report_own.safeties),
    "durability": ("Waiting for the disk", report_own.durability),
    "idle": ("Idle", report_own.idle),
}

#: The pages that have blocks.
PAGES = ("benchmarks.md", "sizing.md")

MARKED = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def block(name: str, results: Results) -> str:
    """A block's text, or which measurement it lacks."""
    try:
        return BLOCKS[name][1](results)
    except MissingResultsError as missing:
        return str(missing)


def renew(text: str, results: Results) -> str:
    """A document with its marked blocks renewed.

    Raises:
        KeyError: It has an unknown block.
    """
    return MARKED.sub(lambda found: f"{found[1]}\n{block(found[2], results)}\n\n{found[3]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="folder of a benchmarks.md to renew")
    options = parser.parse_args()
    results = read_results()
    folder = options.into or RESULTS
    missing = draw_all(results, folder)
    if options.into:
        for path in (folder / name for name in PAGES):
            path.write_text(renew(path.read_text(), results))
            print(path)
    else:
        path = folder / "report.md"
        parts = [f"## {title}\n\n{block(name, results)}\n" for name, (title, _) in BLOCKS.items()]
        pictures = sorted(folder.glob("benchmarks-*.png"))
        parts += [f"![]({picture.name})\n" for picture in pictures]
        path.write_text("# Benchmarks\n\n" + "\n".join(parts))
        print(path)
    for name, reason in missing.items():
        print(f"no picture of {name}: {reason}")


if __name__ == "__main__":
    main()
