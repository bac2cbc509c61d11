"""A test that starts processes as a script does that runs them in the background."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignoring_sigint() -> Iterator[None]:
    """Let what is started in this block begin with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
