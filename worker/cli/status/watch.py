"""Showing something again and again on a terminal, through every outage."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress

from rich.console import Group, RenderableType
from rich.live import Live

from convertro.errors import JournalUnavailable
from worker.cli.terminal.tables import block, console, say_table, text
from worker.status.wording import clock_time

_Parts = Sequence[RenderableType]


def watch(look: Callable[[], _Parts], every_seconds: float) -> None:
    """Show what `look` answers until Ctrl-C; without a terminal one below the other."""
    show = _shown(look)
    on_terminal = sys.stdout.isatty()
    screen = Live(console=console(), auto_refresh=False, screen=True)
    with suppress(KeyboardInterrupt), screen if on_terminal else nullcontext():
        while True:
            parts = [shown for part in show() for shown in (text(""), part)][1:]
            if on_terminal:
                screen.update(Group(*parts), refresh=True)
            else:
                for part in (*parts, text("")):
                    say_table(part)
                sys.stdout.flush()
            time.sleep(every_seconds)


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
            return [head, block(said, style="bold red"), *last]
        return [head, *last]

    return show
