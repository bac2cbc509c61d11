"""Reads from the journal what a status consists of."""

from collections.abc import Callable
from dataclasses import replace

from redis.exceptions import NoPermissionError

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.journal.journal import Journal
from worker.journal.snapshot import Memory
from worker.status.status import Status


def read_status(journal: Journal, settings: Settings, refusal: Callable[[], str | None]) -> Status:
    """Gather what is known now.

    Args:
        journal: The journal to read.
        settings: The workers' settings.
        refusal: Finds out why Redis refuses writes; called only if a worker seems not to be alive.

    Raises:
        JournalUnavailable: Redis did not answer.
    """
    snapshot = journal.snapshot(recent=True)
    now = Status(
        snapshot=snapshot,
        memory=_memory(journal),
        settings=settings,
        refusal=None if snapshot.all_alive else refusal(),
    )
    if now.horizon_by_ms is None:
        return now
    tried = journal.tried_before(now.horizon_by_ms - now.horizon_ms)
    # An event whose first attempt came after the snapshot is in none of the snapshot's numbers.
    return replace(now, horizon_by=min(tried, now.snapshot.tried))


def _memory(journal: Journal) -> Memory | None:
    """Read how full Redis is; None if the Redis user may not use INFO."""
    try:
        return journal.memory()
    except JournalUnavailable as error:
        if isinstance(error.__cause__, NoPermissionError):
            return None
        raise
