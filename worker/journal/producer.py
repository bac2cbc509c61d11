"""What an operator's command needs of the journal: nothing of Celery, which is slow to load."""

from dataclasses import dataclass

from config.settings import Settings
from convertro.connection import PRODUCER_TIMEOUT_SECONDS
from convertro.intake import Intake
from worker.journal.journal import Journal
from worker.journal.redis_client import connect_journal


@dataclass(frozen=True, slots=True)
class Producer:
    """The journal, and the way into it."""

    settings: Settings
    journal: Journal
    intake: Intake


def make_producer(
    settings: Settings, timeout_seconds: float = PRODUCER_TIMEOUT_SECONDS
) -> Producer:
    """Put a producer together; nothing connects before the first event."""
    journal = Journal(connect_journal(settings, timeout_seconds), settings)
    return Producer(settings, journal, Intake(journal))
