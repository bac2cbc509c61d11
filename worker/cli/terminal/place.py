"""The line that says which journal an answer is about."""

from rich.text import Text

from config.settings import Settings
from worker.cli.terminal.tables import block, say_table
from worker.journal.snapshot import Snapshot
from worker.status.place import NEVER_USED, place_words


def place_block(settings: Settings, snapshot: Snapshot | None = None) -> Text:
    """The place in one dim line, and whether the journal has never been used.

    Args:
        settings: The settings that name the journal.
        snapshot: The journal, if it was read.
    """
    line = block(place_words(settings), style="dim")
    if snapshot is None or not snapshot.never_used:
        return line
    return Text("\n").join([line, block(NEVER_USED, style="yellow")])


def say_place(settings: Settings, snapshot: Snapshot | None = None) -> None:
    """Print what `place_block` makes."""
    say_table(place_block(settings, snapshot))
