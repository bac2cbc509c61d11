"""The project's own performance bars, and whether the figures meet them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.report_own import flat_redis_rows
from benchmarks.report_race import OURS
from benchmarks.results_file import MissingResultsError, Results, results_of
from benchmarks.rounds import (
    Spread,
    Values,
    in_order,
    median,
    ratios,
    shown_ratio,
    table,
    values_of,
)

#: The pool of Celery that bars are set for; the others are shown for comparison.
PLAIN = "celery-threads"


@dataclass(frozen=True, slots=True)
class Bar:
    """One requirement beside the measured ratio."""

    what: str
    #: The least ratio that is required; the greatest if `at_most`.
    asked: float | None
    found: Spread | None
    at_most: bool = False

    @property
    def line(self) -> list[str]:
        """A line of the table; without a requirement the ratio is for comparison only."""
        if self.asked is None:
            return [self.what, "", shown_ratio(self.found), ""]
        sign = "≤" if self.at_most else "≥"
        return [self.what, f"{sign} {self.asked:g}", shown_ratio(self.found), self._verdict()]

    def _verdict(self) -> str:
        if self.found is None or self.asked is None:
            return "not measured"
        met = self.found.median <= self.asked if self.at_most else self.found.median >= self.asked
        return "yes" if met else "**no**"


def bars(results: Results) -> str:
    """The table of all bars; parts that were not measured are marked so."""
    lines: list[list[str]] = []
    parts: tuple[Callable[[Results], Iterator[Bar]], ...] = (
        end_to_end,
        enqueueing,
        latency,
        backlog,
        delivery,
        idleness,
    )
    for part in parts:
        try:
            lines += [bar.line for bar in part(results)]
        except MissingResultsError as missing:
            lines.append([part.__name__.replace("_", " "), "", str(missing), ""])
    head = ["what, as the median of ratios within rounds", "asked", "measured (lowest to highest)"]
    return table([*head, "met"], lines)


def peers_of(rows: list[dict[str, Any]]) -> list[str]:
    """The other ways."""
    return [way for way in in_order(rows, lambda row: row["way"]) if way != OURS]


def fastest(rows: list[dict[str, Any]], field: str, **where: Any) -> tuple[str, Values]:
    """The other way with the highest median.

    Raises:
        MissingResultsError: No other way was measured under these conditions.
    """
    found = {way: values_of(rows, field, way=way, **where) for way in peers_of(rows)}
    measured = {way: values for way, values in found.items() if values}
    if not measured:
        raise MissingResultsError("*no other way was measured*")
    return max(measured.items(), key=lambda item: median(item[1]))


def pools(
    rows: list[dict[str, Any]], field: str, what: str, asked: float, **where: Any
) -> Iterator[Bar]:
    """The product beside each pool of Celery."""
    mine = values_of(rows, field, way=OURS, **where)
    for way in (
        PLAIN,
        *(way for way in peers_of(rows) if way.startswith("celery") and way != PLAIN),
    ):
        other = values_of(rows, field, way=way, **where)
        yield Bar(f"{what}, of {way}", asked if way == PLAIN else None, ratios(mine, other))


def end_to_end(results: Results) -> Iterator[Bar]:
    """End to end, by single calls."""
    rows = results_of(results, "race")["rows"]
    field = "events_per_second"
    for latency_ms, asked in ((0, 2.5), (50, 2.5), (200, 1.5)):
        what = f"end to end, {latency_ms} ms"
        mine = values_of(rows, field, way=OURS, latency_ms=latency_ms)
        if not mine:
            yield Bar(what, asked, None)
            continue
        name, other = fastest(rows, field, latency_ms=latency_ms)
        yield Bar(f"{what}, of the fastest other ({name})", asked, ratios(mine, other))
        if latency_ms < 200:
            yield from pools(rows, field, what, 6.0, latency_ms=latency_ms)


def enqueueing(results: Results) -> Iterator[Bar]:
    """Enqueuing by single calls; the sink's latency does not matter."""
    rows = results_of(results, "race")["rows"]
    field = "enqueue_per_second"
    mine = values_of(rows, field, way=OURS)
    name, other = fastest(rows, field)
    yield Bar(f"enqueue calls, of the fastest other ({name})", 1.0, ratios(mine, other))
    yield from pools(rows, field, "enqueue calls", 4.5)
    try:
        perfect = values_of(flat_redis_rows(results), "accept, Python")
        calls = values_of(flat_redis_rows(results), "enqueue()")
    except MissingResultsError:
        return
    yield Bar("enqueue calls, of a perfect client's accepts", None, ratios(calls, perfect))


def latency(results: Results) -> Iterator[Bar]:
    """The median latency from the call to the sink, at the lowest rate."""
    rows = results_of(results, "race").get("latency_rows", [])
    mine = values_of(rows, "p50_ms", way=OURS, rate=10)
    for way in [way for way in peers_of(rows) if way.startswith("celery")] or [PLAIN]:
        ratio = ratios(mine, values_of(rows, "p50_ms", way=way, rate=10))
        asked = 1.0 if way == PLAIN else None
        yield Bar(f"median latency at 10 events/s, of {way}", asked, ratio, at_most=True)


def backlog(results: Results) -> Iterator[Bar]:
    """Delivery and memory with a large backlog."""
    rows = results_of(results, "growth")["rows"]
    sizes = sorted({row["waiting"] for row in rows})
    few, many = (
        values_of(rows, "events_per_second", waiting=size) for size in (sizes[0], sizes[-1])
    )
    what = f"delivery with {sizes[-1]:,} events waiting, of that with {sizes[0]:,}"
    yield Bar(what, 0.97, ratios(many, few))
    for size in sizes:
        each, bound = (
            values_of(rows, name, waiting=size) for name in ("bytes_each", "bound_bytes")
        )
        what = f"Redis memory per waiting event, of its bound, {size:,}"
        yield Bar(what, 1.0, ratios(each, bound), at_most=True)


def best_urllib3(results: Results) -> Values:
    """In each round the best rate of bare urllib3 over its numbers of threads, at 0 ms."""
    rows = [row for row in results_of(results, "limits")["rows"] if row["latency_ms"] == 0]
    return {
        (row["round"], 0): max(rate for name, rate in row.items() if name.startswith("urllib3"))
        for row in rows
    }


def delivery(results: Results) -> Iterator[Bar]:
    """Delivery beside the least that Python can do."""
    best = best_urllib3(results)
    mine = values_of(results_of(results, "limits")["rows"], "product", latency_ms=0)
    yield Bar("delivery at 0 ms, of two processes of bare urllib3", 0.85, ratios(mine, best))


def idleness(results: Results) -> Iterator[Bar]:
    """The share of one core while idle, in per cent."""
    rows = results_of(results, "idle")["rows"]
    state = rows[0]["state"]
    for who in ("worker", "valkey"):
        shares = values_of(rows, f"{who}_cpu_share", state=state)
        percent = Spread.of(100 * share for share in shares.values())
        yield Bar(f"{who} while idle, per cent of one core", 1.0, percent, at_most=True)
