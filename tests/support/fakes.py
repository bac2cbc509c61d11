"""Real classes that implement the ports of the delivery for tests."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from convertro.errors import JournalUnavailable
from worker.delivery.event import Delivery
from worker.journal.records import (
    Burial,
    Claim,
    ClaimedEvent,
    ClaimState,
    Finish,
    Finished,
    Record,
    TaskState,
)
from worker.outcomes import Outcome, OutcomeClass

ACCEPTED = Outcome(outcome_class=OutcomeClass.ACCEPTED, status=200, detail="accepted")


def answered(name: str, status: int | None = None, **fields: float) -> Outcome:
    """Make an outcome of a class."""
    return Outcome(
        outcome_class=OutcomeClass(name),
        status=status,
        detail=f"http_{status}" if status else "no_answer",
        retry_after_seconds=fields.get("retry_after_seconds"),
    )


def claimed(raw: bytes, event_id: str = "event-1", **record: object) -> ClaimedEvent:
    """Make a claimed event as the journal hands it out."""
    fields: dict[str, object] = {"accepted_at_ms": 1_777_889_730_123, **record}
    return ClaimedEvent(
        event_id=event_id,
        lease="lease-1",
        raw=raw,
        record=Record(**fields),  # type: ignore[arg-type]  # overrides by keyword
    )


def deliver_here(delivery: Delivery, event: ClaimedEvent) -> Finish | None:
    """Take all steps of an event's delivery in this thread; return how it is finished."""
    steps = delivery.steps(event)
    try:
        request = next(steps)
    except StopIteration as end:
        return cast("Finish | None", end.value)
    return delivery.go_on(steps, partial(delivery.send, request))


@dataclass
class FakeTransport:
    """Answers with the given outcomes, then accepts every call."""

    outcomes: deque[Outcome] = field(default_factory=deque)
    sent: list[tuple[str, bytes, str]] = field(default_factory=list)

    def send(self, path: str, body: bytes, idempotency_key: str) -> Outcome:
        self.sent.append((path, body, idempotency_key))
        return self.outcomes.popleft() if self.outcomes else ACCEPTED


@dataclass
class FakeJournal:
    """Hands out the given events and notes how they are finished."""

    events: deque[ClaimedEvent] = field(default_factory=deque)
    finishes: list[Finish] = field(default_factory=list)
    answer: Finished = Finished.MOVED
    #: Called before each step; it may raise.
    before: Callable[[], None] = lambda: None
    limits: list[int] = field(default_factory=list)
    #: The number of finishes in each step.
    groups: list[int] = field(default_factory=list)
    #: The answer to claims instead of events; None to hand events out.
    state: ClaimState | None = None
    #: The ids that a claim without events reports as poison.
    poisoned: tuple[str, ...] = ()

    def claim(
        self,
        wakeup: str,
        lease: str,
        limit: int,
        *,
        task: TaskState,
        finishes: Sequence[Finish],
    ) -> Claim:
        finished = self.finish(finishes)
        self.limits.append(limit)
        if self.state:
            return Claim(self.state, finished)
        events = tuple(self.events.popleft() for _ in range(min(limit, len(self.events))))
        if not events and task is not TaskState.BUSY:
            return Claim(ClaimState.IDLE, finished, poisoned=self.poisoned)
        return Claim(ClaimState.CLAIMED, finished, events)

    def wait(self, timeout_seconds: float) -> None:
        raise AssertionError("it waits, although the claim did not allow that")

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        self.before()
        self.finishes += finishes
        self.groups.append(len(finishes))
        return (self.answer,) * len(finishes)


@dataclass
class FakeAnnouncer:
    """Notes the burials of each announcement."""

    told: list[tuple[Burial, ...]] = field(default_factory=list)

    def __call__(self, burials: Sequence[Burial]) -> None:
        if burials:
            self.told.append(tuple(burials))


@dataclass
class FailTimes:
    """Raises `JournalUnavailable` in the first `times` calls."""

    times: int

    def __call__(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise JournalUnavailable("down")
