"""Ctrl-C between steps and not within one, so that what is said about them is exact."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from worker.cli.terminal.signals import heeded


@contextmanager
def step() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done; a second one does not wait.

    Who was started with SIGINT ignored goes on ignoring it.

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
