"""What the journal hands out and takes back. Pure values.

A record is what the journal knows about an event besides the event itself; an
untouched event has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Self

import msgspec

from worker.outcomes import Outcome

#: The index of a call that nobody can name any more: its worker was gone.
UNKNOWN_CALL = -1

#: Dead-letter reasons that the journal gives by itself.
REFUSED = "refused"
POISON = "poison"

#: What a bound removed, by the reason under which it is counted: by age, or by number and bytes;
#: what may bear revenue and could be delivered apart.
REMOVED_REVENUE = ("dead_expired_revenue", "dead_overflow_revenue")
REMOVED = ("dead_expired", "dead_overflow", *REMOVED_REVENUE)

#: Leases that ran out in a row after which an event is delivered with nothing beside it.
_SUSPECT_LEASES = 2


class Worth(IntEnum):
    """What a dead letter is worth, the least first: in this order a full journal lets them go.

    The last is `MOST_WORTH` in `lua/events.lua`, which a letter has of which nobody knows.
    """

    #: It can never be delivered, and bears no revenue.
    NOTHING = 1
    #: It can be delivered, and bears no revenue.
    NO_REVENUE = 2
    #: It bears revenue, but can never be delivered: only its sender can correct it.
    LOST_REVENUE = 3
    #: It bears revenue, and can be delivered.
    REVENUE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP try of one call."""

    #: Unix time in milliseconds.
    at_ms: int
    #: Which of its event's calls; `UNKNOWN_CALL` if nobody knows.
    call_index: int
    outcome_class: str
    detail: str
    #: HTTP status; None if there was no answer.
    status: int | None = None
    #: How long it took, in milliseconds; None if nobody knows.
    took_ms: int | None = None

    @classmethod
    def of(cls, outcome: Outcome, *, at_ms: int, call_index: int, took_ms: int) -> Self:
        """The attempt that came to this outcome."""
        return cls(
            at_ms=at_ms,
            call_index=call_index,
            outcome_class=outcome.outcome_class.value,
            detail=outcome.detail,
            status=outcome.status,
            took_ms=took_ms,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The attempt as a record stores it."""
        return cls(
            at_ms=int(stored["at"]),
            call_index=int(stored["call"]),
            outcome_class=stored["class"],
            detail=stored["detail"],
            status=_int_or_none(stored.get("status")),
            took_ms=_int_or_none(stored.get("took")),
        )

    def as_json(self) -> dict[str, Any]:
        """The form that a record stores."""
        return _without_none(
            {
                "at": self.at_ms,
                "call": self.call_index,
                "class": self.outcome_class,
                "detail": self.detail,
                "status": self.status,
                "took": self.took_ms,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCall:
    """A call as it was sent; kept for a dead letter, of the call that failed last."""

    call_index: int
    path: str
    body: bytes

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read a call as the journal stores it."""
        stored = msgspec.json.decode(text)
        return cls(
            call_index=int(stored["call"]), path=stored["path"], body=stored["body"].encode()
        )

    def as_json(self) -> dict[str, Any]:
        """The form that the journal stores."""
        return {"call": self.call_index, "path": self.path, "body": self.body.decode()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the journal knows about an event; times are unix milliseconds."""

    accepted_at_ms: int
    #: HTTP tries so far, of all its calls.
    attempts: int = 0
    #: How often it was postponed since it was accepted or redriven.
    postponed: int = 0
    #: The first attempt since it was accepted or redriven.
    tried_at_ms: int | None = None
    #: Index and name of each call that Convertro accepted.
    accepted: Mapping[int, str] = field(default_factory=dict)
    #: The latest attempts, oldest first; a bounded number.
    outcomes: tuple[Attempt, ...] = ()
    #: How often in a row a worker lost it by not finishing in time.
    leases_lost: int = 0
    redriven: int = 0
    #: Answers that refused it while others passed.
    refusals: int = 0
    #: Calls not known to be accepted that may have reached Convertro all the same: index
    #: (`UNKNOWN_CALL` for any of them) and how often.
    in_doubt: Mapping[int, int] = field(default_factory=dict)
    #: An operator sent it back since the doubt arose.
    reviewed: bool = False
    #: Why it is dead, and the class and status of its last attempt.
    reason: str | None = None
    outcome_class: str | None = None
    status: int | None = None
    #: What is lost with it, and the bytes of its event and record, if it is dead.
    worth: Worth | None = None
    size: int = 0

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read a record as the scripts store it."""
        stored = msgspec.json.decode(text)
        return cls(
            accepted_at_ms=int(stored["accepted_at"]),
            attempts=int(stored.get("attempts", 0)),
            postponed=int(stored.get("postponed", 0)),
            tried_at_ms=_int_or_none(stored.get("tried_at")),
            accepted={int(index): name for index, name in stored.get("accepted", {}).items()},
            outcomes=tuple(Attempt.from_json(outcome) for outcome in stored.get("outcomes", ())),
            leases_lost=int(stored.get("leases_lost", 0)),
            redriven=int(stored.get("redriven", 0)),
            refusals=int(stored.get("refusals", 0)),
            in_doubt={int(index): times for index, times in stored.get("in_doubt", {}).items()},
            reviewed=bool(stored.get("reviewed")),
            reason=stored.get("reason"),
            outcome_class=stored.get("class"),
            status=_int_or_none(stored.get("status")),
            worth=Worth(int(stored["worth"])) if "worth" in stored else None,
            size=int(stored.get("size", 0)),
        )

    def may_have_been_sent(self, call_index: int) -> bool:
        """Whether a call may have reached Convertro and no operator has looked at it since."""
        doubtful = call_index in self.in_doubt or UNKNOWN_CALL in self.in_doubt
        return doubtful and not self.reviewed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedEvent:
    """An event that is ours until its lease runs out."""

    event_id: str
    #: The fencing token of this claim.
    lease: str
    raw: bytes
    record: Record

    @property
    def is_suspect(self) -> bool:
        """Whether it may be what ended its workers, so that nothing should run beside it."""
        return self.record.leases_lost >= _SUSPECT_LEASES


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
    #: Due again at once, nothing charged: its worker stops.
    RETURNED = "returned"
    DEAD = "dead"
    #: It stays claimed under a renewed lease: a call was accepted and more follow.
    KEPT = "kept"


class Finished(StrEnum):
    """What became of a finish."""

    MOVED = "moved"
    #: Deliveries are held: it is due again, nothing was charged.
    HELD = "held"
    #: It alone was refused too often: it is a dead letter.
    REFUSED = "refused"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What a worker says about an event that it claimed."""

    event_id: str
    lease: str
    move: Move
    #: Tells the event from a later one with the same id; None to go by the id alone.
    accepted_at_ms: int | None = None
    #: Why it was skipped or is dead.
    reason: str | None = None
    #: For `POSTPONED`: milliseconds until it is due again.
    delay_ms: int | None = None
    #: Milliseconds for which Convertro asked to be left alone by all.
    retry_after_ms: int | None = None
    #: What is lost with it if it dies; None if nobody knows.
    worth: Worth | None = None
    #: For `DEAD`: class and status of its last attempt.
    outcome_class: str | None = None
    status: int | None = None
    #: Where its last call went: `users`, `events` or `installs`.
    endpoint: str | None = None
    #: The call that failed last, to be kept if the event dies.
    sent: SentCall | None = None
    #: New attempts since the claim or the last `KEPT`.
    attempts: Sequence[Attempt] = ()
    #: Calls that Convertro accepted since then: index and name.
    accepted: Mapping[int, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form that the script `finish.lua` reads."""
        return _without_none(
            {
                "id": self.event_id,
                "lease": self.lease,
                "to": self.move.value,
                "accepted_at": self.accepted_at_ms,
                "reason": self.reason,
                "delay": self.delay_ms,
                "retry_after": self.retry_after_ms,
                "worth": self.worth,
                "class": self.outcome_class,
                "status": self.status,
                "endpoint": self.endpoint,
                "sent": self.sent.as_json() if self.sent else None,
                "outcomes": [attempt.as_json() for attempt in self.attempts] or None,
                "accepted": {str(index): name for index, name in self.accepted.items()} or None,
            }
        )


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
        outcome = finish.attempts[-1].detail if finish.attempts else None
        if finished is Finished.REFUSED:
            return cls(finish.event_id, REFUSED, outcome)
        if finished is Finished.MOVED and finish.move is Move.DEAD:
            return cls(finish.event_id, finish.reason or "", outcome)
        return None

    @property
    def why(self) -> str:
        """The reason with the outcome, such as `rejected (http_400)`."""
        return f"{self.reason} ({self.outcome})" if self.outcome else self.reason


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _int_or_none(value: Any) -> int | None:
    return None if value is None else int(value)
