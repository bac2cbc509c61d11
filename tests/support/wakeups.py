"""What clients need to wake workers, and how many they woke."""

from collections.abc import Sequence

from convertro.intake_journal import WAKEUP_TOKEN
from worker.journal.journal import Journal

#: The list into which clients put wake-ups in these tests.
WAKEUP_LIST = "wake-ups"


def leave_a_wakeup(journal: Journal) -> None:
    """Be the worker that tells clients how to wake it."""
    journal.agree("celery@test/1")
    journal.leave_wakeup(WAKEUP_LIST, WAKEUP_TOKEN)


def rung_by_accept(journal: Journal, rows: Sequence[tuple[str, bytes]]) -> int:
    """Take events in; answers how many workers that woke."""
    before = _rung(journal)
    journal.accept(rows, offered=1)
    return _rung(journal) - before


def _rung(journal: Journal) -> int:
    return journal.snapshot().counters.get("wakeups", 0)
