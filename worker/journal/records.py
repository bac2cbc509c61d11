"""What the journal hands out and takes back. Pure values.

A record is what the journal knows about an event besides the event itself; an
untouched event has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import msgspec

from worker.reasons import DeathReason, Note, SkipReason

#: Stands for a call that nobody can name any more: its worker was gone. No call has this name.
UNKNOWN_CALL = "*"

#: Leases that ran out in a row after which an event is delivered with nothing beside it.
SUSPECT_LEASES = 2


class Worth(IntEnum):
    """What a dead letter is worth, the least first: in this order a full journal lets them go.

    The scripts know the last as `MOST_WORTH`; a letter whose worth nobody told has that.
    """

    #: It can never be delivered, and bears no revenue.
    NOTHING = 1
    #: It can be delivered, and bears no revenue.
    NO_REVENUE = 2
    #: It bears revenue, but can never be delivered: only its sender can correct it.
    LOST_REVENUE = 3
    #: It bears revenue, and can be delivered.
    REVENUE = 4


class Attempt(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"at_ms": "at", "outcome_class": "class", "took_ms": "took"},
):
    """One HTTP try of one call."""

    #: Unix time in milliseconds.
    at_ms: int = 0
    #: The name of the call; `UNKNOWN_CALL` if nobody knows.
    call: str = ""
    outcome_class: str = ""
    detail: str = ""
    #: HTTP status; None if there was no answer.
    status: int | None = None
    #: How long it took, in milliseconds; None if nobody knows.
    took_ms: int | None = None
    #: What the answer said of an error, in its own words, which may quote the event; empty if it
    #: said nothing, or what the attempt after it was told as well.
    said: str = ""


class SentCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it was sent; kept for a dead letter, of the call that failed last."""

    call: str = ""
    path: str = ""
    #: JSON.
    body: str = ""


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "accepted_at_ms": "accepted_at",
        "tried_at_ms": "tried_at",
        "tried_for_ms": "tried_for",
        "outcome_class": "class",
    },
):
    """What the journal knows about an event; times are unix milliseconds, calls are names."""

    accepted_at_ms: int = 0
    #: HTTP tries so far, of all its calls.
    attempts: int = 0
    #: How often it was postponed since it was accepted or redriven.
    postponed: int = 0
    #: The first attempt since it was accepted or redriven.
    tried_at_ms: int | None = None
    #: How long before its claim that was, by the journal's clock; told with a claim, not stored.
    tried_for_ms: int = 0
    #: The calls that Convertro accepted, in that order.
    accepted: tuple[str, ...] = ()
    #: The latest attempts, oldest first; a bounded number.
    outcomes: tuple[Attempt, ...] = ()
    #: How often in a row a worker lost it by not finishing in time.
    leases_lost: int = 0
    redriven: int = 0
    #: Calls not known to be accepted that may have reached Convertro all the same
    #: (`UNKNOWN_CALL` for any of them), and how often.
    in_doubt: dict[str, int] = {}
    #: Calls whose key holds the number of a redrive, because they had been rejected before it.
    key_numbers: dict[str, int] = {}
    #: An operator sent it back since the doubt arose.
    reviewed: bool = False
    #: Why it is dead, and the class and status of its last attempt.
    reason: str | None = None
    outcome_class: str | None = None
    status: int | None = None
    #: What is lost with it, and the bytes of its event and record, if it is dead.
    worth: Worth | None = None
    size: int = 0

    def may_have_been_sent(self, call: str) -> bool:
        """Whether a call may have reached Convertro and no operator has looked at it since."""
        return not (self.in_doubt.keys().isdisjoint({call, UNKNOWN_CALL}) or self.reviewed)


def read_record(stored: bytes) -> Record:
    """A record as the scripts store it, whose numbers may be written as 2.0 or 1.7e+12."""
    return msgspec.json.decode(stored, type=Record, strict=False)


class ClaimedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is ours until its lease runs out."""

    event_id: str
    #: The fencing token of this claim.
    lease: str
    raw: bytes
    record: Record

    @property
    def is_suspect(self) -> bool:
        """Whether it may be what ended its workers, so that nothing should run beside it."""
        return self.record.leases_lost >= SUSPECT_LEASES


class ClaimState(StrEnum):
    """What a deliver task should do after it looked for work."""

    #: Go on.
    CLAIMED = "claimed"
    #: Nothing was due and the wake-up token was given back: end.
    IDLE = "idle"
    #: Enough deliver tasks run without this one: end.
    SURPLUS = "surplus"
    #: Nothing may be claimed for now, and the wake-up token was given back: end.
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim."""

    state: ClaimState
    #: What became of the finishes that were handed in with it.
    finished: "tuple[Finished, ...]" = ()
    events: tuple[ClaimedEvent, ...] = ()
    #: How long it is pointless to ask again, in milliseconds, because of the rate limit.
    wait_ms: int = 0
    #: Ids of events that were buried as poison instead of being handed out.
    poisoned: tuple[str, ...] = ()


class Move(StrEnum):
    """Where a claimed event goes."""

    DELIVERED = "delivered"
    SKIPPED = "skipped"
    POSTPONED = "postponed"
    #: Due again at once, with no retry used up: its worker stops.
    RETURNED = "returned"
    DEAD = "dead"
    #: It stays claimed under a renewed lease: a call was accepted and more follow.
    KEPT = "kept"


class Finished(StrEnum):
    """What became of a finish."""

    MOVED = "moved"
    #: Deliveries are held: it is due again, and no retry was used up.
    HELD = "held"
    #: Another worker holds the event, or it is dead; what was learned is recorded.
    LOST = "lost"
    #: The event has left the journal.
    GONE = "gone"


class Erased(StrEnum):
    """What became of an event that an operator erases."""

    ERASED = "erased"
    #: A worker holds it: it goes as soon as the worker is done or its lease ends.
    CLAIMED = "claimed"
    #: It was delivered or skipped before; its id was remembered until now.
    FINISHED = "finished"
    #: It is not in the journal.
    ABSENT = "absent"


class Finish(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "event_id": "id",
        "move": "to",
        "accepted_at_ms": "accepted_at",
        "delay_ms": "delay",
        "retry_after_ms": "retry_after",
        "outcome_class": "class",
        "attempts": "outcomes",
    },
):
    """What a worker says about an event that it claimed, as the scripts read it."""

    event_id: str
    lease: str
    move: Move
    #: Tells the event from a later one with the same id; None to go by the id alone.
    accepted_at_ms: int | None = None
    #: Why it was skipped or is dead.
    reason: SkipReason | DeathReason | None = None
    #: For `DELIVERED` and `SKIPPED`: what its producer should correct; counted.
    notes: Sequence[Note] = ()
    #: For `POSTPONED`: milliseconds until it is due again.
    delay_ms: int | None = None
    #: Milliseconds for which Convertro asked to be left alone by all.
    retry_after_ms: int | None = None
    #: What is lost with it if it dies; None if nobody knows.
    worth: Worth | None = None
    #: For `DEAD`: class and status of its last attempt.
    outcome_class: str | None = None
    status: int | None = None
    #: The call that failed last, to be kept if the event dies.
    sent: SentCall | None = None
    #: New attempts since the claim or the last `KEPT`.
    attempts: Sequence[Attempt] = ()
    #: Calls that Convertro accepted since then.
    accepted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Burial:
    """An event that has become a dead letter."""

    event_id: str
    reason: str
    #: What its last attempt came to, such as `http_400`; None without one.
    outcome: str | None = None

    @classmethod
    def of(cls, finish: Finish, finished: Finished) -> "Burial | None":
        """The burial that a finish came to, if it was one."""
        if finish.move is not Move.DEAD or finished is not Finished.MOVED:
            return None
        outcome = finish.attempts[-1].detail if finish.attempts else None
        return cls(finish.event_id, finish.reason or "", outcome)

    @property
    def why(self) -> str:
        """The reason with the outcome, such as `rejected (http_400)`."""
        return f"{self.reason} ({self.outcome})" if self.outcome else self.reason
