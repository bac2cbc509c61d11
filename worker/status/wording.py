"""Turns numbers, times and texts from outside into words. Pure.

Times are given in unix milliseconds and written in UTC.
"""

import shlex
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from config.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.journal.snapshot import SeenWorker

#: Units of time and their seconds, largest first.
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))

#: The most node names that a sentence lists.
_SHOWN_NODES = 3

#: Durations below this are shown with a tenth of a second, others in whole seconds.
_TENTHS_BELOW_SECONDS = 10


def counted(number: int, noun: str) -> str:
    """`1 event`, `1,200 events`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def in_shell(text: str) -> str:
    """A text from outside as one word of a command to copy, in which it can do nothing else."""
    return shlex.quote(printable(text))


def nodes_of(workers: "Iterable[SeenWorker]") -> str:
    """The names of workers: `celery@a, celery@b, celery@c and 2 more`."""
    nodes = sorted({printable(worker.node) for worker in workers})
    shown = ", ".join(nodes[:_SHOWN_NODES])
    more = len(nodes) - _SHOWN_NODES
    return f"{shown} and {more} more" if more > 0 else shown


def duration(seconds: float) -> str:
    """A duration in at most two units: `0.4 s`, `2 min 5 s`, `1 d 3 h`."""
    if seconds < _TENTHS_BELOW_SECONDS and seconds != round(seconds):
        return f"{seconds:.1f} s"
    left = round(seconds)
    for (unit, size), (smaller, smaller_size) in pairwise(_UNITS):
        if left >= size:
            amount, rest = divmod(left, size)
            few = rest // smaller_size
            return f"{amount} {unit} {few} {smaller}" if few else f"{amount} {unit}"
    return f"{left} s"


def milliseconds(amount: float) -> str:
    """A duration in milliseconds below one second, and as `duration` writes it from there on."""
    return f"{amount:.0f} ms" if amount < 1000 else duration(amount / 1000)  # noqa: PLR2004  a second


def span(least_seconds: float, most_seconds: float) -> str:
    """A range of durations: `1 d to 2 d`."""
    return f"{duration(least_seconds)} to {duration(most_seconds)}"


def age(seconds: float) -> str:
    """A duration in its largest unit, for narrow columns: `45 s`, `3 h`."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def ago(then_ms: int, now_ms: int) -> str:
    """How long ago something was: `2 min 5 s ago`."""
    return f"{duration(max(0, now_ms - then_ms) / 1000)} ago"


def clock_time(at_ms: int) -> str:
    """A time for people: `2026-05-04 10:15:30 UTC`."""
    return f"{_utc(at_ms):%Y-%m-%d %H:%M:%S} UTC"


def iso_time(at_ms: int) -> str:
    """A time for machines: `2026-05-04T10:15:30.123Z`."""
    return _utc(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_time_or_none(at_ms: int | None) -> str | None:
    """`iso_time` for a time that may be unknown."""
    return None if at_ms is None else iso_time(at_ms)


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
