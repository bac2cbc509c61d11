"""Which signals a command heeds, and when: Ctrl-C between steps and not within one."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


def heeded(numbers: Iterable[signal.Signals]) -> tuple[signal.Signals, ...]:
    """Those of some signals that this process was not told to ignore when it started.

    A shell lets what a script runs in the background ignore SIGINT, and nohup SIGHUP; a
    program that began to heed them all the same would be ended by a Ctrl-C meant for others.
    """
    return tuple(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)


@contextmanager
def step() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done, so that what is said about it is exact.

    A second one does not wait. Who was started with SIGINT ignored goes on ignoring it.

    Raises:
        KeyboardInterrupt: Ctrl-C came meanwhile.
    """
    if not heeded([signal.SIGINT]):
        yield
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            signal.default_int_handler(number, frame)
        came = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
