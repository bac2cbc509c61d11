"""Reading what a status is made of."""

from dataclasses import replace

from config.settings import Settings
from worker.journal.journal import Journal
from worker.status.status import Status


def read_status(journal: Journal, settings: Settings) -> Status:
    """Gather what is known now.

    Raises:
        JournalUnavailable: Redis did not answer.
    """
    now = Status(snapshot=journal.snapshot(recent=True), memory=journal.memory(), settings=settings)
    if now.horizon_by_ms is None:
        return now
    tried = journal.tried_before(now.horizon_by_ms - now.horizon_ms)
    return replace(now, horizon_by=tried)
