"""Prints the race: medians, and the median of the ratios ours/way within each round."""

import statistics
from typing import Any

Row = dict[str, Any]

#: The figures printed for each latency: title, field, whether more is better.
COLUMNS = (
    ("enqueue calls/s", "enqueue_per_second", True),
    ("drained/s", "drain_per_second", True),
    ("events/s end to end", "events_per_second", True),
    ("bulk: enqueued/s", "bulk_enqueue_per_second", True),
    ("bulk: events/s end to end", "bulk_events_per_second", True),
    ("producer CPU s per 10k", "enqueue_cpu_s_per_10k", False),
    ("workers' CPU s per 10k", "worker_cpu_s_per_10k", False),
    ("Redis CPU s per 10k", "redis_cpu_s_per_10k", False),
    ("workers' memory MiB", "worker_mib", False),
    ("Redis bytes per waiting event", "redis_bytes_per_event", False),
)


def report(rows: list[Row], latency_rows: list[Row]) -> None:
    ways = list(dict.fromkeys(row["way"] for row in rows + latency_rows))
    for latency_ms in sorted({row["latency_ms"] for row in rows}):
        found = [row for row in rows if row["latency_ms"] == latency_ms]
        print(f"\nThe sink answers after {latency_ms:.0f} ms")
        for title, field, more_is_better in COLUMNS:
            print(f"  {title}, {'more' if more_is_better else 'less'} is better")
            for way in ways:
                if line := line_of(found, way, field):
                    print(f"    {way:<15} {line}")
    report_latency(latency_rows, ways)
    report_faults(rows, latency_rows)


def line_of(rows: list[Row], way: str, field: str) -> str | None:
    """The median of a field, and of ours divided by it within each round."""
    values = {row["round"]: row[field] for row in rows if row["way"] == way and field in row}
    if not values:
        return None
    line = f"{statistics.median(values.values()):>9.1f}"
    ours = {row["round"]: row[field] for row in rows if row["way"] == "ours" and field in row}
    ratios = [ours[each] / value for each, value in values.items() if each in ours and value]
    if way == "ours" or not ratios:
        return line
    return (
        f"{line}   ours is {statistics.median(ratios):.2f} of it"
        f" ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def report_latency(rows: list[Row], ways: list[str]) -> None:
    for rate in sorted({row["rate"] for row in rows if "rate" in row}):
        print(f"\nFrom the call to the sink at {rate:.0f} events/s, ms")
        for way in ways:
            found = [row for row in rows if row["way"] == way and row.get("rate") == rate]
            held = [row for row in found if row["held"]]
            quantiles = [
                f"{name} {statistics.median(row[f'{name}_ms'] for row in held):>7.1f}"
                for name in ("p50", "p95", "p99")
                if held and f"{name}_ms" in held[0]
            ]
            missed = f"   not held {len(found) - len(held)} of {len(found)} times"
            print(f"    {way:<15} {'  '.join(quantiles)}{missed if len(held) < len(found) else ''}")


def report_faults(rows: list[Row], latency_rows: list[Row]) -> None:
    """Print which events were lost or sent again, and which ways failed."""
    for row in rows:
        for fault in ("missing", "again", "strange"):
            if row.get(fault):
                print(f"{row['way']}, {row['latency_ms']:.0f} ms: {row[fault]} {fault}")
    for row in rows + latency_rows:
        if "failed" in row:
            print(f"{row['way']} failed in round {row['round'] + 1}: {row['failed']}")
