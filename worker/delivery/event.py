"""How one event is delivered: plan, send, classify, decide."""

import random
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from time import monotonic, time
from traceback import extract_tb
from typing import NamedTuple, Protocol, cast

import msgspec
import structlog

from config.settings import Settings
from convertro.errors import JournalUnavailable
from worker.delivery.retry import (
    Bury,
    Decision,
    Postpone,
    Proceed,
    blips_of,
    decide,
    retrying,
    stream_break_ms,
)
from worker.delivery.worth import worth_of
from worker.destination.plan import PlannedCall, plan_stored
from worker.destination.wire import idempotency_key
from worker.journal.records import Attempt, ClaimedEvent, Finish, Finished, Move, SentCall, Worth
from worker.log_actions import LogAction
from worker.outcomes import Outcome
from worker.reasons import DeathReason, Note, SkipReason

#: Moves with which an event leaves the journal for good; its notes are counted only with these, so
#: that they are counted once.
_LAST_MOVES = frozenset({Move.DELIVERED, Move.SKIPPED})

log = structlog.stdlib.get_logger(__name__)


class Request(NamedTuple):
    """An attempt to make."""

    path: str
    body: bytes
    idempotency_key: str
    #: Whether its call is the event's last.
    is_last: bool


#: A generator: yields requests, gets their outcomes by `send`, and returns where the event goes.
Steps = Generator[Request, Outcome, Finish | None]


class Sender(Protocol):
    """A transport, as far as a delivery needs it."""

    def send(self, path: str, body: bytes, idempotency_key: str) -> Outcome:
        """Make one attempt; raise nothing."""


class FinishingJournal(Protocol):
    """The part of the journal that a delivery needs."""

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Carry out what was decided about claimed events."""


class _Progress(msgspec.Struct):
    """What happened to an event since its claim, or since its last `KEPT`."""

    event: ClaimedEvent
    attempts: list[Attempt] = []
    accepted: list[str] = []
    #: The call that was sent last; None if Convertro accepted it.
    sent: SentCall | None = None
    #: When this delivery began, in seconds of the monotonic clock.
    began: float = 0.0
    #: What the event's producer should correct.
    notes: tuple[Note, ...] = ()

    def finish(  # noqa: PLR0913  each move has data of its own
        self,
        move: Move,
        *,
        reason: SkipReason | DeathReason | None = None,
        worth: Worth | None = None,
        delay_seconds: float | None = None,
        outcome: Outcome | None = None,
        retry_after_ms: int | None = None,
    ) -> Finish:
        """Make the finish: where the event goes, with its attempts and accepted calls."""
        return Finish(
            event_id=self.event.event_id,
            lease=self.event.lease,
            move=move,
            accepted_at_ms=self.event.record.accepted_at_ms,
            reason=reason,
            notes=self.notes if move in _LAST_MOVES else (),
            delay_ms=None if delay_seconds is None else int(delay_seconds * 1000),
            retry_after_ms=retry_after_ms,
            sent=self.sent if move is Move.DEAD else None,
            worth=worth,
            outcome_class=outcome.outcome_class.value if outcome else None,
            status=outcome.status if outcome else None,
            attempts=tuple(self.attempts),
            accepted=tuple(self.accepted),
        )

    def forget(self) -> None:
        """Drop attempts and accepted calls after the journal has recorded them."""
        self.attempts.clear()
        self.accepted.clear()


class Delivery:
    """Delivers single events; safe to share between the threads of a process.

    Args:
        settings: The settings of translation and of retries.
        transport: Makes the HTTP attempts.
        journal: Records accepted calls after which others follow.
        stopping: Whether the worker stops, so that no further try after a blip begins.
        now_ms: Unix time in milliseconds, for the times of attempts.
        now: Seconds of a monotonic clock.
        chance: Gives random numbers from 0 to 1, for the jitter.
    """

    def __init__(  # noqa: PLR0913  every dependency is an argument
        self,
        settings: Settings,
        transport: Sender,
        journal: FinishingJournal,
        *,
        stopping: Callable[[], bool] = lambda: False,
        now_ms: Callable[[], int] = lambda: int(time() * 1000),
        now: Callable[[], float] = monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._journal = journal
        self._now_ms = now_ms
        self._now = now
        self._chance = chance
        self._stopping = stopping

    def steps(self, event: ClaimedEvent) -> Steps:
        """Deliver a claimed event in steps.

        The generator yields the first request of each call and gets its outcome by `send`. After
        a blip, or after a call that is not the last, `send` may wait. It returns where the event
        goes, or None if another worker has claimed the event.
        """
        progress = _Progress(event, began=self._now())
        try:
            return (yield from self._deliver(progress))
        except JournalUnavailable:
            # An accepted call could not be recorded: this finish reports it again, later.
            return progress.finish(Move.RETURNED)
        except Exception as error:  # noqa: BLE001  one bad event must not end the thread
            # Neither the error's text nor a full traceback is logged: both may quote the event.
            place = extract_tb(error.__traceback__)[-1]
            log.warning(
                "An event made the worker's own code fail; it is a dead letter now.",
                action=LogAction.DELIVERY_FAILED,
                event_id=event.event_id,
                error=type(error).__name__,
                where=f"{Path(place.filename).name}:{place.lineno}",
            )
            # Its worth is left unknown, because the code that computes it may be what failed.
            return progress.finish(Move.DEAD, reason=DeathReason.UNEXPECTED_ERROR)

    def send(self, request: Request) -> Outcome:
        """Make an attempt, and wait for its outcome."""
        return self._transport.send(request.path, request.body, request.idempotency_key)

    def go_on(self, steps: Steps, attempt: Callable[[], Outcome]) -> Finish | None:
        """Carry out all further steps of an event, in this thread.

        Args:
            steps: The event's steps, which have yielded a request.
            attempt: Gives the outcome of that request, perhaps by making the attempt.
        """
        try:
            while True:
                try:
                    outcome = attempt()
                except Exception as error:  # noqa: BLE001  the steps decide about the event
                    request = steps.throw(error)
                else:
                    request = steps.send(outcome)
                attempt = partial(self.send, request)
        except StopIteration as end:
            return cast("Finish | None", end.value)

    def _deliver(self, progress: _Progress) -> Steps:
        record = progress.event.record
        plan = plan_stored(progress.event.raw, record.accepted_at_ms, self._settings)
        progress.notes = plan.notes
        if plan.invalid:
            worth = worth_of(plan.invalid, revenue=plan.bears_revenue)
            return progress.finish(Move.DEAD, reason=plan.invalid, worth=worth)
        if plan.skipped:
            return progress.finish(Move.SKIPPED, reason=plan.skipped)
        return (yield from self._send_all(progress, plan.pending(record.accepted)))

    def _send_all(self, progress: _Progress, pending: Sequence[PlannedCall]) -> Steps:
        for position, call in enumerate(pending, start=1):
            parks = self._settings.on_ambiguous == "hold" and call.bears_revenue
            if parks and progress.event.record.may_have_been_sent(call.name):
                worth = worth_of(DeathReason.AMBIGUOUS, revenue=call.bears_revenue)
                return progress.finish(Move.DEAD, reason=DeathReason.AMBIGUOUS, worth=worth)
            is_last = position == len(pending)
            outcome = yield from self._send(progress, call, parks_ambiguous=parks, is_last=is_last)
            match self._decide(progress, outcome, parks_ambiguous=parks):
                case Postpone(delay_seconds):
                    return progress.finish(
                        Move.POSTPONED,
                        delay_seconds=delay_seconds,
                        retry_after_ms=stream_break_ms(outcome, self._settings),
                    )
                case Bury(reason):
                    revenue = any(one.bears_revenue for one in pending[position - 1 :])
                    return progress.finish(
                        Move.DEAD,
                        reason=reason,
                        worth=worth_of(reason, revenue=revenue),
                        outcome=outcome,
                        retry_after_ms=stream_break_ms(outcome, self._settings),
                    )
                case Proceed():
                    progress.accepted.append(call.name)
                    progress.sent = None  # the call did not fail
            if not is_last and not self._keep(progress):
                return None
        return progress.finish(Move.DELIVERED)

    def _send(
        self, progress: _Progress, call: PlannedCall, *, parks_ambiguous: bool, is_last: bool
    ) -> Generator[Request, Outcome, Outcome]:
        """Send one call, and try again soon after a blip; return the last outcome."""
        progress.sent = SentCall(call=call.name, path=call.path, body=call.body.decode())
        event = progress.event
        key = idempotency_key(event.event_id, call.name, event.record.key_numbers.get(call.name))

        def note(outcome: Outcome, at_ms: int) -> Outcome:
            took_ms = max(0, self._now_ms() - at_ms)
            progress.attempts.append(
                Attempt(
                    at_ms=at_ms,
                    call=call.name,
                    outcome_class=outcome.outcome_class.value,
                    detail=outcome.detail,
                    status=outcome.status,
                    took_ms=took_ms,
                    said=outcome.said,
                )
            )
            return outcome

        def attempt() -> Outcome:
            at_ms = self._now_ms()
            return note(self.send(request), at_ms)

        request = Request(call.path, call.body, key, is_last)
        at_ms = self._now_ms()
        outcome = note((yield request), at_ms)
        blips = blips_of(parks_ambiguous=parks_ambiguous)
        if outcome.outcome_class not in blips:
            return outcome
        took_seconds = (progress.attempts[-1].took_ms or 0) / 1000
        tries = chain([outcome], iter(attempt, None))
        last: Outcome = retrying(blips, took_seconds, self._settings, self._stopping)(next, tries)
        return last

    def _decide(self, progress: _Progress, outcome: Outcome, *, parks_ambiguous: bool) -> Decision:
        record = progress.event.record
        # Computed without this machine's time of day, which may be wrong and may jump.
        tried_seconds = record.tried_for_ms / 1000 + self._now() - progress.began
        return decide(
            outcome,
            postponed=record.postponed,
            tried_seconds=tried_seconds,
            chance=self._chance(),
            settings=self._settings,
            parks_ambiguous=parks_ambiguous,
        )

    def _keep(self, progress: _Progress) -> bool:
        """Record an accepted call before the next one is sent; False if the lease is lost."""
        (finished,) = self._journal.finish([progress.finish(Move.KEPT)])
        progress.forget()
        return finished is Finished.MOVED
