"""Showing something again and again on a terminal, through every outage."""

import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.live import Live

from convertro.errors import JournalUnavailable
from worker.cli.status.view import text_block
from worker.cli.terminal.output import say
from worker.cli.terminal.tables import console, say_table, text
from worker.status.wording import clock_time

_Parts = Sequence[RenderableType]


def watch(look: Callable[[], _Parts], every_seconds: float) -> None:
    """Show what `look` answers until Ctrl-C; without a terminal one below the other."""
    show = _shown(look)
    try:
        if sys.stdout.isatty():
            _watch_on_terminal(show, every_seconds)
        else:
            _watch_in_pipe(show, every_seconds)
    except KeyboardInterrupt:
        return


def _watch_on_terminal(show: Callable[[], _Parts], every_seconds: float) -> None:
    with Live(console=console(), auto_refresh=False, screen=True) as live:
        while True:
            live.update(Group(*_apart(show())), refresh=True)
            time.sleep(every_seconds)


def _watch_in_pipe(show: Callable[[], _Parts], every_seconds: float) -> None:
    while True:
        for part in _apart(show()):
            say_table(part)
        say("")
        sys.stdout.flush()
        time.sleep(every_seconds)


def _apart(parts: _Parts) -> list[RenderableType]:
    """Parts with an empty line between each two."""
    listed = [shown for part in parts for shown in (text(""), part)]
    return listed[1:]


def _shown(look: Callable[[], _Parts]) -> Callable[[], _Parts]:
    """What `look` answers, or that Redis is unavailable and since when, and what was last seen."""
    last: _Parts = ()
    failing_since: int | None = None

    def show() -> _Parts:
        nonlocal last, failing_since
        now_ms = int(time.time() * 1000)
        head = text(f"{clock_time(now_ms)}, Ctrl-C ends this", style="dim")
        try:
            last, failing_since = look(), None
        except JournalUnavailable as error:
            failing_since = failing_since or now_ms
            said = (
                f"Redis is unavailable since {clock_time(failing_since)}: {error.reason}; "
                "enqueue() fails, nothing is delivered; start Redis or check "
                "CONVERTRO_REDIS_URL. What follows is from before."
            )
            return [head, text_block(said, style="bold red"), *last]
        return [head, *last]

    return show
