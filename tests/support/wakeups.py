"""Lets clients wake workers, and counts how many they woke."""

from collections.abc import Sequence

from convertro.intake_journal import WAKEUP_TOKEN
from worker.journal.journal import Journal

#: The list into which clients put wake-ups in these tests.
WAKEUP_LIST = "wake-ups"


def leave_a_wakeup(journal: Journal) -> None:
    """Leave the wake-up from which clients make theirs, as a worker does."""
    journal.agree("celery@test/1")
    journal.leave_wakeup(WAKEUP_LIST, WAKEUP_TOKEN)


def wakeups_of_accept(journal: Journal, rows: Sequence[tuple[str, bytes]]) -> int:
    """Accept events; return how many wake-ups that sent."""
    before = _wakeups(journal)
    journal.accept(rows, offered=1)
    return _wakeups(journal) - before


def _wakeups(journal: Journal) -> int:
    return journal.snapshot().counters.get("wakeups", 0)
