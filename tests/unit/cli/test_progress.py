"""What moves on a terminal while a command works, and does not where nothing can move."""

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.waiting import until
from worker.cli.terminal import progress
from worker.cli.terminal.progress import waiting


@contextmanager
def terminal(
    monkeypatch: pytest.MonkeyPatch, *, term: str = "xterm", moment_seconds: float = 0.0
) -> Iterator[int]:
    """A terminal for standard error; answers what to read from it.

    No fixture: pytest sets standard error anew when a test begins.
    """
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w") as file, monkeypatch.context() as patch:
        patch.setenv("TERM", term)
        patch.setattr(progress, "MOMENT_SECONDS", moment_seconds)
        patch.setattr(sys, "stderr", file)
        yield ours
    os.close(ours)


def shown(terminal: int) -> bytes:
    """What the terminal was sent and was not read yet."""
    try:
        return os.read(terminal, 10_000)
    except BlockingIOError:
        return b""


def test_a_command_that_takes_its_time_shows_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen, waiting("Looking at every event"):
        until(lambda: b"Looking at every event" in shown(screen))


def test_what_is_done_in_a_moment_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, moment_seconds=600.0) as screen:
        with waiting("Looking at every event"):
            pass
        assert shown(screen) == b""


def test_a_terminal_on_which_nothing_can_move_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(monkeypatch, term="dumb") as screen:
        with progress.progress("Enqueuing", 1) as bar, waiting("Looking at every event"):
            bar.advance(position=1, events=1)
        assert shown(screen) == b""


def test_what_fails_meanwhile_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with waiting("Looking at every event"):
            until(lambda: shown(screen))
            raise ValueError("no")

    with terminal(monkeypatch) as screen:
        with pytest.raises(ValueError, match="no"):
            fail()
        assert sys.stderr.isatty(), "what was redirected is given back"
