"""Reads from the journal what a status consists of."""

from collections.abc import Callable
from dataclasses import replace

from config.settings import Settings
from worker.journal.journal import Journal
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
        memory=journal.memory(),
        settings=settings,
        refusal=None if snapshot.all_alive else refusal(),
    )
    if now.horizon_by_ms is None:
        return now
    tried = journal.tried_before(now.horizon_by_ms - now.horizon_ms)
    # An event whose first attempt came after the snapshot is in none of the snapshot's numbers.
    return replace(now, horizon_by=min(tried, now.snapshot.tried))
