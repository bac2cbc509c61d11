"""The progress that a command shows on a terminal, and only on one that can show it."""

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
    """Make standard error a terminal; yield what to read from it.

    It is no fixture, because pytest replaces standard error when a test begins.
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
    """What was sent to the terminal since the last call."""
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


def test_a_dumb_terminal_is_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(monkeypatch, term="dumb") as screen:
        with progress.progress("Enqueuing", 1) as bar, waiting("Looking at every event"):
            bar.advance(position=1, events=1)
        assert shown(screen) == b""


def test_an_error_ends_the_display(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with waiting("Looking at every event"):
            until(lambda: shown(screen))
            raise ValueError("no")

    with terminal(monkeypatch) as screen:
        with pytest.raises(ValueError, match="no"):
            fail()
        assert sys.stderr.isatty(), "what was redirected is given back"
