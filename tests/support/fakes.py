"""Real classes that stand in for the ports of the delivery, in one place."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from convertro.errors import JournalUnavailable
from worker.delivery.event import Delivery
from worker.journal.records import Burial, Claim, ClaimedEvent, ClaimState, Finish, Finished, Record
from worker.outcomes import Outcome, OutcomeClass

ACCEPTED = Outcome(outcome_class=OutcomeClass.ACCEPTED, status=200, detail="accepted")


def answered(name: str, status: int | None = None, **fields: float) -> Outcome:
    """An outcome of a class."""
    return Outcome(
        outcome_class=OutcomeClass(name),
        status=status,
        detail=f"http_{status}" if status else "no_answer",
        retry_after_seconds=fields.get("retry_after_seconds"),
    )


def claimed(raw: bytes, event_id: str = "event-1", **record: object) -> ClaimedEvent:
    """A claimed event as the journal hands it out."""
    fields: dict[str, object] = {"accepted_at_ms": 1_777_889_730_123, **record}
    return ClaimedEvent(
        event_id=event_id,
        lease="lease-1",
        raw=raw,
        record=Record(**fields),  # type: ignore[arg-type]  # overrides by keyword
    )


def deliver_here(delivery: Delivery, event: ClaimedEvent) -> Finish | None:
    """Take all steps about an event here; answers where it goes."""
    steps = delivery.steps(event)
    try:
        request = next(steps)
    except StopIteration as end:
        return cast("Finish | None", end.value)
    return delivery.go_on(steps, partial(delivery.send, request))


@dataclass
class FakeTransport:
    """Answers with the outcomes it was given, then accepts everything."""

    outcomes: deque[Outcome] = field(default_factory=deque)
    sent: list[tuple[str, bytes, str]] = field(default_factory=list)

    def send(self, path: str, body: bytes, idempotency_key: str) -> Outcome:
        self.sent.append((path, body, idempotency_key))
        return self.outcomes.popleft() if self.outcomes else ACCEPTED


@dataclass
class FakeJournal:
    """Hands out the events it was given and notes what comes back."""

    events: deque[ClaimedEvent] = field(default_factory=deque)
    finishes: list[Finish] = field(default_factory=list)
    answer: Finished = Finished.MOVED
    #: Called before each step; raises what it wants.
    before: Callable[[], None] = lambda: None
    limits: list[int] = field(default_factory=list)
    #: How many finishes each step brought.
    groups: list[int] = field(default_factory=list)
    #: What it answers instead of handing anything out.
    state: ClaimState | None = None
    #: What the last claim found to be poison.
    poisoned: tuple[str, ...] = ()

    def claim(  # noqa: PLR0913  as the journal's
        self,
        wakeup: str,
        lease: str,
        limit: int,
        *,
        idle: bool,
        lingers: bool,
        finishes: Sequence[Finish],
    ) -> Claim:
        finished = self.finish(finishes)
        self.limits.append(limit)
        if self.state:
            return Claim(self.state, finished)
        events = tuple(self.events.popleft() for _ in range(min(limit, len(self.events))))
        if not events and idle:
            return Claim(ClaimState.IDLE, finished, poisoned=self.poisoned)
        return Claim(ClaimState.CLAIMED, finished, events)

    def wait(self, timeout_seconds: float) -> None:
        raise AssertionError("it lingers, although that was not granted")

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        self.before()
        self.finishes += finishes
        self.groups.append(len(finishes))
        return (self.answer,) * len(finishes)


@dataclass
class FakeAnnouncer:
    """Notes what it is told, message by message."""

    told: list[tuple[Burial, ...]] = field(default_factory=list)

    def __call__(self, burials: Sequence[Burial]) -> None:
        if burials:
            self.told.append(tuple(burials))


@dataclass
class FailTimes:
    """Raises `JournalUnavailable` so many times."""

    times: int

    def __call__(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise JournalUnavailable("down")
