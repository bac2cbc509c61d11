"""The report's pictures, on white, so that they look the same on light and dark pages."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report_bars import best_urllib3
from benchmarks.report_own import flat_redis_rows
from benchmarks.report_race import OURS
from benchmarks.results_file import MissingResultsError, Results, results_of
from benchmarks.rounds import Spread, Values, in_order, number, values_of

INK, QUIET, MINE = "#24292f", "#9aa4b1", "#c2410c"
PARTS = ("#2f4b66", "#7f9db9", "#cfd9e3")
LINES = ("#c2410c", "#33658a")

Rows = list[dict[str, Any]]


def draw_all(results: Results, folder: Path) -> dict[str, str]:
    """Draw all pictures that have results; return the reasons for missing ones, by name."""
    missing = {}
    for name, draw in PICTURES.items():
        try:
            figure = draw(results)
        except MissingResultsError as error:
            missing[name] = str(error)
            continue
        figure.savefig(folder / f"benchmarks-{name}.png", dpi=120, facecolor="white")
    return missing


def end_to_end(results: Results) -> Figure:
    """Draw a panel for each latency, with a bar for each way."""
    rows = results_of(results, "race")["rows"]
    latencies = sorted({row["latency_ms"] for row in rows})
    figure, panels = _panels(len(latencies), _ways(rows))
    for latency_ms, axes in zip(latencies, panels, strict=True):
        _bars(axes, rows, "events_per_second", latency_ms=latency_ms)
        axes.set_title(f"sink answers after {latency_ms:.0f} ms", fontsize=10)
        axes.set_xlabel("events per second")
    figure.suptitle("End to end, by single enqueue calls (line: lowest to highest round)")
    return figure


def enqueue(results: Results) -> Figure:
    """Draw a bar for each way."""
    rows = results_of(results, "race")["rows"]
    figure, (axes,) = _panels(1, _ways(rows))
    _bars(axes, rows, "enqueue_per_second")
    axes.set_xlabel("calls per second, one producer")
    axes.set_title("Single enqueue calls (line: lowest to highest round)")
    return figure


def latency(results: Results) -> Figure:
    """Draw a panel for each rate; a dot at the median, a line to the 95th percentile."""
    rows = results_of(results, "race").get("latency_rows", [])
    rates = sorted({row["rate"] for row in rows if "rate" in row})
    if not rates:
        raise MissingResultsError("*Not measured here: `race.json` has no latencies.*")
    ways = _ways(rows)
    figure, panels = _panels(len(rates), ways)
    for rate, axes in zip(rates, panels, strict=True):
        for place, way in enumerate(ways):
            found = [values_of(rows, f"p{part}_ms", way=way, rate=rate) for part in (50, 95)]
            if not all(found):
                axes.text(0.5, place, "not held", transform=axes.get_yaxis_transform(),
                          va="center", ha="center", fontsize=8, color=QUIET)  # fmt: skip
                continue
            # The log of arrivals has whole milliseconds; less than one is drawn as half of one.
            middle, late = (max(0.5, Spread.of(values.values()).median) for values in found)
            axes.plot([middle, late], [place, place], color=_color(way), linewidth=2)
            axes.plot([middle], [place], "o", color=_color(way))
        axes.set_xscale("log")
        axes.set_xlim(*_decades(rows))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.set_title(f"{rate:,.0f} events per second", fontsize=10)
        axes.set_xlabel("ms from call to sink")
        axes.grid(axis="x", alpha=0.3)
    figure.suptitle("Latency: dot at the median, line to the 95th percentile")
    return figure


def _decades(rows: Rows) -> tuple[float, float]:
    """The axis's range: from below the shortest latency to a power of ten beyond the longest."""
    longest = max((row["p95_ms"] for row in rows if row.get("held")), default=1.0)
    return 0.4, 10 ** math.ceil(math.log10(max(longest, 10)))


def cpu(results: Results) -> Figure:
    """Draw a bar of three parts for each way."""
    rows = results_of(results, "race")["rows"]
    ways = _ways(rows)
    figure, (axes,) = _panels(1, ways)
    starts = [0.0] * len(ways)
    for color, who in zip(PARTS, ("worker", "redis", "producer"), strict=True):
        widths = [
            _median(values_of(rows, f"{who}_cpu_s_per_10k", way=way, latency_ms=0)) for way in ways
        ]
        label = {"worker": "workers", "redis": "Redis", "producer": "producer"}[who]
        axes.barh(range(len(ways)), widths, left=starts, color=color, label=label, height=0.65)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for place, end in enumerate(starts):
        axes.text(end, place, f" {number(end)}", va="center", fontsize=8, color=INK)
    axes.margins(x=0.12)
    axes.set_xlabel("CPU seconds per 10,000 events, sink answers at once")
    axes.set_title("What an event costs")
    axes.legend(frameon=False, loc="lower right")
    return figure


def growth(results: Results) -> Figure:
    """Draw rates by the number of waiting events."""
    rows = results_of(results, "growth")["rows"]
    sizes = sorted({row["waiting"] for row in rows})
    figure, panels = _panels(2, ())
    fields = ("events_per_second", "enqueued_per_second")
    titles = ("delivered", "enqueued, by lists of 500")
    for axes, field, title in zip(panels, fields, titles, strict=True):
        found = [values_of(rows, field, waiting=size) for size in sizes]
        _line(axes, sizes, found, MINE)
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
        axes.minorticks_off()
        axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
        axes.set(xlabel="events that wait", ylabel="events per second")
        axes.set_title(title, fontsize=10)
    figure.suptitle("A growing backlog (shade: lowest to highest round)")
    return figure


def scaling(results: Results) -> Figure:
    """Draw rates by the number of worker processes, with a line for each latency."""
    rows = results_of(results, "scaling")["rows"]
    processes = sorted({row["processes"] for row in rows})
    figure, (axes,) = _panels(1, ())
    for color, latency_ms in zip(LINES, sorted({row["latency_ms"] for row in rows}), strict=False):
        found = [
            values_of(rows, "events_per_second", latency_ms=latency_ms, processes=each)
            for each in processes
        ]
        _line(axes, processes, found, color, f"sink answers after {latency_ms} ms")
    cores = results["scaling"]["machine"]["cores"]
    title = f"More worker processes, {cores} cores for all"
    axes.set(xlabel="worker processes", ylabel="events per second", title=title, xticks=processes)
    axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
    axes.legend(frameon=False, loc="lower right")
    return figure


def possible(results: Results) -> Figure:
    """Draw the product's rates as shares of bare clients' rates."""
    rows = results_of(results, "limits")["rows"]
    redis = flat_redis_rows(results)
    calls = values_of(redis, "enqueue()")
    shares = {
        "delivery, 0 ms,\nof bare urllib3": (
            values_of(rows, "product", latency_ms=0),
            best_urllib3(results),
        ),
        "delivery, 50 ms,\nof bare urllib3": (
            values_of(rows, "product", latency_ms=50),
            values_of(rows, "urllib3, 2 x 32", latency_ms=50),
        ),
        "enqueue(), of bare\naccepts from Python": (calls, values_of(redis, "accept, Python")),
        "enqueue(), of bare\naccepts from C": (calls, values_of(redis, "accept, C")),
    }
    spreads = {
        name: Spread.of(100 * mine[key] / possible[key] for key in mine if key in possible)
        for name, (mine, possible) in shares.items()
        if mine.keys() & possible.keys()
    }
    figure, (axes,) = _panels(1, list(spreads))
    _draw_bars(axes, list(spreads.values()), [MINE] * len(spreads), "{:.0f} %")
    axes.set_xlabel("per cent of what a bare client does on the same machine")
    axes.set_title("Beside bare clients")
    return figure


PICTURES: dict[str, Callable[[Results], Figure]] = {
    "end-to-end": end_to_end,
    "enqueue": enqueue,
    "latency": latency,
    "cpu": cpu,
    "growth": growth,
    "scaling": scaling,
    "possible": possible,
}


def _ways(rows: Rows) -> list[str]:
    return in_order(rows, lambda row: row["way"])


def _color(way: str) -> str:
    return MINE if way == OURS else QUIET


def _median(values: Values) -> float:
    return Spread.of(values.values()).median if values else 0.0


def _panels(count: int, names: Sequence[str]) -> tuple[Figure, Sequence[Axes]]:
    """Make panels side by side; names, if given, are shared on the left, the first on top."""
    height = 1.2 + 0.32 * len(names) if names else 3.6
    figure = Figure(figsize=(max(7.5, 3.6 * count), max(height, 2.6)), layout="constrained")
    panels = figure.subplots(1, count, sharey=bool(names), squeeze=False)[0]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
    if names:
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
    return figure, panels


def _bars(axes: Axes, rows: Rows, field: str, **where: Any) -> None:
    ways = _ways(rows)
    spreads = [
        Spread.of(values.values()) if (values := values_of(rows, field, way=way, **where)) else None
        for way in ways
    ]
    _draw_bars(axes, spreads, [_color(way) for way in ways], "{:,.0f}")
    axes.margins(x=0.2)


def _draw_bars(
    axes: Axes, spreads: Sequence[Spread | None], colors: Sequence[str], form: str
) -> None:
    """Draw a bar to each median, a line from the lowest to the highest, and the figure."""
    for place, (spread, color) in enumerate(zip(spreads, colors, strict=True)):
        if spread is None:
            axes.text(0, place, " failed", va="center", fontsize=8, color=QUIET)
            continue
        axes.barh(place, spread.median, color=color, height=0.65)
        axes.plot([spread.low, spread.high], [place, place], color=INK, linewidth=1)
        text = "  " + form.format(spread.median)
        axes.text(spread.high, place, text, va="center", fontsize=8, color=INK)


def _line(
    axes: Axes,
    places: Sequence[float],
    found: Sequence[Values],
    color: str,
    label: str | None = None,
) -> None:
    spreads = [Spread.of(values.values()) for values in found]
    axes.plot(places, [spread.median for spread in spreads], "o-", color=color, label=label)
    axes.fill_between(
        places,
        [spread.low for spread in spreads],
        [spread.high for spread in spreads],
        color=color,
        alpha=0.15,
        linewidth=0,
    )
    axes.grid(axis="y", alpha=0.3)
