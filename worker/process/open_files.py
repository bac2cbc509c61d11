"""File descriptors: a worker process needs one for each event in flight, and some more."""

import resource
from contextlib import suppress

from config.settings import Settings

#: File descriptors of a process besides its connections to Convertro: for Redis, the broker and the
#: log, and five for each process of its worker. That makes 23 with two processes, 50 with eight.
_OTHER_FILES = 50


def needed_files(settings: Settings) -> int:
    """Compute how many file descriptors a worker process may need at once."""
    return settings.concurrency + _OTHER_FILES


def most_files() -> float:
    """Get how many file descriptors this process may have after `allow_most_files`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if most == resource.RLIM_INFINITY else most


def allow_most_files() -> None:
    """Raise this process's limit as far as the system allows; no code here needs low numbers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # the limit stays as it was, which may be enough
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
