"""The report's tables about the product and the machine alone."""

from benchmarks.results_file import Results, results_of
from benchmarks.rounds import (
    ABSENT,
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


def machine(results: Results) -> str:
    """The machine of the measurements, with the commit and the load of each."""
    where, begun = [], []
    for name, result in results.items():
        machine, versions = result["machine"], dict(result["versions"])
        begun.append(f"{name} {versions.pop('commit')} (load {machine['load_before']:.1f})")
        packages = ", ".join(f"{package} {version}" for package, version in versions.items())
        where.append(
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
            f"{machine['system']}; {packages}."
        )
    lines = list(dict.fromkeys(where))
    if begun:
        lines.append(f"Commit, and load when it began: {', '.join(begun)}.")
    return "\n\n".join(lines)


def limits_http(results: Results) -> str:
    """The requests per second of bare clients, beside deliveries."""
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
    """The rates of the Redis part, each under one name."""
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
    """The synchronous calls per second of one thread, beside `enqueue()`."""
    rows = flat_redis_rows(results)
    mine = values_of(rows, "enqueue()")
    lines = []
    for name in [name for name in rows[0] if name != "round"]:
        other = values_of(rows, name)
        ratio = "" if name == "enqueue()" else shown_ratio(ratios(mine, other))
        lines.append([name, shown(other), ratio])
    return table(["one connection, one call at a time", "calls/s", "enqueue() is … of it"], lines)


def limits_server(results: Results) -> str:
    """The server's costs of each step for one event."""
    rows = results_of(results, "limits")["redis"]
    lines = []
    for step in rows[0]["server"]:
        found = [{"round": row["round"], **row["server"][step]} for row in rows]
        lines.append([step, *(shown(values_of(found, name)) for name in ("cpu_us", "script_us"))])
    return table(["step", "server CPU, µs per event", "of it in the script, µs"], lines)


def growth(results: Results) -> str:
    """Rates by the number of waiting events, beside the smallest backlog."""
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
    """Rates by the number of worker processes, beside one process."""
    rows = results_of(results, "scaling")["rows"]
    lines = []
    for latency_ms in sorted({row["latency_ms"] for row in rows}):
        first = values_of(rows, "events_per_second", latency_ms=latency_ms, processes=1)
        for processes in sorted({row["processes"] for row in rows}):
            where = {"latency_ms": latency_ms, "processes": processes}
            rate = values_of(rows, "events_per_second", **where)
            lines.append(
                [
                    f"{latency_ms} ms, {processes}",
                    shown(rate),
                    shown_ratio(ratios(rate, first)),
                    shown(values_of(rows, "worker_mib", **where)),
                ]
            )
        both = values_of(
            results_of(results, "scaling").get("journals", []),
            "events_per_second",
            latency_ms=latency_ms,
        )
        lines.append(
            [
                f"{latency_ms} ms, 1 for each of two journals",
                shown(both),
                shown_ratio(ratios(both, first)),
                ABSENT,
            ]
        )
    return table(["sink, processes", "delivered/s", "of one process", "worker's MiB"], lines)


def in_flight(results: Results) -> str:
    """Rate and memory by how many events each of two processes has in flight."""
    rows = results_of(results, "in_flight")["rows"]
    latencies = sorted({row["latency_ms"] for row in rows})
    lines = []
    for bound in sorted({row["in_flight"] for row in rows}):
        rates = (
            values_of(rows, "events_per_second", latency_ms=latency_ms, in_flight=bound)
            for latency_ms in latencies
        )
        memory = values_of(rows, "worker_mib", in_flight=bound, latency_ms=latencies[-1])
        lines.append([str(bound), *map(shown, rates), shown(memory)])
    heads = [f"delivered/s at {latency_ms} ms" for latency_ms in latencies]
    return table(["CONVERTRO_CONCURRENCY", *heads, "worker's MiB"], lines)


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


def durability(results: Results) -> str:
    """Each way beside Redis's default, and how long an fsync takes."""
    rows = results_of(results, "durability")["rows"]
    ways, lines = sorted({row["way"] for row in rows}, key=_by_cost), []
    for way in ways:
        line = [f"`{part}`" for part in way.split("+")]
        for field in ("single", "many"):
            first, found = (values_of(rows, field, way=each) for each in (ways[0], way))
            line += [shown(found), "" if way == ways[0] else shown_ratio(ratios(found, first))]
        lines.append(line)
    head = ["`CONVERTRO_DURABILITY`", "`appendfsync`", "enqueue calls/s", "of the first"]
    probe = shown(values_of(rows, "fsync_ms"))
    return (
        table([*head, "events/s by lists of 500", "of the first"], lines, words=2)
        + f"\n\nAn fsync of 1 KB takes this machine's disk {probe} ms (median)."
    )


def _by_cost(way: str) -> tuple[bool, bool]:
    """Sort Redis's default first, then `appendfsync always`, then waiting for the disk too."""
    durability, _, appendfsync = way.partition("+")
    return durability == "fsync", appendfsync == "always"


def idle(results: Results) -> str:
    """Shares of one core, and memory, by state."""
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
