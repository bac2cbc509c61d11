"""Which signals a command heeds, and when: Ctrl-C between steps, not within one."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


def heeded(numbers: Iterable[signal.Signals]) -> tuple[signal.Signals, ...]:
    """Of some signals, those that this process did not ignore when it started.

    A shell makes a script's background commands ignore SIGINT, and nohup makes its command ignore
    SIGHUP. A program that heeded them all the same would be ended by a Ctrl-C meant for others.
    """
    return tuple(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)


@contextmanager
def step() -> Iterator[None]:
    """Defer Ctrl-C until the block is done, so that the command's account of it is exact.

    A second Ctrl-C is not deferred. A process that was started with SIGINT ignored goes on ignoring
    it.

    Raises:
        KeyboardInterrupt: Ctrl-C came while the block ran.
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
