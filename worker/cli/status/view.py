"""What `convertro status` shows to people, a part below the other, 80 columns wide."""

from collections.abc import Iterator
from textwrap import wrap

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from worker.cli.terminal.tables import WIDTH, table, text
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
    yield text_block(status.sentence, style=style)
    for problem in listed:
        yield text_block(problem.sentence, first="! ", style="yellow")
    if lines := list(outlook(status)):
        yield Text("\n").join(text_block(line, first="- ") for line in lines)


def text_block(sentence: str, *, first: str = "", style: str = "") -> Text:
    """A sentence in lines that fit, the later ones set in as far as the first."""
    lines = wrap(
        sentence,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )
    return Text("\n").join(text(line, style=style) for line in lines)


def _grid(shown: Figures) -> Table:
    fixed = (title for title in shown.numbers if title in {"events", "tasks"})
    grid = table(*shown.titles, numbers=shown.numbers, fixed=tuple(fixed))
    for row in shown.rows:
        grid.add_row(*map(text, row))
    return grid
