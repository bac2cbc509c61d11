"""The worth of dead letters. Pure."""

from worker.journal.records import Worth
from worker.reasons import DeathReason, Fault


def worth_of(reason: DeathReason, *, revenue: bool) -> Worth:
    """Tell what is lost with a dead letter.

    Args:
        reason: Why it is dead.
        revenue: Whether it bears revenue.
    """
    if reason.fault is Fault.SENDER:
        return Worth.LOST_REVENUE if revenue else Worth.NOTHING
    return Worth.REVENUE if revenue else Worth.NO_REVENUE
