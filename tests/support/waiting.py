"""Waits for a condition, instead of sleeping and hoping."""

import socket
import time
from collections.abc import Callable

#: How long a test waits before it fails, in seconds: long enough for a slow machine.
PATIENCE_SECONDS = 60.0


def until(condition: Callable[[], object], patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds; fail if it does not in the given time."""
    deadline = time.monotonic() + patience_seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def refuses_connections(port: int) -> bool:
    """Whether no process listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False
