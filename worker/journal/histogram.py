"""Histograms of durations. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Self

#: Upper bounds of the buckets in milliseconds.
BOUNDS_MS: tuple[float, ...] = (
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    21_600_000,
    86_400_000,
    inf,
)


@dataclass(frozen=True, slots=True)
class Histogram:
    """The number of durations in each bucket."""

    #: For each of `BOUNDS_MS`: how many durations are up to it and above the bound before it.
    numbers: tuple[int, ...] = (0,) * len(BOUNDS_MS)
    #: The sum of all durations, in milliseconds.
    sum_ms: int = 0

    @classmethod
    def from_counters(cls, counters: Mapping[str, int], name: str) -> Self:
        """Make a histogram of the counters `<name>:<bound>` and `<name>:sum`."""
        return cls(
            tuple(counters.get(f"{name}:{_written(bound)}", 0) for bound in BOUNDS_MS),
            counters.get(f"{name}:sum", 0),
        )

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return sum(self.numbers)

    def quantile_ms(self, share: float) -> float | None:
        """Estimate the duration, in milliseconds, that this share of all durations does not exceed.

        None if nothing was counted; infinite if it exceeds the last finite bound.
        """
        rank = share * self.total
        seen = 0
        for (lower, upper), number in zip(pairwise((0.0, *BOUNDS_MS)), self.numbers, strict=True):
            if number and seen + number >= rank:
                return lower + (upper - lower) * (rank - seen) / number if upper < inf else inf
            seen += number
        return None


def _written(bound: float) -> str:
    return "inf" if bound == inf else str(int(bound))
