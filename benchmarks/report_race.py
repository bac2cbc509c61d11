"""The report's tables of the race."""

from collections.abc import Callable
from typing import Any

from benchmarks.results_file import MissingResultsError, Results, results_of
from benchmarks.rounds import (
    ABSENT,
    Row,
    Spread,
    in_order,
    ratios,
    shown,
    shown_ratio,
    table,
    values_of,
)

OURS = "ours"


def ways(results: Results) -> str:
    """The ways of the race, with versions and numbers of processes."""
    race = results_of(results, "race")
    rows = []
    for name, way in race["ways"].items():
        packages = ", ".join(f"{key} {value}" for key, value in way["versions"].items())
        processes = values_of(race["rows"], "worker_processes", way=name)
        rows.append(
            [name, way["configuration"].partition("\n")[0], packages, shown_whole(processes)]
        )
    return table(["way", "what it is", "versions", "processes"], rows, words=3)


def shown_whole(values: dict[Any, float]) -> str:
    return f"{Spread.of(values.values()).median:.0f}" if values else ABSENT


def compared(title: str, field: str) -> Callable[[Results], str]:
    """Make a block of the race: a line for each way, a pair of columns for each latency."""

    def block(results: Results) -> str:
        rows = results_of(results, "race")["rows"]
        latencies = sorted({row["latency_ms"] for row in rows})
        head = ["way"]
        for latency_ms in latencies:
            head += [f"{title}, {latency_ms:.0f} ms", "ours is … of it"]
        lines = []
        for way in in_order(rows, lambda row: row["way"]):
            line = [way]
            for latency_ms in latencies:
                mine, other = (
                    values_of(rows, field, way=who, latency_ms=latency_ms) for who in (OURS, way)
                )
                line += [shown(other), "" if way == OURS else shown_ratio(ratios(mine, other))]
            if any(cell not in {"", ABSENT} for cell in line[1:]):
                lines.append(line)
        return table(head, lines)

    return block


def enqueue(results: Results) -> str:
    """Calls per second; they do not depend on the sink, so rows of all latencies count."""
    rows = results_of(results, "race")["rows"]
    lines = []
    for way in in_order(rows, lambda row: row["way"]):
        line = [way]
        for field in ("enqueue_per_second", "bulk_enqueue_per_second"):
            mine, other = (values_of(rows, field, way=who) for who in (OURS, way))
            line += [shown(other), "" if way == OURS else shown_ratio(ratios(mine, other))]
        line.append(shown(values_of(rows, "enqueue_cpu_s_per_10k", way=way)))
        line.append(shown(values_of(rows, "redis_bytes_per_event", way=way)))
        lines.append(line)
    head = ["way", "single calls/s", "ours is … of it", "events/s in bulk", "ours is … of it"]
    return table([*head, "producer CPU s per 10,000 calls", "Redis bytes per waiting event"], lines)


def latency(results: Results) -> str:
    """Latencies from the call to the sink, by rate."""
    rows = results_of(results, "race").get("latency_rows", [])
    if not rows:
        raise MissingResultsError("*Not measured here: `race.json` has no latencies.*")
    rates = sorted({row["rate"] for row in rows if "rate" in row})
    lines = [
        [way, *(_quantiles(rows, way, rate) for rate in rates)]
        for way in in_order(rows, lambda row: row["way"])
    ]
    return table(["way", *(f"{rate:,.0f} events/s" for rate in rates)], lines)


def _quantiles(rows: list[Row], way: str, rate: float) -> str:
    """The medians of the quantiles over the rounds in which the rate was held."""
    tried = [row for row in rows if row["way"] == way and row.get("rate") == rate]
    held = [row for row in tried if row.get("held")]
    if not tried:
        return ABSENT
    if not held:
        return "not held"
    text = " / ".join(shown(values_of(held, f"p{part}_ms")) for part in (50, 95, 99))
    missed = len(tried) - len(held)
    return text + f" (not held {missed} of {len(tried)} times)" * bool(missed)


def cpu(results: Results) -> str:
    """CPU seconds and memory, with a sink that answers at once."""
    rows = results_of(results, "race")["rows"]
    fields = ("worker_cpu_s_per_10k", "redis_cpu_s_per_10k", "producer_cpu_s_per_10k")
    lines = [
        [way]
        + [shown(values_of(rows, field, way=way, latency_ms=0)) for field in fields]
        + [shown(values_of(rows, "worker_mib", way=way))]
        for way in in_order(rows, lambda row: row["way"])
    ]
    head = ["way", "workers", "Redis", "producer", "workers' memory, MiB"]
    return table(head, lines)


def faults(results: Results) -> str:
    """Events that did not arrive exactly once, and failures."""
    race = results_of(results, "race")
    lines = []
    for row in [*race["rows"], *race.get("latency_rows", [])]:
        where = f"{row['way']}, round {row['round'] + 1}, {row.get('latency_ms', 0):.0f} ms"
        told = [f"{row[name]} {name}" for name in ("missing", "again", "strange") if row.get(name)]
        lines += [f"- {where}: {', '.join(told)}"] if told else []
        lines += [f"- {where}: failed: {row['failed']}"] if "failed" in row else []
    return "\n".join(lines) or "Every event of every way arrived exactly once."
