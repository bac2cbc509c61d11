"""Repeats something on a terminal until the user ends it, through every outage of Redis."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from convertro.errors import JournalUnavailable
from worker.cli.status.view import Part
from worker.cli.terminal.tables import block, console, say_table, text
from worker.status.wording import clock_time, counted

_Parts = Sequence[Part]

#: Waits for a number of seconds; answers whether the user ended the command.
_Wait = Callable[[float], bool]

#: The line about parts without room, and a blank one before it.
_NOTE_LINES = 2


def watch(look: Callable[[], _Parts], every_seconds: float) -> None:
    """Show what `look` answers, until `q` or Ctrl-C; in a pipe one answer below the other.

    SIGTERM does the same as Ctrl-C, because otherwise the terminal would be left without echo and
    cursor.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    show = _shown(look)
    on_terminal = sys.stdout.isatty()
    shown_on = console()
    screen = Live(console=shown_on, auto_refresh=False, screen=True)
    with suppress(KeyboardInterrupt), screen if on_terminal else nullcontext(), _keys() as wait:
        while True:
            parts = show()
            if on_terminal:
                screen.update(_fitting(parts, shown_on), refresh=True)
            else:
                for part in parts:
                    say_table(part.shown)
                    say_table(text(""))
                sys.stdout.flush()
            if wait(every_seconds):
                return


@contextmanager
def _keys() -> Iterator[_Wait]:
    """Read single keys while the block runs, if standard input is a terminal."""
    if not sys.stdin.isatty():
        yield _sleep
        return
    import termios  # noqa: PLC0415  only where there are terminals
    import tty  # noqa: PLC0415  the same

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    try:
        yield lambda seconds: _is_ended(keyboard, seconds)
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _is_ended(keyboard: int, seconds: float) -> bool:
    """Wait for `seconds`; answer whether `q` was pressed meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([keyboard], [], [], left)
        if not ready:
            continue
        pressed = os.read(keyboard, 1024)
        if not pressed or b"q" in pressed.lower():
            return True
    return False


def _fitting(parts: _Parts, shown_on: Console) -> RenderableType:
    """The parts that fit as a whole, taken in order, and the names of the others."""
    options = shown_on.options
    heights = [len(shown_on.render_lines(part.shown, options)) + 1 for part in parts]
    if sum(heights) - 1 <= options.max_height:
        return _joined(parts)
    room = options.max_height - _NOTE_LINES
    kept: list[Part] = []
    left_out: list[str] = []
    for part, height in zip(parts, heights, strict=True):
        if height - 1 <= room:
            kept.append(part)
            room -= height
        else:
            left_out.append(part.name)
    names = ", ".join(dict.fromkeys(left_out))
    needed = counted(sum(heights) - 1, "line")
    note = text(f"no room for {names}: all of it needs {needed}", style="dim")
    return _joined([*kept, Part("", note)])


def _joined(parts: _Parts) -> Group:
    """The parts below one another, with a blank line between them."""
    shown: list[RenderableType] = []
    for part in parts:
        shown += [Text(""), part.shown] if shown else [part.shown]
    return Group(*shown)


def _shown(look: Callable[[], _Parts]) -> Callable[[], _Parts]:
    """Show what `look` answers; while Redis is unavailable, say so and show the last answer."""
    last: _Parts = ()
    failing_since: int | None = None

    def show() -> _Parts:
        nonlocal last, failing_since
        now_ms = int(time.time() * 1000)
        head = Part("", text(f"{clock_time(now_ms)}, q or Ctrl-C ends this", style="dim"))
        try:
            last, failing_since = look(), None
        except JournalUnavailable as error:
            failing_since = failing_since or now_ms
            said = (
                f"Redis is unavailable since {clock_time(failing_since)}: {error.reason}; "
                "enqueue() fails, nothing is delivered; start Redis or check "
                "CONVERTRO_REDIS_URL. What follows is from before."
            )
            return [head, Part("that Redis is away", block(said, style="bold red")), *last]
        return [head, *last]

    return show
