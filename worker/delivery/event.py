"""How one event is delivered: parse, translate, send, classify, decide."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from time import time
from traceback import extract_tb
from typing import Any, Protocol

import structlog

from config.settings import Settings
from convertro.errors import JournalUnavailable
from convertro.segment_event import InvalidEvent, decode
from worker.delivery.retry import (
    AMBIGUOUS,
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
from worker.destination import Call, translate
from worker.destination.revenue import reports_revenue
from worker.destination.translation import bears_revenue
from worker.destination.wire import (
    call_name,
    encode_body,
    endpoint_of,
    idempotency_key,
    pending_calls,
    request_for,
)
from worker.journal.records import Attempt, ClaimedEvent, Finish, Finished, Move, SentCall, Worth
from worker.outcomes import Outcome

#: Dead-letter reason of an event that our own code fell over.
UNEXPECTED_ERROR = "unexpected_error"
INVALID_EVENT = "invalid_event"

log = structlog.stdlib.get_logger(__name__)


class Sender(Protocol):
    """What makes one HTTP attempt."""

    def send(self, path: str, body: bytes, idempotency_key: str) -> Outcome:
        """Make one attempt; raises nothing."""


class FinishingJournal(Protocol):
    """The part of the journal that records progress of a claimed event."""

    def finish(self, finishes: Sequence[Finish]) -> tuple[Finished, ...]:
        """Carry out what is said about claimed events."""


@dataclass(slots=True)
class _Progress:
    """What was learned about an event since its claim or its last record."""

    event: ClaimedEvent
    attempts: list[Attempt] = field(default_factory=list)
    accepted: dict[int, str] = field(default_factory=dict)
    #: Where the last call went, and what it was.
    endpoint: str | None = None
    sent: SentCall | None = None
    #: The event, once it could be read, and the calls that Convertro has not accepted yet, once
    #: they are known.
    segment_event: Mapping[str, Any] | None = None
    left: Sequence[Call] | None = None

    def finish(
        self,
        move: Move,
        *,
        reason: str | None = None,
        delay_seconds: float | None = None,
        outcome: Outcome | None = None,
        retry_after_ms: int | None = None,
    ) -> Finish:
        """Say where the event goes, together with what was learned."""
        return Finish(
            event_id=self.event.event_id,
            lease=self.event.lease,
            move=move,
            accepted_at_ms=self.event.record.accepted_at_ms,
            reason=reason,
            delay_ms=None if delay_seconds is None else int(delay_seconds * 1000),
            retry_after_ms=retry_after_ms,
            endpoint=self.endpoint,
            sent=self.sent if self._may_die(move) else None,
            worth=self._worth(reason) if self._may_die(move) else None,
            outcome_class=outcome.outcome_class.value if outcome else None,
            status=outcome.status if outcome else None,
            attempts=tuple(self.attempts),
            accepted=dict(self.accepted),
        )

    def _may_die(self, move: Move) -> bool:
        """Whether the event dies, or the journal may bury it as refused."""
        return move is Move.DEAD or (move is Move.POSTPONED and self.event.record.refusals > 0)

    def _worth(self, reason: str | None) -> Worth | None:
        """What is lost if the event dies; None if nobody knows."""
        if reason == UNEXPECTED_ERROR:
            return None  # what would tell may be what fell over it
        event = self.segment_event
        if event is None:
            revenue = False
        elif self.left is None:
            revenue = reports_revenue(event)
        else:
            revenue = any(bears_revenue(call, event) for call in self.left)
        return worth_of(reason, revenue=revenue)

    def forget(self) -> None:
        """Begin anew after what was learned has been recorded."""
        self.attempts.clear()
        self.accepted.clear()


class Delivery:
    """Delivers single events; safe to share between the threads of a process.

    Args:
        settings: What to translate with, where to send, how to retry.
        transport: Makes the HTTP attempts.
        journal: Records a call that was accepted while others follow.
        stopping: Whether the worker stops, so that no further blip try begins.
        now_ms: Unix time in milliseconds.
        chance: A random number from 0 to 1, for the jitter.
    """

    def __init__(  # noqa: PLR0913  every dependency is an argument
        self,
        settings: Settings,
        transport: Sender,
        journal: FinishingJournal,
        *,
        stopping: Callable[[], bool] = lambda: False,
        now_ms: Callable[[], int] = lambda: int(time() * 1000),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._journal = journal
        self._now_ms = now_ms
        self._chance = chance
        self._stopping = stopping

    def deliver(self, event: ClaimedEvent) -> Finish | None:
        """Do everything that can be done about a claimed event now.

        Answers where it goes; None if another worker has taken it over.
        """
        progress = _Progress(event)
        try:
            return self._deliver(progress)
        except JournalUnavailable:
            # A call was accepted and could not be recorded: say so again, with the rest later.
            return progress.finish(Move.RETURNED)
        except Exception as error:  # noqa: BLE001  one bad event must not end the rest
            # Neither the message nor a full traceback: both may quote the event.
            place = extract_tb(error.__traceback__)[-1]
            log.warning(
                "An event made the worker's own code fail; it is a dead letter now.",
                action="delivery_failed",
                event_id=event.event_id,
                error=type(error).__name__,
                where=f"{Path(place.filename).name}:{place.lineno}",
            )
            return progress.finish(Move.DEAD, reason=UNEXPECTED_ERROR)

    def _deliver(self, progress: _Progress) -> Finish | None:
        event = progress.event
        try:
            segment_event = decode(event.raw)
        except InvalidEvent:
            return progress.finish(Move.DEAD, reason=INVALID_EVENT)
        progress.segment_event = segment_event
        accepted_at = datetime.fromtimestamp(event.record.accepted_at_ms / 1000, UTC)
        translation = translate(
            segment_event,
            self._settings,
            accepted_at=accepted_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
        if translation.invalid:
            return progress.finish(Move.DEAD, reason=translation.invalid)
        if translation.skipped:
            return progress.finish(Move.SKIPPED, reason=translation.skipped)
        pending = pending_calls(translation.calls, event.record.accepted)
        return self._send_all(progress, pending, segment_event)

    def _send_all(
        self,
        progress: _Progress,
        pending: Sequence[tuple[int, Call]],
        segment_event: Mapping[str, Any],
    ) -> Finish | None:
        for position, (index, call) in enumerate(pending, start=1):
            progress.left = [one for _, one in pending[position - 1 :]]
            parks = self._settings.on_ambiguous == "hold" and bears_revenue(call, segment_event)
            if parks and progress.event.record.may_have_been_sent(index):
                return progress.finish(Move.DEAD, reason=AMBIGUOUS)
            outcome = self._send(progress, index, call, parks_ambiguous=parks)
            match self._decide(progress, outcome, parks_ambiguous=parks):
                case Postpone(delay_seconds):
                    return progress.finish(
                        Move.POSTPONED,
                        delay_seconds=delay_seconds,
                        retry_after_ms=stream_break_ms(outcome, self._settings),
                    )
                case Bury(reason):
                    return progress.finish(
                        Move.DEAD,
                        reason=reason,
                        outcome=outcome,
                        retry_after_ms=stream_break_ms(outcome, self._settings),
                    )
                case Proceed():
                    progress.accepted[index] = call_name(call)
                    progress.sent = None  # it did not fail
            if position < len(pending) and not self._keep(progress):
                return None
        return progress.finish(Move.DELIVERED)

    def _send(
        self, progress: _Progress, index: int, call: Call, *, parks_ambiguous: bool
    ) -> Outcome:
        """Send one call, trying again at once for blips; the last outcome counts."""
        request = request_for(call, self._settings)
        body = encode_body(request.body)
        progress.endpoint = endpoint_of(call)
        progress.sent = SentCall(call_index=index, path=request.path, body=body)
        key = idempotency_key(progress.event.event_id, index)

        def attempt() -> Outcome:
            at_ms = self._now_ms()
            outcome = self._transport.send(request.path, body, key)
            took_ms = max(0, self._now_ms() - at_ms)
            progress.attempts.append(
                Attempt.of(outcome, at_ms=at_ms, call_index=index, took_ms=took_ms)
            )
            return outcome

        outcome = attempt()
        blips = blips_of(parks_ambiguous=parks_ambiguous)
        if outcome.outcome_class not in blips:
            return outcome
        took_seconds = (progress.attempts[-1].took_ms or 0) / 1000
        tries = chain([outcome], iter(attempt, None))
        last: Outcome = retrying(blips, took_seconds, self._settings, self._stopping)(next, tries)
        return last

    def _decide(self, progress: _Progress, outcome: Outcome, *, parks_ambiguous: bool) -> Decision:
        record = progress.event.record
        first_ms = record.tried_at_ms or progress.attempts[0].at_ms
        return decide(
            outcome,
            postponed=record.postponed,
            tried_seconds=(self._now_ms() - first_ms) / 1000,
            chance=self._chance(),
            settings=self._settings,
            parks_ambiguous=parks_ambiguous,
        )

    def _keep(self, progress: _Progress) -> bool:
        """Record an accepted call before the next is sent; False if the event is not ours."""
        (finished,) = self._journal.finish([progress.finish(Move.KEPT)])
        progress.forget()
        return finished is Finished.MOVED
