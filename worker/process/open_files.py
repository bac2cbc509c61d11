"""File descriptors: a worker process takes one for each event in flight, and some besides."""

import resource
from contextlib import suppress

from config.settings import Settings

#: What a process has open besides connections to Convertro: Redis, the broker, the log, and five
#: for each process of its worker: 23 where there are two, 50 where there are eight.
_OTHER_FILES = 50


def needed_files(settings: Settings) -> int:
    """How many a worker process may have open at once."""
    return settings.concurrency + _OTHER_FILES


def most_files() -> float:
    """How many this process may have open once `allow_most_files` was called."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if most == resource.RLIM_INFINITY else most


def allow_most_files() -> None:
    """Raise this process's limit as far as the system lets it; nothing here minds high numbers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # it stays as it was, which may do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
