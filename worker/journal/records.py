"""The values that go into the journal's steps and come out of them. Pure values.

A record is what the journal knows about an event besides the event itself. An event that was
never claimed has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import msgspec

from worker.reasons import DeathReason, Note, SkipReason

#: The name given to a call that is not known, because its worker was gone. No call has this name.
UNKNOWN_CALL = "*"

#: After how many lost leases in a row an event is a suspect, which is delivered alone.
SUSPECT_LEASES = 2


class Worth(IntEnum):
    """What is lost with a dead letter, the least first: a full journal removes them in this order.

    The scripts know the last value as `MOST_WORTH`; a letter of unknown worth has that.
    """

    #: It can never be delivered, and bears no revenue.
    NOTHING = 1
    #: It can be delivered, and bears no revenue.
    NO_REVENUE = 2
    #: It bears revenue, but can never be delivered, because only its sender can correct it.
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
    #: The name of the call, or `UNKNOWN_CALL`.
    call: str = ""
    outcome_class: str = ""
    detail: str = ""
    #: HTTP status; None if there was no answer.
    status: int | None = None
    #: How long it took, in milliseconds; None if unknown.
    took_ms: int | None = None
    #: The error message in the answer, which may quote the event; empty if there was none, or if
    #: the next attempt has the same one.
    said: str = ""


class SentCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it was sent; a dead letter keeps the one that failed last."""

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
    #: Number of attempts so far, of all its calls.
    attempts: int = 0
    #: How often it was postponed since it was accepted or redriven.
    postponed: int = 0
    #: When its first attempt since it was accepted or redriven was made.
    tried_at_ms: int | None = None
    #: How long before the claim that was, by Redis's clock; a claim computes it, it is not stored.
    tried_for_ms: int = 0
    #: The calls that Convertro accepted, in the order of their acceptance.
    accepted: tuple[str, ...] = ()
    #: The latest attempts, oldest first, at most ten.
    outcomes: tuple[Attempt, ...] = ()
    #: How many leases in a row ran out before its worker finished it.
    leases_lost: int = 0
    redriven: int = 0
    #: How often each call may have reached Convertro without being known as accepted;
    #: `UNKNOWN_CALL` stands for any of them.
    in_doubt: dict[str, int] = {}
    #: The number of the redrive in a call's idempotency key, if the call was rejected before it.
    key_numbers: dict[str, int] = {}
    #: Whether an operator has redriven it since a call came in doubt.
    reviewed: bool = False
    #: Of a dead letter: why it died, and class and status of its last attempt.
    reason: str | None = None
    outcome_class: str | None = None
    status: int | None = None
    #: Of a dead letter: what is lost with it, and how many bytes its event and record have.
    worth: Worth | None = None
    size: int = 0

    def may_have_been_sent(self, call: str) -> bool:
        """Whether a call may have reached Convertro and no operator has redriven it since."""
        return not (self.in_doubt.keys().isdisjoint({call, UNKNOWN_CALL}) or self.reviewed)


def read_record(stored: bytes) -> Record:
    """Read a record as Lua writes it, with integers such as 2.0 or 1.7e+12."""
    return msgspec.json.decode(stored, type=Record, strict=False)


class ClaimedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that belongs to this worker until its lease ends."""

    event_id: str
    #: The token of this claim's lease.
    lease: str
    raw: bytes
    record: Record

    @property
    def is_suspect(self) -> bool:
        """Whether it may have killed its workers, so that no other event should be in flight."""
        return self.record.leases_lost >= SUSPECT_LEASES


class TaskState(StrEnum):
    """What a deliver task does when it claims; the scripts know these words."""

    #: It delivers events, and claims more. It gets no suspect.
    BUSY = "busy"
    #: It has nothing in flight. If nothing is due, it waits for events and keeps its wake-up token,
    #: unless the workers have no room for another task.
    LINGERING = "lingering"
    #: It has nothing in flight. If nothing is due, it ends.
    ENDING = "ending"


class ClaimState(StrEnum):
    """What a deliver task should do after a claim."""

    #: Go on.
    CLAIMED = "claimed"
    #: End: no event was due, and the wake-up token was given back.
    IDLE = "idle"
    #: End: enough deliver tasks run without this one.
    SURPLUS = "surplus"
    #: End: nothing may be claimed now, and the wake-up token was given back.
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim."""

    state: ClaimState
    #: What became of the finishes that were sent with the claim.
    finished: "tuple[Finished, ...]" = ()
    events: tuple[ClaimedEvent, ...] = ()
    #: How long to wait before the next claim because of the rate limit, in milliseconds.
    wait_ms: int = 0
    #: Ids of events that were buried as poison instead of being handed out.
    poisoned: tuple[str, ...] = ()


class Move(StrEnum):
    """Where a claimed event goes."""

    DELIVERED = "delivered"
    SKIPPED = "skipped"
    POSTPONED = "postponed"
    #: It is due again at once, because its worker stops; not counted as a retry.
    RETURNED = "returned"
    DEAD = "dead"
    #: It stays claimed under a renewed lease, because a call was accepted and more follow.
    KEPT = "kept"


class Finished(StrEnum):
    """What became of a finish."""

    MOVED = "moved"
    #: The event is due again, because deliveries are held; not counted as a retry.
    HELD = "held"
    #: Another worker has claimed the event, or it is dead; the attempts are recorded.
    LOST = "lost"
    #: The event has left the journal.
    GONE = "gone"


class Erased(StrEnum):
    """What became of an event that an operator erases."""

    ERASED = "erased"
    #: A worker has claimed it: it is erased when the worker finishes it or the lease ends.
    CLAIMED = "claimed"
    #: It had left the journal before; its id was remembered until now.
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
    """What a worker decided about an event that it claimed, as the scripts read it."""

    event_id: str
    lease: str
    move: Move
    #: When the event was accepted, to tell it from a later one of the same id; None for any.
    accepted_at_ms: int | None = None
    #: Why it was skipped or is dead.
    reason: SkipReason | DeathReason | None = None
    #: For `DELIVERED` and `SKIPPED`: what its producer should correct; counted.
    notes: Sequence[Note] = ()
    #: For `POSTPONED`: how long until it is due again, in milliseconds.
    delay_ms: int | None = None
    #: How long Convertro asked for no calls at all, in milliseconds.
    retry_after_ms: int | None = None
    #: What is lost with it if it dies; None if unknown.
    worth: Worth | None = None
    #: For `DEAD`: class and status of its last attempt.
    outcome_class: str | None = None
    status: int | None = None
    #: For `DEAD`: the call that failed last.
    sent: SentCall | None = None
    #: Attempts since the claim or the last `KEPT`.
    attempts: Sequence[Attempt] = ()
    #: Calls that Convertro accepted since the claim or the last `KEPT`.
    accepted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Burial:
    """An event that has become a dead letter."""

    event_id: str
    reason: str
    #: The outcome of its last attempt, such as `http_400`; None without an attempt.
    outcome: str | None = None

    @classmethod
    def of(cls, finish: Finish, finished: Finished) -> "Burial | None":
        """Make the burial of a finish; None if it buried nothing."""
        if finish.move is not Move.DEAD or finished is not Finished.MOVED:
            return None
        outcome = finish.attempts[-1].detail if finish.attempts else None
        return cls(finish.event_id, finish.reason or "", outcome)

    @property
    def why(self) -> str:
        """The reason with the outcome, such as `rejected (http_400)`."""
        return f"{self.reason} ({self.outcome})" if self.outcome else self.reason
