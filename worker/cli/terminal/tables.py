"""Tables for people: without lines, readable without colour, 80 columns wide in a pipe."""

import sys
from collections.abc import Collection, Iterable
from textwrap import wrap

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from config.printable import printable

#: The length of an id made by Segment's libraries, in characters; longer ones may be wrapped.
_ID_WIDTH = 36

#: The width of running text, in columns.
WIDTH = 79


def console(*, stderr: bool = False) -> Console:
    """Make a console that takes nothing for markup.

    Without a terminal it has no colour and is 80 columns wide, or as wide as `COLUMNS` says.
    """
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def table(*titles: str, numbers: Collection[str] = (), fixed: Collection[str] = ()) -> Table:
    """Make an empty table.

    Args:
        titles: The titles of its columns; without any, the table has no head.
        numbers: The columns that are aligned to the right.
        fixed: The columns that never wrap.
    """
    grid = Table(box=None, show_header=any(titles), pad_edge=False, header_style="bold")
    for title in titles:
        grid.add_column(
            title,
            justify="right" if title in numbers else "left",
            no_wrap=title in fixed,
            overflow="fold",
        )
    return grid


def keep_whole(grid: Table, ids: Iterable[str]) -> None:
    """Never wrap the ids in the last column, so that they can be copied.

    They are wrapped all the same if one is very long or the terminal is narrow.
    """
    is_short = all(len(event_id) <= _ID_WIDTH for event_id in ids)
    grid.columns[-1].no_wrap = is_short and console().width > WIDTH


def text(shown: object, style: str = "") -> Text:
    """A cell; None is shown as a dash."""
    return Text("-" if shown is None else printable(str(shown)), style=style)


def block(sentence: str, *, first: str = "", style: str = "") -> Text:
    """A sentence wrapped into lines; the later ones are indented by the length of `first`."""
    lines = wrap(
        sentence,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )
    return Text("\n").join(text(line, style=style) for line in lines)


def say_table(grid: RenderableType) -> None:
    """Print a table or a text, without spaces at the ends of its lines."""
    write_lines(lines_of(grid))


def write_lines(lines: Iterable[str]) -> None:
    """Print lines as they are, with colours; they must have been made printable before."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def lines_of(grid: RenderableType) -> list[str]:
    """The lines of a table or a text, without spaces at their ends."""
    shown_on = console()
    with shown_on.capture() as captured:
        shown_on.print(grid)
    return [line.rstrip() for line in captured.get().splitlines()]  # with colours on a terminal
