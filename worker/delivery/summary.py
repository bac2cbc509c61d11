"""What became of events: counted for Flower, and logged where an operator may want to know."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from worker.journal.records import Finish, Finished, Move
from worker.log_actions import LogAction

log = structlog.stdlib.get_logger(__name__)

#: What is logged of an event that went where it was to go.
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

#: What is logged of one that did not.
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
    """What a run did, as Flower shows it."""

    claimed: int = 0
    delivered: int = 0
    skipped: int = 0
    retrying: int = 0
    dead: int = 0
    returned: int = 0
    #: Due again, because deliveries are held.
    held: int = 0
    #: Events that another worker had taken over.
    lost: int = 0

    def count(self, written: Iterable[tuple[Finish, Finished]]) -> None:
        """Count events under what became of them."""
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


def log_finishes(written: Iterable[tuple[Finish, Finished]]) -> None:
    """One line for each event that an operator may want to hear of."""
    bound = log.bind()  # once for all: `log` itself does it for every line
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
