"""Counts and log lines about what became of events."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from worker.journal.records import Finish, Finished, Move
from worker.log_actions import LogAction
from worker.reasons import DeathReason

log = structlog.stdlib.get_logger(__name__)

#: What is logged about an event that was moved as its worker decided.
_MOVED = {
    Move.DELIVERED: (LogAction.EVENT_DELIVERED, "An event was delivered."),
    Move.SKIPPED: (
        LogAction.EVENT_SKIPPED,
        "An event was skipped: nothing is to be sent for it.",
    ),
    Move.POSTPONED: (LogAction.EVENT_POSTPONED, "An event is tried again later."),
    Move.RETURNED: (LogAction.EVENT_RETURNED, "An event was handed back."),
    Move.DEAD: (LogAction.EVENT_DEAD, "An event is a dead letter now."),
}

#: What is logged about an event that was not.
_NOT_MOVED = {
    Finished.HELD: (
        LogAction.EVENT_HELD,
        "Deliveries are held: an event waits and uses up no retry.",
    ),
    Finished.LOST: (
        LogAction.LEASE_LOST,
        "Another worker took this event over; what was learned is recorded.",
    ),
    Finished.GONE: (
        LogAction.EVENT_GONE,
        "An event has left the journal meanwhile: finished by another worker, or erased.",
    ),
}


@dataclass(slots=True)
class Summary:
    """The counts of one run, as Flower shows them."""

    claimed: int = 0
    delivered: int = 0
    skipped: int = 0
    retrying: int = 0
    dead: int = 0
    returned: int = 0
    #: Events that are due again, because deliveries are held.
    held: int = 0
    #: Events that this run did not finish, because another worker claimed them, they left the
    #: journal, their lease ended, or a thread failed.
    lost: int = 0

    def count(self, written: Iterable[tuple[Finish, Finished]]) -> None:
        """Count events by what became of them."""
        for finish, finished in written:
            if finished is Finished.HELD:
                self.held += 1
            elif finished is not Finished.MOVED:
                self.lost += 1
            elif finish.move is Move.POSTPONED:
                self.retrying += 1
            else:
                setattr(self, finish.move, getattr(self, finish.move) + 1)

    def as_dict(self) -> dict[str, int]:
        """The counts that are not zero."""
        counts = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: number for name, number in counts if number}


def log_poisoned(event_id: str) -> None:
    """Log that a claim buried an event instead of handing it out."""
    log.warning(
        "An event is a dead letter now: its worker died of it, or lost it, three times.",
        action=LogAction.EVENT_DEAD,
        event_id=event_id,
        reason=DeathReason.POISON.value,
    )


def log_finishes(written: Iterable[tuple[Finish, Finished]]) -> None:
    """Log a line for each event, at a level that depends on what became of it."""
    bound = log.bind()  # bound once, because `log` would bind anew for every line
    for finish, finished in written:
        moved = finished is Finished.MOVED
        action, sentence = _MOVED[finish.move] if moved else _NOT_MOVED[finished]
        bound.log(
            action.level,
            sentence,
            action=action,
            event_id=finish.event_id,
            reason=finish.reason,
            outcome=finish.attempts[-1].detail if finish.attempts else None,
            delay_ms=finish.delay_ms,
        )
