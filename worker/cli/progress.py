"""A progress bar on standard error, for terminals only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from worker.cli.output import printable
from worker.cli.tables import console


class Bar:
    """Shows how far a command has come; without a terminal it shows nothing."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, *, position: int, events: int) -> None:
        """Show the position, in the unit of the total, and how many events were done."""
        self._progress.update(self._task, completed=position, events=f"{events:,}")

    def note(self, line: str) -> None:
        """Print a line on standard error above the bar, terminal or not."""
        self._progress.console.print(Text(printable(line)), soft_wrap=True)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Bar]:
    """Show a bar while the block runs.

    Args:
        description: What is being done.
        total: The position at the end; None if nobody knows.
    """
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[events]} events"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with shown:
        yield Bar(shown, shown.add_task(description, total=total, events="0"))
