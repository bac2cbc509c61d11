"""The report's tables, each a block by name; a block without results says which are missing."""

from collections.abc import Callable
from typing import Any

from benchmarks.rounds import (
    Row,
    Spread,
    in_order,
    number,
    ratios,
    shown,
    shown_ratio,
    table,
    values_of,
)

#: By the name of their file.
Results = dict[str, dict[str, Any]]

OURS = "ours"


class MissingResultsError(LookupError):
    """A measurement has not been made."""


def results_of(results: Results, name: str) -> dict[str, Any]:
    """One file's results.

    Raises:
        MissingResultsError: There is no such file.
    """
    if name not in results:
        raise MissingResultsError(
            f"*Not measured here: `python -m benchmarks.{name}` writes `results/{name}.json`.*"
        )
    return results[name]


def machine(results: Results) -> str:
    """What everything was measured on; what differs between files is said."""
    lines = []
    for name, result in results.items():
        where, versions = result["machine"], result["versions"]
        packages = ", ".join(f"{key} {value}" for key, value in versions.items())
        lines.append(
            f"{where['cpu']}, {where['cores']} cores, {where['memory_gib']} GiB, "
            f"{where['system']}; {packages}"
            + f"; `{name}`: load before {where['load_before']:.1f}"
            * (where["load_before"] > 0.5)
        )
    same = in_order([{"line": line.partition("; `")[0]} for line in lines], lambda row: row["line"])
    busy = [line.partition("; `")[2] for line in lines if "; `" in line]
    text = "\n".join(f"- {line}" for line in same)
    if busy:
        text += "\n- The machine was busy when these began: `" + ", `".join(busy)
    return text


def ways(results: Results) -> str:
    """What raced, in which versions, with how many processes."""
    race = results_of(results, "race")
    rows = []
    for name, way in race["ways"].items():
        packages = ", ".join(f"{key} {value}" for key, value in way["versions"].items())
        processes = values_of(race["rows"], "worker_processes", way=name)
        rows.append(
            [name, way["configuration"].partition("\n")[0], packages, shown_whole(processes)]
        )
    return table(["way", "what it is", "versions", "processes"], rows)


def shown_whole(values: dict[Any, float]) -> str:
    return f"{Spread.of(values.values()).median:.0f}" if values else "–"


def compared(title: str, field: str) -> Callable[[Results], str]:
    """A table of the race: a way a line, a latency a pair of columns."""

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
            if any(cell not in {"", "–"} for cell in line[1:]):
                lines.append(line)
        return table(head, lines)

    return block


def enqueue(results: Results) -> str:
    """Calls a second; the sink has no part in it, so all latencies count."""
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
    """From the call to the sink, by pace."""
    rows = results_of(results, "race").get("latency_rows", [])
    if not rows:
        raise MissingResultsError("*Not measured here: `race.json` has no latencies.*")
    rates = sorted({row["rate"] for row in rows if "rate" in row})
    lines = []
    for way in in_order(rows, lambda row: row["way"]):
        line = [way]
        for rate in rates:
            found = [values_of(rows, f"p{part}_ms", way=way, rate=rate) for part in (50, 95, 99)]
            line.append(" / ".join(map(shown, found)) if all(found) else "not held")
        lines.append(line)
    return table(["way", *(f"{rate:,.0f} events/s" for rate in rates)], lines)


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
    """What did not arrive exactly once, or failed."""
    race = results_of(results, "race")
    lines = []
    for row in [*race["rows"], *race.get("latency_rows", [])]:
        where = f"{row['way']}, round {row['round'] + 1}, {row.get('latency_ms', 0):.0f} ms"
        told = [f"{row[name]} {name}" for name in ("missing", "again", "strange") if row.get(name)]
        lines += [f"- {where}: {', '.join(told)}"] if told else []
        lines += [f"- {where}: failed: {row['failed']}"] if "failed" in row else []
    return "\n".join(lines) or "Every event of every way arrived exactly once."


def limits_http(results: Results) -> str:
    """Requests per second of who does nothing else, beside deliveries."""
    rows = results_of(results, "limits")["rows"]
    whos = [key for key in in_order((key for row in rows for key in row), str) if _is_rate(key)]
    lines = []
    for latency_ms in sorted({row["latency_ms"] for row in rows}):
        mine = values_of(rows, "product", latency_ms=latency_ms)
        for who in whos:
            other = values_of(rows, who, latency_ms=latency_ms)
            ratio = "" if who == "product" else shown_ratio(ratios(mine, other))
            if other:
                lines.append([f"{latency_ms} ms, {who}", shown(other), ratio])
    return table(["sink, who", "requests/s", "the product's deliveries are … of it"], lines)


def _is_rate(key: str) -> bool:
    return key in {"wrk", "product"} or key.startswith("urllib3")


def flat_redis_rows(results: Results) -> list[Row]:
    """Rates of the Redis part with one name each."""
    return [
        {
            "round": row["round"],
            "enqueue()": row["enqueue"],
            **{f"{name}, Python": rate for name, rate in row["python"].items()},
            **{f"{name}, C": rate for name, rate in (row["c"] or {}).items()},
        }
        for row in results_of(results, "limits")["redis"]
    ]


def limits_redis(results: Results) -> str:
    """Synchronous calls per second of one thread, beside `enqueue()`."""
    rows = flat_redis_rows(results)
    mine = values_of(rows, "enqueue()")
    lines = []
    for name in [name for name in rows[0] if name != "round"]:
        other = values_of(rows, name)
        ratio = "" if name == "enqueue()" else shown_ratio(ratios(mine, other))
        lines.append([name, shown(other), ratio])
    return table(["one connection, one call at a time", "calls/s", "enqueue() is … of it"], lines)


def limits_server(results: Results) -> str:
    """What a step costs the server for one event."""
    rows = results_of(results, "limits")["redis"]
    lines = []
    for step in rows[0]["server"]:
        found = [{"round": row["round"], **row["server"][step]} for row in rows]
        lines.append([step, *(shown(values_of(found, name)) for name in ("cpu_us", "script_us"))])
    return table(["step", "server CPU, µs per event", "of it in the script, µs"], lines)


def growth(results: Results) -> str:
    """By how many events wait, beside the smallest backlog."""
    rows = results_of(results, "growth")["rows"]
    sizes = sorted({row["waiting"] for row in rows})
    first = values_of(rows, "events_per_second", waiting=sizes[0])
    lines = []
    for size in sizes:
        rate = values_of(rows, "events_per_second", waiting=size)
        fields = ("enqueued_per_second", "bytes_each", "bound_bytes")
        lines.append(
            [f"{size:,}", shown(rate), shown_ratio(ratios(rate, first))]
            + [shown(values_of(rows, field, waiting=size)) for field in fields]
        )
    head = ["events that wait", "delivered/s", f"of the rate with {sizes[0]:,}"]
    return table([*head, "enqueued/s by lists", "Redis bytes each", "bound"], lines)


def scaling(results: Results) -> str:
    """By worker processes, beside one."""
    rows = results_of(results, "scaling")["rows"]
    lines = []
    for latency_ms in sorted({row["latency_ms"] for row in rows}):
        first = values_of(rows, "events_per_second", latency_ms=latency_ms, processes=1)
        for processes in sorted({row["processes"] for row in rows}):
            where = {"latency_ms": latency_ms, "processes": processes}
            rate = values_of(rows, "events_per_second", **where)
            lines.append(
                [f"{latency_ms} ms, {processes}", shown(rate), shown_ratio(ratios(rate, first))]
                + [shown(values_of(rows, "worker_mib", **where))]
            )
    return table(["sink, processes", "delivered/s", "of one process", "worker's MiB"], lines)


def safeties(results: Results) -> str:
    """Each way beside the default."""
    measured = results_of(results, "safeties")
    rows, lines = measured["rows"], []
    for way in sorted(
        {row["way"] for row in rows}, key=lambda way: (way != measured["default"], way)
    ):
        line = [way]
        for field in ("events_per_second", "enqueue_calls_per_second"):
            default = values_of(rows, field, way=measured["default"])
            found = values_of(rows, field, way=way)
            ratio = "" if way == measured["default"] else shown_ratio(ratios(found, default))
            line += [shown(found), ratio]
        lines.append(line)
    return table(
        ["way", "delivered/s", "of the default", "enqueue calls/s", "of the default"], lines
    )


def idle(results: Results) -> str:
    """Shares of one core."""
    rows = results_of(results, "idle")["rows"]
    lines = []
    for state in in_order(rows, lambda row: row["state"]):
        line = [state]
        for who in ("worker", "valkey"):
            share = Spread.of(values_of(rows, f"{who}_cpu_share", state=state).values())
            line += [
                f"{share.median:.2%}",
                number(Spread.of(values_of(rows, f"{who}_mib", state=state).values()).median),
            ]
        lines.append(line)
    return table(
        ["state", "worker, of a core", "worker, MiB", "Valkey, of a core", "Valkey, MiB"], lines
    )
