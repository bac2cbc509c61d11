"""Moving many dead letters: step by step, at a pace, with a bar, and an account at the end."""

import time
from collections.abc import Callable, Iterator, Sequence

import typer

from worker.cli.exits import ExitCode, fail, fail_unavailable
from worker.cli.interrupts import step
from worker.cli.output import json_line, printable, say
from worker.cli.progress import progress
from worker.cli.selection import Chosen, complain_about
from worker.cli.words import counted
from worker.errors import JournalUnavailable
from worker.journal import PAGE

#: At a given rate a step holds what is due in that time, so that the pace is even.
STEP_SECONDS = 0.2


def paced(
    ids: Sequence[str],
    rate: float | None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Sequence[str]]:
    """Hand ids out in steps.

    Args:
        ids: All of them.
        rate: How many a second at most; None for no bound.
        now: Seconds of a clock that never goes back.
        sleep: Waits for some seconds.
    """
    size = PAGE if rate is None else max(1, min(PAGE, int(rate * STEP_SECONDS)))
    begun = now()
    for start in range(0, len(ids), size):
        if rate is not None and (early := begun + start / rate - now()) > 0:
            sleep(early)
        yield ids[start : start + size]


def move_all(
    chosen: Chosen, move: Callable[[Sequence[str]], int], *, moved: str, rate: float | None = None
) -> int:
    """Move what was chosen; answers how many really were dead and so were moved.

    Args:
        chosen: The dead letters.
        move: Moves some of them and answers how many.
        moved: What they are then: `redriven`, `discarded`.
        rate: How many a second at most; None for no bound.

    Raises:
        Exit: It was interrupted, or Redis became unavailable; how far it came was said.
    """
    number = 0
    total = len(chosen.ids)
    try:
        with progress(f"{total:,} dead letters to be {moved}", total) as bar:
            for ids in paced(chosen.ids, rate):
                with step():
                    number += move(ids)
                bar.advance(position=min(number, total), events=number)
    except JournalUnavailable as error:
        fail_unavailable(error, _so_far(number, total, moved))
    except KeyboardInterrupt:
        fail(ExitCode.INTERRUPTED, f"interrupted; {_so_far(number, total, moved)}")
    return number


def report(chosen: Chosen, number: int, *, moved: str, dry_run: bool, as_json: bool) -> None:
    """Say what was done, or would be done.

    Raises:
        Exit: Some of the ids were not dead.
    """
    if as_json:
        counts = {"dry_run": dry_run, "selected": len(chosen.ids), moved: number}
        by_reason = dict(chosen.by_reason)
        say(json_line({**counts, "by_reason": by_reason, "not_dead": chosen.not_dead}))
    elif dry_run:
        say(f"{counted(len(chosen.ids), 'dead letter')} would be {moved}")
        for line in reason_lines(chosen):
            say(line)
    else:
        gone = len(chosen.ids) - number
        say(f"{counted(number, 'dead letter')} {moved}{f', {gone:,} gone before' if gone else ''}")
    complain_about(chosen.not_dead)
    if chosen.not_dead:
        raise typer.Exit(ExitCode.NEGATIVE)


def reason_lines(chosen: Chosen) -> list[str]:
    """How many there are of each reason, most of them first."""
    counts = [
        (printable(reason), f"{number:,}") for reason, number in chosen.by_reason.most_common()
    ]
    widths = [max(map(len, column)) for column in zip(*counts, strict=True)]
    return [f"  {name:<{widths[0]}}  {number:>{widths[1]}}" for name, number in counts]


def _so_far(number: int, total: int, moved: str) -> str:
    return f"{number:,} of {counted(total, 'dead letter')} {moved} so far"
