"""Reading what a status is made of."""

from dataclasses import replace

from worker.journal.producer import Producer
from worker.status.status import Status


def read_status(producer: Producer) -> Status:
    """Gather what is known now.

    Raises:
        JournalUnavailable: Redis did not answer.
    """
    journal = producer.journal
    now = Status(
        snapshot=journal.snapshot(recent=True), memory=journal.memory(), settings=producer.settings
    )
    if now.horizon_by_ms is None:
        return now
    tried = journal.tried_before(now.horizon_by_ms - now.horizon_ms)
    return replace(now, horizon_by=tried)
