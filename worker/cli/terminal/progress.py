"""Shows progress on standard error, as a bar or as the time that passes; on terminals only."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from config.printable import printable
from worker.cli.terminal.tables import console

#: How long something may take before a spinner is shown, in seconds.
MOMENT_SECONDS = 0.5


class Bar:
    """Shows how far a command has come; without a terminal it shows nothing."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, *, position: int, events: int) -> None:
        """Show the position, in the unit of the total, and the number of events done."""
        self._progress.update(self._task, completed=position, events=f"{events:,}")

    def note(self, line: str) -> None:
        """Print a line on standard error above the bar, terminal or not."""
        self._progress.console.print(Text(printable(line)), soft_wrap=True)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Bar]:
    """Show a bar while the block runs.

    Args:
        description: What is being done.
        total: The position at the end; None if it is not known.
    """
    shown = _on_terminals(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[events]} events"),
        TimeRemainingColumn(),
    )
    with shown:
        yield Bar(shown, shown.add_task(description, total=total, events="0"))


@contextmanager
def waiting(description: str) -> Iterator[None]:
    """Show what the block does and since when, if it takes more than a moment; it must not print.

    Args:
        description: What is being done.
    """
    shown = _on_terminals(
        SpinnerColumn("line"), TextColumn("{task.description}"), TimeElapsedColumn()
    )
    shown.add_task(description, total=None)
    timer = Timer(MOMENT_SECONDS, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        shown.stop()


def _on_terminals(*columns: ProgressColumn) -> Progress:
    """Make a display that vanishes when it is done, and shows nothing off terminals."""
    shown_on = console(stderr=True)
    return Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_interactive)
