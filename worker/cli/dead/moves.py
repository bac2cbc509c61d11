"""Moves many dead letters: in steps, at a bounded rate, with a bar and a report at the end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import typer

from config.printable import printable
from convertro.errors import JournalUnavailable
from worker.cli.dead.selection import Chosen, complain_about
from worker.cli.terminal.exit_codes import GO_ON, ExitCode, fail, fail_unavailable
from worker.cli.terminal.interrupts import step
from worker.cli.terminal.output import json_line, say
from worker.cli.terminal.pacing import paced
from worker.cli.terminal.progress import progress
from worker.journal.journal import MOVED_AT_ONCE, Death
from worker.status.wording import counted


@dataclass(slots=True)
class Moves:
    """Moves the chosen dead letters, and notes how far it has come."""

    chosen: Chosen
    #: Moves some dead letters; answers for each whether it moved. One that has left meanwhile, even
    #: if it died again, does not move.
    move: Callable[[Sequence[Death]], Sequence[bool]]
    #: The participle for reports: `redriven`, `discarded`.
    participle: str
    #: The most dead letters moved per second; None for no bound.
    rate: float | None = None
    #: Makes the command that goes on with the ids that are left; None if the same command does.
    command_for: Callable[[Sequence[str]], str] | None = None
    #: The ids that were moved.
    moved: set[str] = field(default_factory=set, init=False)
    #: The ids that were not tried yet.
    left: dict[str, None] = field(init=False)

    def __post_init__(self) -> None:
        self.left = dict.fromkeys(self.chosen.ids)

    def all_of(self, ids: Sequence[str]) -> None:
        """Move dead letters that are left.

        Raises:
            Exit: The user interrupted it, or Redis became unavailable; a sentence says how far it
                came.
        """
        total = len(self.chosen.ids)
        with (
            self.accounted(),
            progress(f"{total:,} dead letters to be {self.participle}", total) as bar,
        ):
            bar.advance(position=total - len(self.left), events=len(self.moved))
            for some in paced(ids, self.rate, at_once=MOVED_AT_ONCE):
                with step():
                    self.moved.update(compress(some, self.move(self.chosen.deaths_of(some))))
                    for name in some:
                        self.left.pop(name, None)
                bar.advance(position=total - len(self.left), events=len(self.moved))

    @contextmanager
    def accounted(self) -> Iterator[None]:
        """Say how far it came if the block is interrupted or Redis becomes unavailable.

        Raises:
            Exit: One of these happened.
        """
        try:
            yield
        except JournalUnavailable as error:
            fail_unavailable(error, self.so_far(), self._go_on())
        except KeyboardInterrupt:
            rest = [part for part in (self.so_far(), self._go_on()) if part]
            fail(ExitCode.INTERRUPTED, f"interrupted; {'; '.join(rest)}")

    def so_far(self) -> str:
        """How far it came, in words."""
        chosen = counted(len(self.chosen.ids), "dead letter")
        return f"{len(self.moved):,} of {chosen} {self.participle} so far"

    def _go_on(self) -> str | None:
        if self.command_for is None or not self.left:
            return None
        return f"{GO_ON}{self.command_for(list(self.left))}"


def report(
    moves: Moves, *, dry_run: bool, as_json: bool, more: Mapping[str, Any] | None = None
) -> None:
    """Say what was moved, or would be moved.

    Args:
        moves: The moves, after they were done.
        dry_run: Whether nothing was moved.
        as_json: Print JSON.
        more: Further fields of the JSON.

    Raises:
        Exit: Some of the ids were not dead.
    """
    chosen, number, done = moves.chosen, len(moves.moved), moves.participle
    if as_json:
        say(json_line({**document(moves, dry_run=dry_run), **(more or {})}))
    elif dry_run:
        say(f"{counted(len(chosen.ids), 'dead letter')} would be {done}")
        for line in reason_lines(chosen):
            say(line)
    else:
        gone = len(chosen.ids) - number
        say(f"{counted(number, 'dead letter')} {done}{f', {gone:,} gone before' if gone else ''}")
    complain_about(chosen.not_dead)
    if chosen.not_dead:
        raise typer.Exit(ExitCode.NEGATIVE)


def document(moves: Moves, *, dry_run: bool) -> dict[str, Any]:
    """What was moved, as JSON."""
    chosen = moves.chosen
    return {
        "dry_run": dry_run,
        "selected": len(chosen.ids),
        moves.participle: len(moves.moved),
        "by_reason": dict(chosen.by_reason),
        "not_dead": chosen.not_dead,
    }


def reason_lines(chosen: Chosen) -> list[str]:
    """Lines with the number of dead letters of each reason, the most frequent first."""
    counts = [
        (printable(reason), f"{number:,}") for reason, number in chosen.by_reason.most_common()
    ]
    widths = [max(map(len, column)) for column in zip(*counts, strict=True)]
    return [f"  {name:<{widths[0]}}  {number:>{widths[1]}}" for name, number in counts]
