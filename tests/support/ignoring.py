"""Starts processes as a shell script starts its background commands."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignoring_sigint() -> Iterator[None]:
    """Make processes that are started in the block begin with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
