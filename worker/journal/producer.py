"""The journal as operators' commands use it: without Celery, which is slow to load."""

from dataclasses import dataclass

from config.settings import Settings
from convertro.connection import PRODUCER_TIMEOUT_SECONDS
from convertro.intake import Intake
from worker.journal.journal import Journal
from worker.journal.redis_client import connect_journal


@dataclass(frozen=True, slots=True)
class Producer:
    """The settings, the journal, and the intake that puts events into it."""

    settings: Settings
    journal: Journal
    intake: Intake


def make_producer(
    settings: Settings, timeout_seconds: float = PRODUCER_TIMEOUT_SECONDS
) -> Producer:
    """Make a producer; it connects at its first use."""
    journal = Journal(connect_journal(settings, timeout_seconds), settings)
    return Producer(settings, journal, Intake(journal))
