"""Medians over rounds, and ratios within them."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

Row = dict[str, Any]

#: Stands for a figure that was not measured.
ABSENT = "-"

#: Figures by round and latency: those of the same round and conditions have the same key.
Values = dict[tuple[Any, ...], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, lowest and highest figure of some rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The spread of at least one value."""
        listed = list(values)
        return cls(statistics.median(listed), min(listed), max(listed))


def values_of(rows: Iterable[Row], field: str, **where: Any) -> Values:
    """A field of the rows that match, by round and latency; failed rows do not have it."""
    return {
        (row["round"], row.get("latency_ms")): row[field]
        for row in rows
        if row.get(field) is not None
        and all(row.get(name) == value for name, value in where.items())
    }


def ratios(mine: Values, other: Values) -> Spread | None:
    """The spread of `mine / other` within rounds; None if no round has both."""
    found = [mine[key] / value for key, value in other.items() if key in mine and value]
    return Spread.of(found) if found else None


def median(values: Mapping[Any, float]) -> float:
    return statistics.median(values.values())


def number(value: float) -> str:
    """A number with at least three significant digits."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def shown(values: Values) -> str:
    """The median, or `ABSENT` if nothing was measured."""
    return number(median(values)) if values else ABSENT


def shown_ratio(ratio: Spread | None) -> str:
    """Median, lowest and highest, or `ABSENT`."""
    if ratio is None:
        return ABSENT
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A Markdown table; the first `words` columns are words, the others figures."""
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("|" + " --- |" * words + " ---: |" * (len(head) - words))
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def in_order(rows: Iterable[Row], name: Callable[[Row], Any]) -> list[Any]:
    """The different values of something in the rows, in the order of their first occurrence."""
    return list(dict.fromkeys(map(name, rows)))
