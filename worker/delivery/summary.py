"""What became of events: counted for Flower, and logged where an operator may want to know."""

from dataclasses import dataclass

import structlog

from worker.journal.records import Finish, Finished, Move

log = structlog.stdlib.get_logger(__name__)

SENTENCES = {
    "event_held": "Deliveries are held: an event waits and uses up no retry.",
    "event_gone": "An event has left the journal meanwhile: finished by another worker, or erased.",
    "lease_lost": "Another worker took this event over; what was learned is recorded.",
    "event_dead": "An event is a dead letter now.",
    "event_postponed": "An event is tried again later.",
    "event_delivered": "An event was delivered.",
    "event_skipped": "An event was skipped: nothing is to be sent for it.",
    "event_returned": "An event was handed back.",
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

    def count(self, finish: Finish, finished: Finished) -> None:
        """Count an event under what became of it."""
        if finished is Finished.HELD:
            self.held += 1
        elif finished is not Finished.MOVED:
            self.lost += 1
        elif finish.move is Move.POSTPONED:
            self.retrying += 1
        else:
            setattr(self, finish.move.value, getattr(self, finish.move.value) + 1)

    def as_dict(self) -> dict[str, int]:
        """The counts that are not zero."""
        counts = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: number for name, number in counts if number}


def log_finish(finish: Finish, finished: Finished) -> None:
    """One line for each event that an operator may want to hear of."""
    if finished is Finished.HELD:
        say, action = log.debug, "event_held"
    elif finished is Finished.GONE:
        say, action = log.info, "event_gone"
    elif finished is not Finished.MOVED:
        say, action = log.warning, "lease_lost"
    elif finish.move is Move.DEAD:
        say, action = log.warning, "event_dead"
    elif finish.move is Move.POSTPONED:
        say, action = log.info, "event_postponed"
    else:
        say, action = log.debug, f"event_{finish.move.value}"
    say(
        SENTENCES[action],
        action=action,
        event_id=finish.event_id,
        reason=finish.reason,
        outcome=finish.attempts[-1].detail if finish.attempts else None,
        delay_ms=finish.delay_ms,
    )
