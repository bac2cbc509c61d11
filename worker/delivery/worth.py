"""What is lost with an event that dies. Pure."""

from worker.destination.reasons import NEVER_DELIVERABLE
from worker.journal.records import Worth


def worth_of(reason: str | None, *, revenue: bool) -> Worth:
    """What a dead letter is worth.

    Args:
        reason: Why it is dead; None if the journal decides that.
        revenue: Whether it bears revenue.
    """
    if reason in NEVER_DELIVERABLE:
        return Worth.LOST_REVENUE if revenue else Worth.NOTHING
    return Worth.REVENUE if revenue else Worth.NO_REVENUE
