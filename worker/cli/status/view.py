"""What `convertro status` shows to people, a part below the other, 80 columns wide."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from worker.cli.terminal.place import place_block
from worker.cli.terminal.tables import block, table, text
from worker.status.problems import problems
from worker.status.status import Status, outlook
from worker.status.tables import Table as Figures
from worker.status.tables import durations_table, journal_table, rates_table, workers_table


def parts(status: Status) -> list[RenderableType]:
    """Everything, the most important first."""
    return [
        *_answers(status),
        _grid(journal_table(status)),
        _grid(rates_table(status.snapshot)),
        _grid(durations_table(status.snapshot)),
        _grid(workers_table(status.snapshot)),
    ]


def _answers(status: Status) -> Iterator[Text]:
    """The sentence, what is wrong, and how it goes on."""
    listed = tuple(problems(status))
    style = "bold green" if status.is_well else "bold red"
    if listed and status.is_well:
        style = "bold yellow"
    place = place_block(status.settings, status.snapshot)
    yield Text("\n").join([block(status.sentence, style=style), place])
    for problem in listed:
        yield block(problem.sentence, first="! ", style="yellow")
    if lines := list(outlook(status)):
        yield Text("\n").join(block(line, first="- ") for line in lines)


def _grid(shown: Figures) -> Table:
    fixed = (title for title in shown.numbers if title in {"events", "tasks"})
    grid = table(*shown.titles, numbers=shown.numbers, fixed=tuple(fixed))
    for row in shown.rows:
        grid.add_row(*map(text, row))
    return grid
