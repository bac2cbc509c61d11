"""What `convertro status` shows to people: parts below one another, 80 columns wide."""

from collections.abc import Iterator
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from worker.cli.terminal.place import place_block
from worker.cli.terminal.tables import block, table, text
from worker.status.problems import mood, problems
from worker.status.status import Status, outlook
from worker.status.tables import Table as Figures
from worker.status.tables import durations_table, journal_table, rates_table, workers_table

#: Styles of the headline, by mood.
_STYLES = {"good": "bold green", "warning": "bold yellow", "bad": "bold red"}


class Part(NamedTuple):
    """A part of what is shown."""

    #: Its name in the line that lists the parts for which there is no room.
    name: str
    shown: RenderableType


def parts(status: Status) -> list[Part]:
    """All parts, the most important first."""
    return [
        *answers(status),
        Part("the journal", _grid(journal_table(status))),
        Part("rates", _grid(rates_table(status.snapshot))),
        Part("durations", _grid(durations_table(status.snapshot))),
        Part("workers", _grid(workers_table(status))),
        place(status),
    ]


def answers(status: Status) -> Iterator[Part]:
    """The state, what is wrong, and the outlook."""
    yield Part("the state", headline(status))
    for problem in problems(status):
        yield Part("problems", block(problem.sentence, first="! ", style="yellow"))
    if lines := list(outlook(status)):
        yield Part("the outlook", Text("\n").join(block(line, first="- ") for line in lines))


def place(status: Status) -> Part:
    """Which journal this is about."""
    return Part("where this is", place_block(status.settings, status.snapshot))


def headline(status: Status) -> Text:
    """The state in a sentence, in a colour that says whether all is well."""
    return block(status.sentence, style=_STYLES[mood(status)])


def _grid(shown: Figures) -> Table:
    fixed = (title for title in shown.numbers if title in {"events", "tasks"})
    grid = table(*shown.titles, numbers=shown.numbers, fixed=tuple(fixed))
    for row in shown.rows:
        grid.add_row(*map(text, row))
    return grid
