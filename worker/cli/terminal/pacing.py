"""Does many things at a bounded rate: the option `--rate`, and handing things out in steps."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, TypeVar

import typer

from worker.cli.terminal.options import telling
from worker.cli.terminal.times import parse_rate

#: The length of a step, in seconds. At a given rate a step holds what this time allows, so that the
#: pace is even.
_STEP_SECONDS = 0.2

T = TypeVar("T")


RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate",
        metavar="N/s",
        parser=telling(parse_rate),
        help="At most N events a second, such as 50/s.",
    ),
]


def paced(
    things: Iterable[T],
    rate: float | None,
    *,
    at_once: int,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[T]]:
    """Hand things out in steps.

    Args:
        things: All of them.
        rate: The most things per second; None for no bound.
        at_once: The most things in a step.
        now: A monotonic clock, in seconds.
        sleep: Waits for a number of seconds.
    """
    size = at_once
    if rate is not None:
        size = max(1, min(size, int(rate * _STEP_SECONDS)))
    waiting, not_before = iter(things), now()
    while step := list(islice(waiting, size)):
        if rate is not None:
            sleep(max(0.0, not_before - now()))
            # A delay is not made up for, because that would exceed the rate.
            not_before = max(not_before, now()) + len(step) / rate
        yield step
