"""Which signals this process heeds."""

import signal
from collections.abc import Iterable


def heeded(numbers: Iterable[signal.Signals]) -> tuple[signal.Signals, ...]:
    """Those of some signals that this process was not told to ignore when it started.

    A shell lets what a script runs in the background ignore SIGINT, and nohup SIGHUP; a
    program that began to heed them all the same would be ended by a Ctrl-C meant for others.
    """
    return tuple(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)
