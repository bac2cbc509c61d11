"""Ctrl-C between steps."""

import signal

import pytest

from tests.support.ignoring import ignoring_sigint
from worker.cli.terminal.interrupts import step


def take_step(presses: int, done: list[str], fault: Exception | None = None) -> None:
    """Run one step during which Ctrl-C is pressed a number of times."""
    with step():
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
        if fault:
            raise fault
        done.append("done")


def test_ctrl_c_waits_for_the_end_of_a_step() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        take_step(1, done)
    assert done == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        take_step(2, done)
    assert done == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_fault_in_a_step_counts_more_than_ctrl_c() -> None:
    with pytest.raises(ValueError, match="fault"):
        take_step(1, [], ValueError("fault"))


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    done: list[str] = []
    with ignoring_sigint():
        take_step(2, done)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert done == ["done"]


def test_a_quiet_step_changes_nothing() -> None:
    done: list[str] = []
    take_step(0, done)
    assert done == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
