"""One run of the deliver task: claims events, has them delivered, and writes back in groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from secrets import token_hex
from time import monotonic, sleep, time
from typing import Protocol

import structlog

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.delivery.event import FinishingJournal
from worker.delivery.summary import Summary, log_finishes, log_poisoned
from worker.delivery.threads import Outbox
from worker.journal.records import (
    UNKNOWN_CALL,
    Attempt,
    Burial,
    Claim,
    ClaimedEvent,
    ClaimState,
    Finish,
    Finished,
    Move,
    TaskState,
)
from worker.log_actions import LogAction
from worker.outcomes import OutcomeClass
from worker.process.flower import Announce, announce_nothing
from worker.process.outage import Outage
from worker.reasons import DeathReason

#: How long one deliver task goes on before it makes room for other tasks.
TASK_SECONDS = 20.0

#: How long to gather results between two claims: several share a round trip, and none waits long.
PACE_SECONDS = 0.01

#: The same after a claim of at least this many events, when round trips matter more than the wait.
_CROWD_EVENTS = 8
_CROWDED_PACE_SECONDS = 0.025

#: How long a task waits for more events after it last got some. The bell wakes it in a fraction of
#: the time that a Celery message takes.
_LINGER_SECONDS = 2.0

#: Longest wait for a result, or for the bell, before the next claim renews the wake-up token.
_BUSY_SECONDS = 0.5

#: Most events that one step of the journal claims or finishes; all others wait for it meanwhile.
_STEP_EVENTS = 64

#: How long to wait before the next step after the journal was unavailable.
JOURNAL_PAUSE_SECONDS = 0.5

#: The detail of an attempt whose outcome the stopping worker did not wait for.
INTERRUPTED = "interrupted"

log = structlog.stdlib.get_logger(__name__)


class ClaimingJournal(FinishingJournal, Protocol):
    """The part of the journal that a run needs."""

    def claim(
        self,
        wakeup: str,
        lease: str,
        limit: int,
        *,
        task: TaskState,
        finishes: Sequence[Finish],
    ) -> Claim:
        """Finish events, then claim due ones."""

    def wait(self, timeout_seconds: float) -> None:
        """Wait for the bell."""


class Deliverer(Protocol):
    """A `DeliveryLoop`, as far as a run needs it."""

    def submit(self, events: Sequence[ClaimedEvent], outbox: Outbox) -> None:
        """Deliver events and put the results in the outbox."""


@dataclass(slots=True, kw_only=True)
class DeliveryRun:
    """Keeps a bounded number of events in flight until nothing is due or its time is over."""

    journal: ClaimingJournal
    loop: Deliverer
    settings: Settings
    wakeup: str
    stopping: Callable[[], bool]
    outage: Outage
    #: Called with the events that became dead letters; must neither raise nor take long.
    announce: Announce = announce_nothing
    summary: Summary = field(default_factory=Summary)
    #: By lease and id, because after a lost lease the same event may be claimed again.
    _in_flight: dict[tuple[str, str], ClaimedEvent] = field(default_factory=dict)
    _outbox: Outbox = field(default_factory=Outbox)
    #: Finishes that the journal has not confirmed.
    _unwritten: list[Finish] = field(default_factory=list)
    #: Whether the last write got no answer, so that it may have been carried out.
    _unsure: bool = False
    #: When the last claim was made, and whether it got as many events as it asked for.
    _claimed_at: float = 0.0
    _more_is_due: bool = False
    #: How long to wait before the next claim because of the rate limit, in seconds.
    _wait_seconds: float = 0.0
    #: How long to gather results before the next claim, in seconds.
    _pace_seconds: float = PACE_SECONDS
    #: Until when to wait for more events if nothing is in flight.
    _lingers_until: float = 0.0

    def run(self) -> bool:
        """Deliver; return whether events may be due, so that the caller should send wake-ups."""
        until = monotonic() + TASK_SECONDS
        while not self.stopping() and monotonic() < until:
            state = self._finish_and_claim()
            if state is ClaimState.IDLE:
                return False
            if state in {ClaimState.SURPLUS, ClaimState.HELD}:
                break
            self._wait_for_results()
        self._drain()
        return True

    def _finish_and_claim(self) -> ClaimState:
        """Write back finishes, and claim as many events as there is room for in flight."""
        free = 0 if self._is_full() else self.settings.concurrency - len(self._in_flight)
        free = min(free, _STEP_EVENTS)
        lease = token_hex(8)
        self._claimed_at = monotonic()
        try:
            claim = self.journal.claim(
                self.wakeup,
                lease,
                free,
                task=self._task_state(),
                finishes=self._unwritten[:_STEP_EVENTS],
            )
        except JournalUnavailable as error:
            self._unsure = True
            self._pause(error)
            return ClaimState.CLAIMED
        buried = self._confirm(claim.finished)
        if claim.events:
            for event in claim.events:
                self._in_flight[event.lease, event.event_id] = event
            self.loop.submit(claim.events, self._outbox)
            self.summary.claimed += len(claim.events)
            self._lingers_until = self._claimed_at + _LINGER_SECONDS
        self._more_is_due = len(claim.events) == free > 0
        crowded = len(claim.events) >= _CROWD_EVENTS
        self._pace_seconds = _CROWDED_PACE_SECONDS if crowded else PACE_SECONDS
        self._wait_seconds = min(claim.wait_ms / 1000, _BUSY_SECONDS)
        for event_id in claim.poisoned:
            log_poisoned(event_id)
            buried.append(Burial(event_id, DeathReason.POISON))
        self.announce(buried)
        return claim.state

    def _task_state(self) -> TaskState:
        if self._in_flight or len(self._unwritten) > _STEP_EVENTS:
            return TaskState.BUSY
        lingers = self._claimed_at < self._lingers_until
        return TaskState.LINGERING if lingers else TaskState.ENDING

    def _is_full(self) -> bool:
        """Whether no more events may be in flight; a suspect must be alone in its process."""
        return len(self._in_flight) == self.settings.concurrency or any(
            event.is_suspect for event in self._in_flight.values()
        )

    def _wait_for_results(self) -> None:
        """Take results until it is time for the next claim."""
        if not (self._in_flight or self._unwritten or self._wait_seconds or self._unsure):
            self._wait_for_bell()
            return
        if self._is_full():
            self._outbox.wait(1, _BUSY_SECONDS)
            self._take_results()
        pause_seconds = max(self._pace_seconds, self._wait_seconds)
        left_seconds = max(0.0, self._claimed_at + pause_seconds - monotonic())
        self._outbox.wait(self._enough_results(), left_seconds)
        self._take_results()

    def _enough_results(self) -> float:
        """Give the number of results that bring the next claim before its time; `inf` for none."""
        if self._more_is_due:
            return len(self._in_flight) - self.settings.concurrency // 2
        if len(self._in_flight) == 1:
            return 1  # few events come, so there is nothing to wait for
        return inf

    def _wait_for_bell(self) -> None:
        try:
            self.journal.wait(_BUSY_SECONDS)
        except JournalUnavailable as error:
            self._pause(error)

    def _take_results(self) -> None:
        """Take results, except of events that were abandoned meanwhile."""
        for event, finish in self._outbox.take():
            if self._in_flight.pop((event.lease, event.event_id), None) is None:
                continue
            if finish is None:
                self.summary.lost += 1
            else:
                self._unwritten.append(finish)

    def _write_back(self) -> None:
        """Write back finishes; those that cannot be written are kept for the next time."""
        while self._unwritten:
            try:
                finished = self.journal.finish(self._unwritten[:_STEP_EVENTS])
            except JournalUnavailable as error:
                self._unsure = True
                self._pause(error)
                return
            self.announce(self._confirm(finished))

    def _confirm(self, answers: Sequence[Finished]) -> list[Burial]:
        """Count and log what became of events; return those that are dead letters now."""
        # After a lost answer the finishes are sent again. If the first try moved the events, the
        # second is answered `GONE` or `LOST`, which must not be reported.
        known = [Finished.MOVED] * len(answers) if self._unsure else answers
        written = list(zip(self._unwritten[: len(answers)], known, strict=True))
        self.summary.count(written)
        log_finishes(written)
        buried = [burial for one in written if (burial := Burial.of(*one))]
        self._unwritten = self._unwritten[len(answers) :]
        self._unsure = False
        self.outage.end()
        return buried

    def _drain(self) -> None:
        """Wait for the events in flight; a stopping worker hands back those that take too long."""
        leases_end_at = monotonic() + self.settings.lease_seconds
        stop_at: float | None = None
        while self._in_flight or self._unwritten:
            if self.stopping() and stop_at is None:
                stop_at = monotonic() + self.settings.shutdown_seconds
            if stop_at is not None and monotonic() >= stop_at:
                self._hand_back()
                return
            if self._in_flight and monotonic() >= leases_end_at:
                self._abandon()
            self._outbox.wait(len(self._in_flight), PACE_SECONDS)
            self._take_results()
            self._write_back()

    def _abandon(self) -> None:
        """Drop events whose leases have ended, because other workers may have claimed them."""
        log.warning(
            "Events did not end within their lease; they are tried again.",
            action=LogAction.EVENTS_ABANDONED,
            events=len(self._in_flight),
        )
        self.summary.lost += len(self._in_flight)
        self._in_flight.clear()

    def _hand_back(self) -> None:
        self._unwritten += [_interrupted(event) for event in self._in_flight.values()]
        self._in_flight.clear()
        self._write_back()
        if self._unwritten:
            log.warning(
                "The journal is unavailable: these events are sent again when their lease ends.",
                action=LogAction.FINISHES_LOST,
                events=len(self._unwritten),
            )

    def _pause(self, error: JournalUnavailable) -> None:
        self.outage.note(error.reason)
        sleep(JOURNAL_PAUSE_SECONDS)


def _interrupted(event: ClaimedEvent) -> Finish:
    """Hand back an event in flight, which may have reached Convertro."""
    attempt = Attempt(
        at_ms=int(time() * 1000),
        call=UNKNOWN_CALL,
        outcome_class=OutcomeClass.AMBIGUOUS.value,
        detail=INTERRUPTED,
    )
    return Finish(
        event_id=event.event_id,
        lease=event.lease,
        move=Move.RETURNED,
        accepted_at_ms=event.record.accepted_at_ms,
        attempts=(attempt,),
    )
