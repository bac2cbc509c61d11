"""The chart of the last quarter of an hour, as points in a plane. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from convertro.intake_journal import SLOT_MS
from worker.journal.snapshot import Recent, total_of
from worker.status.rates import RATES

#: The size of the plane; the page scales it.
WIDTH, HEIGHT = 600, 120

#: The rates that are drawn.
_DRAWN = ("accepted", "delivered", "attempts that failed")

#: The top of a chart that has nothing to show, in events a second.
_LOWEST_TOP = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One rate over time."""

    name: str
    #: In the format of SVG's `polyline`: `0,120 6.67,80.5 …`, oldest first; empty if all are 0.
    points: str
    #: The rate of the last complete ten seconds, per second.
    latest: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The lines, and how many events a second the top edge stands for."""

    lines: tuple[Line, ...]
    top: float


def chart(recent: Recent) -> Chart:
    """Draw the counts of every ten seconds, without the ten seconds that have not ended."""
    numbers = Recent.slots_at(recent.now_ms)[:-1]
    rates = {
        name: [
            sum(total_of(recent.slots.get(number, {}), kind) for kind in RATES[name])
            * (1000 / SLOT_MS)
            for number in numbers
        ]
        for name in _DRAWN
    }
    top = _round_up(max(map(max, rates.values())))
    lines = (Line(name, _points(series, top), series[-1]) for name, series in rates.items())
    return Chart(tuple(lines), top)


def _points(rates: Sequence[float], top: float) -> str:
    if not any(rates):
        return ""
    step = WIDTH / (len(rates) - 1)
    return " ".join(
        f"{index * step:g},{HEIGHT - rate / top * HEIGHT:g}" for index, rate in enumerate(rates)
    )


def _round_up(rate: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, … that is not below a rate."""
    if rate <= _LOWEST_TOP:
        return _LOWEST_TOP
    power = 10.0 ** floor(log10(rate))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rate)
