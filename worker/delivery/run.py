"""One run of the deliver task: claim events, have them delivered, write back in groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic, sleep, time
from typing import Protocol

import structlog

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.delivery.event import FinishingJournal
from worker.delivery.summary import Summary, log_finishes
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
)
from worker.log_actions import LogAction
from worker.outcomes import OutcomeClass
from worker.process.flower import Announce, tell_nobody
from worker.process.outage import Outage
from worker.reasons import DeathReason

#: How long one deliver task goes on before it makes room for other tasks.
TASK_SECONDS = 20.0

#: How long to gather what comes and what finishes before talking to the journal again: a
#: few events share a round trip, and none waits for long.
PACE_SECONDS = 0.01

#: The same where so many events came at once that round trips count for more than a wait.
_CROWD_EVENTS = 8
_CROWDED_PACE_SECONDS = 0.025

#: How long to stay after the last event. Who stays is called within a fraction of the time that a
#: Celery message takes.
_LINGER_SECONDS = 2.0

#: How long to wait for an event to end before renewing the wake-up token.
_BUSY_SECONDS = 0.5

#: Events that one step of the journal claims, or hears of, at most: it keeps all others waiting.
_STEP_EVENTS = 64

#: Wait between two tries to reach a journal that is unavailable.
JOURNAL_PAUSE_SECONDS = 0.5

#: What an attempt is called whose end the worker could not wait for.
INTERRUPTED = "interrupted"

log = structlog.stdlib.get_logger(__name__)


class ClaimingJournal(FinishingJournal, Protocol):
    """The part of the journal that a run needs."""

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
        """Write back what became of events, then claim due ones."""

    def wait(self, timeout_seconds: float) -> None:
        """Wait for more to come."""


class Deliverer(Protocol):
    """What delivers claimed events."""

    def submit(self, events: Sequence[ClaimedEvent], outbox: Outbox) -> None:
        """Deliver events and put the results in the outbox."""


@dataclass(slots=True, kw_only=True)
class DeliveryRun:
    """Keeps a bounded number of events in flight until nothing is due or time is up."""

    journal: ClaimingJournal
    loop: Deliverer
    settings: Settings
    wakeup: str
    stopping: Callable[[], bool]
    outage: Outage
    #: Is told of each event that becomes a dead letter; must neither raise nor take long.
    announce: Announce = tell_nobody
    summary: Summary = field(default_factory=Summary)
    #: By lease and id: a claim that came after a lost lease is another one.
    _in_flight: dict[tuple[str, str], ClaimedEvent] = field(default_factory=dict)
    _outbox: Outbox = field(default_factory=Outbox)
    _unwritten: list[Finish] = field(default_factory=list)
    #: The last write got no answer: it may have been carried out.
    _unsure: bool = False
    #: When the journal was last asked, and whether it had as many events as were asked for.
    _asked_at: float = 0.0
    _more_is_due: bool = False
    #: How long it is pointless to ask again, in seconds.
    _wait_seconds: float = 0.0
    #: How long to gather before asking again.
    _pace_seconds: float = PACE_SECONDS
    #: Until when to wait for more once there is nothing left to do.
    _lingers_until: float = 0.0

    def run(self) -> bool:
        """Deliver; answers whether work may remain, so that somebody should ring again."""
        until = monotonic() + TASK_SECONDS
        while not self.stopping() and monotonic() < until:
            state = self._turn()
            if state is ClaimState.IDLE:
                return False
            if state in {ClaimState.SURPLUS, ClaimState.HELD}:
                break
            self._gather()
        self._drain()
        return True

    def _turn(self) -> ClaimState:
        """Write back what is finished and claim as many events as may still be in flight."""
        free = 0 if self._is_full() else self.settings.concurrency - len(self._in_flight)
        free = min(free, _STEP_EVENTS)
        lease = token_hex(8)
        self._asked_at = monotonic()
        try:
            claim = self.journal.claim(
                self.wakeup,
                lease,
                free,
                idle=not self._in_flight and len(self._unwritten) <= _STEP_EVENTS,
                lingers=self._asked_at < self._lingers_until,
                finishes=self._unwritten[:_STEP_EVENTS],
            )
        except JournalUnavailable as error:
            self._unsure = True
            self._pause(error)
            return ClaimState.CLAIMED
        buried = self._note_written(claim.finished)
        if claim.events:
            for event in claim.events:
                self._in_flight[event.lease, event.event_id] = event
            self.loop.submit(claim.events, self._outbox)
            self.summary.claimed += len(claim.events)
            self._lingers_until = self._asked_at + _LINGER_SECONDS
        self._more_is_due = len(claim.events) == free > 0
        crowded = len(claim.events) >= _CROWD_EVENTS
        self._pace_seconds = _CROWDED_PACE_SECONDS if crowded else PACE_SECONDS
        self._wait_seconds = min(claim.wait_ms / 1000, _BUSY_SECONDS)
        self.announce(
            [*buried, *(Burial(event_id, DeathReason.POISON) for event_id in claim.poisoned)]
        )
        return claim.state

    def _is_full(self) -> bool:
        """Whether nothing more should be in flight; a suspect has the process for itself."""
        return len(self._in_flight) == self.settings.concurrency or any(
            event.is_suspect for event in self._in_flight.values()
        )

    def _gather(self) -> None:
        """Take what finishes until it pays to talk to the journal again."""
        if not (self._in_flight or self._unwritten or self._wait_seconds or self._unsure):
            self._wait_for_more()
            return
        if self._is_full():
            self._outbox.wait(1, _BUSY_SECONDS)
            self._take()
        pause_seconds = max(self._pace_seconds, self._wait_seconds)
        self._outbox.wait(self._wanted(), max(0.0, self._asked_at + pause_seconds - monotonic()))
        self._take()

    def _wanted(self) -> int:
        """Of how many results it pays to talk to the journal before its time."""
        if self._more_is_due:
            return len(self._in_flight) - self.settings.concurrency // 2
        if len(self._in_flight) == 1:
            return 1  # it is quiet: nothing else may come for long
        return self.settings.concurrency + 1  # more than there can be

    def _wait_for_more(self) -> None:
        try:
            self.journal.wait(_BUSY_SECONDS)
        except JournalUnavailable as error:
            self._pause(error)

    def _take(self) -> None:
        """Take what is finished, but for events that were left alone meanwhile."""
        for event, finish in self._outbox.take():
            if self._in_flight.pop((event.lease, event.event_id), None) is None:
                continue
            if finish is None:
                self.summary.lost += 1
            else:
                self._unwritten.append(finish)

    def _write(self) -> None:
        """Write back what is finished; what cannot be written is kept for the next time."""
        while self._unwritten:
            try:
                finished = self.journal.finish(self._unwritten[:_STEP_EVENTS])
            except JournalUnavailable as error:
                self._unsure = True
                self._pause(error)
                return
            self.announce(self._note_written(finished))

    def _note_written(self, answers: Sequence[Finished]) -> list[Burial]:
        """Count and log what became of events; answers which of them are dead letters now."""
        # What was written while the answer got lost is no news the second time.
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
        """Let the events in flight end; a worker that stops hands back those that do not."""
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
            self._take()
            self._write()

    def _abandon(self) -> None:
        """Leave events alone whose leases have ended: others may have them by now."""
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
        self._write()
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
    """Hand an event back whose request may be under way: Convertro may have it."""
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
